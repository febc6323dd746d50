"""Push senders that do what a test says, and what a dispatch did with them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pairing_server.metrics import METRICS
from pairing_server.push import PushAddress, Wakeup

Act = Callable[[PushAddress], Awaitable[object]]


async def deliver(_address: PushAddress) -> None:
    pass


async def hang(_address: PushAddress) -> None:
    await asyncio.Event().wait()


async def settled() -> None:
    """Let everything happen that waits for nothing but the loop."""
    for _ in range(20):
        await asyncio.sleep(0)


def fail(error: Exception) -> Act:
    async def act(_address: PushAddress) -> None:
        raise error

    return act


@dataclass
class Sender:
    """Does what a test says with each wake-up, and the last thing with all that follow."""

    acts: list[Act]
    sent: list[tuple[PushAddress, Wakeup]] = field(default_factory=list)
    is_closed: bool = False

    def __init__(self, *acts: Act) -> None:
        self.acts = list(acts)
        self.sent = []

    async def send(self, address: PushAddress, wakeup: Wakeup) -> None:
        act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
        self.sent.append((address, wakeup))
        await act(address)

    async def check(self) -> list[str]:
        return []

    async def close(self) -> None:
        self.is_closed = True

    @property
    def ids(self) -> list[str]:
        """The identifiers that were sent, in order."""
        return [wakeup.id for _, wakeup in self.sent]


def outcomes() -> dict[tuple[str, str, str], float]:
    """Return how often each outcome was counted: by service, outcome and code."""
    families = [family for family in METRICS.collect() if family.name == "pairing_wakeups"]
    return {
        (sample.labels["service"], sample.labels["outcome"], sample.labels["code"]): sample.value
        for family in families
        for sample in family.samples
        if sample.name.endswith("_total")
    }


@contextmanager
def counted() -> Iterator[dict[str, int]]:
    """Count what becomes of wake-ups in the block: `outcome` or `outcome code`."""
    before, found = outcomes(), {}
    yield found
    for (_, outcome, code), value in outcomes().items():
        more = int(value - before.get((_, outcome, code), 0))
        if more:
            word = f"{outcome} {code}".strip()
            found[word] = found.get(word, 0) + more
