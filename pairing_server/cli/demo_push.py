"""How the demo's phones are woken: by a line on the console, or by services on loopback."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from clients.push_simulator import Arrival
from clients.push_simulator.page import described
from clients.push_simulator.simulator import push_simulator
from pairing_server.push import PushAddress, PushSender, PushService, Wakeup, WakeupKind
from pairing_server.push.console import ConsoleSender


@dataclass(frozen=True, slots=True)
class Waking:
    """What the demo's server is given, and how the play learns that a phone was woken.

    Attributes:
        settings: By which the server speaks to the services.
        senders: In the place of those that the settings make.
        woken: Waits for a login request at an address.
        page: Where one sees what arrived; empty where there is nothing to see.
    """

    settings: Mapping[str, str]
    senders: Mapping[PushService, PushSender] | None
    woken: Callable[[str], Awaitable[str]]
    page: str = ""


@dataclass
class DemoPush:
    """The console sender, and whoever waits for a phone to be woken."""

    console: ConsoleSender
    _woken: dict[str, asyncio.Queue[str]] = field(
        default_factory=lambda: defaultdict(asyncio.Queue)
    )

    async def send(self, address: PushAddress, wakeup: Wakeup) -> None:
        """Say it, and wake."""
        await self.console.send(address, wakeup)
        if wakeup.kind is WakeupKind.REQUEST:
            self._woken[address.address].put_nowait(wakeup.id)

    async def check(self) -> list[str]:
        """Find nothing wrong."""
        return await self.console.check()

    async def close(self) -> None:
        """Do nothing: there is no connection."""
        await self.console.close()

    async def woken(self, push_token: str) -> str:
        """Wait until the phone with this push token is woken."""
        return await self._woken[push_token].get()


def waking(
    *, simulate: bool, directory: Path, write: Callable[[str], None]
) -> AbstractAsyncContextManager[Waking]:
    """Return how phones are woken while the block lasts."""
    return _simulated(directory, write) if simulate else _by_console(write)


@asynccontextmanager
async def _by_console(write: Callable[[str], None]) -> AsyncIterator[Waking]:
    push = DemoPush(ConsoleSender(write))
    yield Waking({}, dict.fromkeys(PushService, push), push.woken)


@asynccontextmanager
async def _simulated(directory: Path, write: Callable[[str], None]) -> AsyncIterator[Waking]:
    def tell(arrival: Arrival) -> None:
        told = described(arrival)
        outcome = "took" if arrival.is_taken else "refused"
        write(f"{told['service']} {outcome} {json.dumps(told['shown'])} for {told['phone']}")

    async with push_simulator(directory, also=tell) as simulator:
        yield Waking(simulator.settings, None, simulator.woken, simulator.page.url)
