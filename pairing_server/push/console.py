"""A sender for development and the demo: it says on a console that a phone would be woken."""

from collections.abc import Callable

from pairing_server.push import PushAddress, Wakeup, WakeupKind
from pairing_server.tokens import mark


class ConsoleSender:
    """Writes one line a wake-up; the address, a secret of the phone's, is never written out."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    async def send(self, address: PushAddress, wakeup: Wakeup) -> None:
        """Say that a phone would be woken."""
        told = f"{address.service} {mark(address.address)}: {wakeup.id}"
        self._write(f"{_ACT[wakeup.kind]} {told}")

    async def check(self) -> list[str]:
        """Find nothing wrong: there is nobody to reach."""
        return []

    async def close(self) -> None:
        """Do nothing: there is no connection."""


_ACT = {
    WakeupKind.REQUEST: "wake",
    WakeupKind.NOTICE: "tell",
    WakeupKind.WITHDRAWN: "withdraw",
}
