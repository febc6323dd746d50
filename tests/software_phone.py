"""`zorgid-phone` as a developer runs it: in this process, or on a terminal of its own.

phone = Command(home)
told = await phone.does("list", "--json")
"""

import asyncio
import io
import json
import sysconfig
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import resvg_py

from clients.phone_command import run
from tests.desktop_agent import desktop

PROGRAM = Path(sysconfig.get_path("scripts")) / "zorgid-phone"


@dataclass
class Told:
    """How a command ended, and what it has said so far."""

    _out: io.StringIO = field(default_factory=io.StringIO)
    _err: io.StringIO = field(default_factory=io.StringIO)
    status: int = -1

    @property
    def out(self):
        return self._out.getvalue()

    @property
    def err(self):
        return self._err.getvalue()

    @property
    def rows(self):
        return [json.loads(line) for line in self.out.splitlines()]

    async def run(self, *arguments, program=run):
        self.status = await asyncio.to_thread(program, list(arguments), self._out, self._err)
        return self

    async def says(self, text):
        """Wait until it has said this."""
        for _ in range(3000):
            if text in self.out:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"not said: {text!r}; but {self.out!r} and {self.err!r}")


@dataclass
class Command:
    """The command with a home of its own, which the environment names already."""

    home: Path

    @property
    def directory(self):
        return self.home / ".local/share/zorgid-phone"

    def state(self, name="default"):
        return json.loads((self.directory / f"{name}.json").read_text())

    async def does(self, *arguments):
        """Run it to its end."""
        return await Told().run(*arguments)

    @asynccontextmanager
    async def doing(self, *arguments):
        """Run it beside the block, and to its end."""
        told = Told()
        running = asyncio.create_task(told.run(*arguments))
        yield told
        await running

    def on_a_terminal(self, *arguments):
        """Run the program on a terminal until the block is left."""
        around = {"LANG": "C.UTF-8", "PYTHONPATH": str(Path(__file__).parent.parent)}
        return desktop(arguments, home=self.home, program=[PROGRAM], **around)

    async def pairs(self, page, *arguments):
        """Be paired by a page, where the number is typed that the command shows."""
        offered = await page.start_pairing()
        async with self.doing(*arguments, "pair", offered.link, "--json") as told:
            await told.says("check_number")
            await page.wait_proved(offered.id)
            await page.confirm(offered.id, told.rows[-1]["check_number"])
        return told


def screenshot(svg, file):
    """Draw a page's QR code into a PNG."""
    drawn = resvg_py.svg_to_bytes(svg_string=svg, width=400, dpi=96, background="#ffffff")
    file.write_bytes(bytes(drawn))
    return str(file)
