"""Threads that own a connection and do together what has gathered."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

import structlog

from pairing_server.registry import RegistryUnavailableError
from pairing_server.registry.driver import ConnectionLostError
from pairing_server.registry.session import Session

#: Seconds before the next attempt to connect: doubled from the first to the last.
FIRST_PAUSE = 0.1
LAST_PAUSE = 2.0

S = TypeVar("S")

_log = structlog.get_logger("registry")


class Job(Generic[S]):
    """What a caller wants done, and what came of it."""

    __slots__ = ("error", "future", "is_done", "value", "work")

    def __init__(self, work: Callable[[S], Any], future: asyncio.Future[Any]) -> None:
        self.work = work
        self.future = future
        self.is_done = False
        self.value: Any = None
        self.error: BaseException | None = None

    def succeed(self, value: Any) -> None:
        """Keep the result for the caller."""
        self.value, self.error, self.is_done = value, None, True

    def fail(self, error: BaseException) -> None:
        """Keep the error for the caller."""
        # A future refuses this one, since it would end the generator that waits.
        failed = isinstance(error, StopIteration)
        self.error, self.is_done = RuntimeError(repr(error)) if failed else error, True

    def tell(self) -> None:
        """Wake the caller, on his own thread."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.value)
        else:
            self.future.set_exception(self.error)


Jobs = SimpleQueue[Job[S] | None]


def settle(jobs: Iterable[Job[S]]) -> None:
    """Wake the callers of what is done, with one call into their loop."""
    done = [job for job in jobs if job.is_done]
    if done:
        try:
            done[0].future.get_loop().call_soon_threadsafe(_tell, done)
        except RuntimeError:
            _log.warning("registry.nobody_listens", jobs=len(done))


def _tell(jobs: Iterable[Job[S]]) -> None:
    for job in jobs:
        job.tell()


class Worker(Generic[S]):
    """A thread with a connection.  `None` in the queue ends it, after what came before.

    Args:
        connect: Opens the thread's session.
        jobs: Where callers put what they want done; several workers may share it.
        limit: How many jobs are taken at once.
        handle: Does the jobs; those that it leaves undone fail with the error that it raises.
            A lost connection is made anew once before that, unless it broke during a commit.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], Session],
        jobs: Jobs[S],
        limit: int,
        handle: Callable[[Session, list[Job[S]]], None],
    ) -> None:
        self._connect = connect
        self._jobs = jobs
        self._limit = limit
        self._handle = handle
        self._session: Session | None = None
        self._is_closing = False
        self._pause = 0.0
        self._thread = threading.Thread(target=self._run, name=f"registry-{name}", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until the thread has ended."""
        self._thread.join()

    def _run(self) -> None:
        while jobs := self._gather():
            self._do(jobs)
            settle(job for job in jobs if not job.future.cancelled())
        self._drop()

    def _gather(self) -> list[Job[S]]:
        gathered: list[Job[S]] = []
        while not self._is_closing and len(gathered) < self._limit:
            try:
                job = self._jobs.get(block=not gathered)
            except Empty:
                break
            if job is None:
                self._is_closing = True
            else:
                gathered.append(job)
        return gathered

    def _do(self, jobs: list[Job[S]]) -> None:
        try:
            try:
                self._handle(self._connected(), jobs)
            except ConnectionLostError as error:
                if error.in_doubt:
                    raise
                # A connection that broke while nobody used it is no reason to fail anybody.
                self._drop()
                self._handle(self._connected(), [job for job in jobs if not job.is_done])
        except RegistryUnavailableError as error:
            _log.warning("registry.unavailable", error=str(error))
            self._drop()
            self._fail(jobs, str(error))
        except Exception:  # noqa: BLE001  (everybody waits for this thread, which must not end)
            _log.exception("registry.failed")
            self._drop()
            self._fail(jobs, "the registry failed")

    def _fail(self, jobs: list[Job[S]], reason: str) -> None:
        for job in jobs:
            if not job.is_done:
                job.fail(RegistryUnavailableError(reason))

    def _connected(self) -> Session:
        if self._session is None:
            time.sleep(self._pause)
            self._pause = min(max(2 * self._pause, FIRST_PAUSE), LAST_PAUSE)
            self._session = self._connect()
            self._pause = 0.0
        return self._session

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()
