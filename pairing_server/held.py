"""How many calls one caller may have held: each costs a socket, a task and a place to listen."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

#: A phone holds one call for its list and one for a pairing; the rest is for connections that
#: broke without a word and are still waited on.
MOST_OF_PHONE = 4
#: The workstations of a hospital that wait for somebody at the same moment, on this node.
MOST_OF_CLIENT = 2000


class HeldCalls:
    """Counts the held calls of each caller on this node."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: Counter[str] = Counter()

    @property
    def callers(self) -> int:
        """How many callers have calls held."""
        return len(self._held)

    @contextmanager
    def hold(self, caller: str, wait: timedelta) -> Iterator[timedelta]:
        """Count a call while the block runs.

        Yields:
            How long it may be held: `wait`, or nothing when the caller has too many held already.
        """
        if not wait or self._held[caller] >= self._most:
            yield timedelta(0)
            return
        self._held[caller] += 1
        try:
            yield wait
        finally:
            self._held[caller] -= 1
            if not self._held[caller]:
                # Or every caller there ever was would stay.
                del self._held[caller]
