"""A real Valkey for the tests, and a wire to it that can be cut.

`valkey_url` and `store` are fixtures: a conftest imports them.  Under pytest-xdist every worker
has a server of its own, so each test may empty it.
"""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pairing_server.store import die_with_parent
from pairing_server.store.embedded import find_binary, options
from pairing_server.store.redis_store import RedisStore


async def run(store: RedisStore, *command: Any) -> Any:
    """Send any command over the store's own connections."""
    return await store._pipelining.send(*command)


@contextmanager
def running_valkey(*extra: str) -> Iterator[str]:
    """Run a server as the embedded one is run, and return the path of its socket."""
    with tempfile.TemporaryDirectory(prefix="test-") as directory:
        path = str(Path(directory) / "valkey.sock")
        process = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid())),
                *(str(find_binary()), *options(Path(directory), path), *extra),
            ]
        )
        try:
            _wait_until_it_answers(path)
            yield path
        finally:
            process.kill()
            process.wait()


def _wait_until_it_answers(path: str) -> None:
    for _ in range(1000):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)
            return
        time.sleep(0.01)
    raise AssertionError("Valkey does not start.")


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """Run one server for all tests of this worker."""
    with running_valkey() as path:
        yield f"unix://{path}"


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[RedisStore]:
    """Open a Store that hears signals already."""
    store = RedisStore(url)
    try:
        await store.ping()
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(valkey_url: str) -> AsyncIterator[RedisStore]:
    """Open an empty Store."""
    async with opened(valkey_url) as empty:
        await run(empty, "FLUSHALL")
        yield empty


class Wire:
    """Carries bytes between a client and a server's socket; it can be cut and it can freeze.

    Attributes:
        cut_at: A request with these bytes in it is carried out, but its answer is lost and the
            line cut: once, or as often as it comes when `keeps_cutting`.
    """

    def __init__(self, server: str, path: str) -> None:
        self._server = server
        self._lines: list[tuple[bytearray, asyncio.Task[None]]] = []
        self.url = f"unix://{path}"
        self.cut_at: bytes | None = None
        self.keeps_cutting = False
        self.requests: list[bytes] = []

    def freeze(self, request: bytes) -> None:
        """Let no more answers through on the open lines that carried these bytes."""
        for requests, answering in self._lines:
            if request in requests:
                answering.cancel()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one line until either end closes it."""
        from_server, to_server = await asyncio.open_unix_connection(self._server)
        answering = asyncio.create_task(_copy(from_server, writer))
        self._lines.append((carried := bytearray(), answering))
        with contextlib.suppress(ConnectionError):
            while request := await reader.read(65536):
                self.requests.append(request)
                carried += request
                if cut := self._cuts(request):
                    await _cancelled(answering)
                to_server.write(request)
                if cut:
                    await from_server.read(65536)
                    break
        await _cancelled(answering)
        for end in (to_server, writer):
            end.close()

    def _cuts(self, request: bytes) -> bool:
        cuts = self.cut_at is not None and self.cut_at in request
        if cuts and not self.keeps_cutting:
            self.cut_at = None
        return cuts


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while answer := await reader.read(65536):
        writer.write(answer)
    writer.close()


@asynccontextmanager
async def wired(server: str, path: Path) -> AsyncIterator[Wire]:
    """Lay a wire to the server at the socket path `server`."""
    wire = Wire(server, str(path))
    lines: set[asyncio.Task[None]] = set()

    def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.add(asyncio.get_running_loop().create_task(wire.carry(reader, writer)))

    listening = await asyncio.start_unix_server(carry, path)
    try:
        yield wire
    finally:
        listening.close()
        await asyncio.wait_for(asyncio.gather(*lines), 10)
