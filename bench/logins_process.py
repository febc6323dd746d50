"""Servers in processes of their own, and what those have spent."""

import asyncio
import contextlib
import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import uvloop

from bench.push_services import OURS, pinned
from pairing_server.cli.serve import settle

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
#: Where `stat` has time in user mode and in the kernel, counted behind the program's name.
_USER, _KERNEL = 11, 12

#: Runs a server on a port, until its block is left.
Serve = Callable[[str], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Spent:
    """What a process, and those that it started, have spent.

    Attributes:
        own: Processor seconds; `others` those of what it started.
        memory: Octets of its own that are in memory.
    """

    own: float
    others: float
    memory: int


@dataclass(frozen=True)
class Served:
    """A server that is up."""

    url: str
    pid: int
    #: Whose children serve it, too: a database's.
    database: int | None = None

    def spent(self) -> Spent:
        """Return what it has spent by now."""
        others = sum(map(_seconds, _started_by(self.pid)))
        if self.database is not None:
            others += sum(map(_seconds, _started_by(self.database)))
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return Spent(_seconds(self.pid), others, pages * _PAGE)


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def served(serve: Serve) -> Iterator[Served]:
    """Run a server in a process of its own, until the block is left."""
    url = f"http://localhost:{free_port()}"
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_run, args=(there, serve, url))
    process.start()
    # Else nobody would hear that it ended before it was up.
    there.close()
    try:
        here.recv()
        yield Served(url, process.pid or 0)
    finally:
        with contextlib.suppress(BrokenPipeError):
            here.send("stop")
        process.join()


def _run(pipe: Pipe, serve: Serve, url: str) -> None:
    async def serving() -> None:
        async with serve(url):
            settle()
            pipe.send("up")
            await asyncio.to_thread(pipe.recv)

    pinned(OURS)
    uvloop.run(serving())


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_USER]) + int(fields[_KERNEL])) / _TICKS


def _started_by(pid: int) -> Iterator[int]:
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        yield from map(int, children.read_text().split())
