"""The Store: what lives for seconds or minutes and must change hands exactly once.

Values are bytes under string keys.  Each verb is one atomic step on the server; what needs more
than one step is written as get, rule, `swap` and starts over when the swap lost
(`pairing_server.store.shelf`).
"""

from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol


class StoreUnavailableError(Exception):
    """The store cannot be reached or did not answer in time; nothing may be concluded from it."""


class Listener(Protocol):
    """Hears the signals of one channel, from the moment it was opened."""

    async def wait(self, timeout: timedelta) -> bool:  # noqa: ASYNC109  (a fact of the call)
        """Wait until the channel is signalled, the time is up or the server drains.

        A signal that came since the listener was opened, or since its last wait, returns at once:
        open the listener first, read the state second, wait third, and no signal is lost.

        Returns:
            Whether there was a signal.
        """


class Store(Protocol):
    """Five atomic verbs, and signals."""

    async def create(self, key: str, value: bytes, ttl: timedelta) -> bool:
        """Put a value where there is none.  Returns whether there was none."""

    async def get(self, key: str) -> bytes | None:
        """Read a value."""

    async def swap(
        self,
        key: str,
        old: bytes,
        new: bytes,
        ttl: timedelta | None = None,
        signal: str | None = None,
    ) -> bool:
        """Replace exactly `old` by `new`.

        Args:
            ttl: A new lifetime; by default what is left of the old one stays.
            signal: The channel whose listeners are woken in the same step, if it was replaced.

        Returns:
            Whether `old` was still there: of many who swap the same bytes one gets `True`.
        """

    async def take(self, key: str) -> bytes | None:
        """Read and remove a value: of many who take one gets it."""

    async def delete(self, key: str) -> bool:
        """Remove a value.  Returns whether there was one."""

    async def signal(self, channel: str) -> None:
        """Wake every listener of the channel, on every node."""

    def listen(self, channel: str) -> AbstractAsyncContextManager[Listener]:
        """Open a listener.  It holds no connection of its own."""

    async def ping(self) -> None:
        """Make sure that the store answers and hears signals.

        Raises:
            StoreUnavailableError: it does not.
        """

    def drain(self) -> None:
        """Let every wait end at once, now and from now on: the server is stopping."""

    async def close(self) -> None:
        """Let go of all connections."""
