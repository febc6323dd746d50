"""Whether the other side of a connection is still there, where nothing says that it is not."""

import asyncio
from collections.abc import Callable

#: A connection on which nothing was heard for so long is asked whether it lives: before a
#: firewall forgets it, and not so often that the other side would mind.
QUIET_SECONDS = 60
#: How long an answer to that may take.
ANSWER_SECONDS = 5


class Pulse:
    """Asks when it has been quiet, or when somebody is in doubt.

    Args:
        ask: Sends what the other side has to answer.
        lose: Is called when it does not.
    """

    def __init__(self, ask: Callable[[], None], lose: Callable[[], None]) -> None:
        self._ask = ask
        self._lose = lose
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._watching: asyncio.TimerHandle | None = None
        self._waiting: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._heard_at = self._loop.time()
        self._watch()

    def heard(self) -> None:
        """Take whatever comes for an answer."""
        self._heard_at = self._loop.time()
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def doubt(self) -> None:
        """Ask now, unless an answer is being waited for."""
        if self._watching is not None and self._waiting is None:
            self._waiting = self._loop.call_later(ANSWER_SECONDS, self._lose)
            self._ask()

    def stop(self) -> None:
        """Ask and lose nothing more."""
        for timer in (self._watching, self._waiting):
            if timer is not None:
                timer.cancel()
        self._watching = None

    def _watch(self) -> None:
        quiet = self._loop.time() - self._heard_at
        if quiet >= QUIET_SECONDS:
            self.doubt()
            quiet = 0
        self._watching = self._loop.call_later(QUIET_SECONDS - quiet, self._watch)
