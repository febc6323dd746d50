"""`zorgid-desktop` as a person at a terminal runs it: a child process on a pty of its own.

token = Readers(tmp_path / "readers").insert(issued_card)
return_uri = await prove(session.agent_uri, token, PIN)
"""

import asyncio
import codecs
import os
import pty
import signal
import sys
import sysconfig
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.softhsm import MODULE, Readers

PROGRAM = Path(sysconfig.get_path("scripts")) / "zorgid-desktop"
#: Seconds in which the program must say what a test waits for.
PATIENCE = 60


@dataclass
class Desktop:
    """A program on a terminal: what it has shown so far, and what is typed."""

    process: asyncio.subprocess.Process
    terminal: int
    browser: Path
    shown: str = ""
    _read_to: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def reads(self, text: str) -> str:
        """Wait until the screen shows this; return what it has shown since the last wait."""
        async with asyncio.timeout(PATIENCE):
            while (at := self.shown.find(text, self._read_to)) < 0:
                assert not self._closed, f"ended without {text!r}: {self.shown!r}"
                self._changed.clear()
                await self._changed.wait()
        seen = self.shown[self._read_to : at + len(text)]
        self._read_to = at + len(text)
        return seen

    def types(self, line: str) -> None:
        os.write(self.terminal, f"{line}\n".encode())

    def hangs_up(self) -> None:
        """Type the end of input (Ctrl-D)."""
        os.write(self.terminal, b"\x04")

    def interrupts(self) -> None:
        """Type Ctrl-C."""
        os.write(self.terminal, b"\x03")

    async def ends(self) -> int:
        """Wait until the program has ended; return its exit code."""
        async with asyncio.timeout(PATIENCE):
            while not self._closed:
                self._changed.clear()
                await self._changed.wait()
            return await self.process.wait()

    @property
    def opened(self) -> list[str]:
        """The addresses that the default browser was given."""
        return self.browser.read_text().splitlines() if self.browser.exists() else []

    _closed: bool = False
    #: A letter of several bytes may come in two parts.
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )

    def _take(self) -> None:
        try:
            read = os.read(self.terminal, 65536)
        except OSError:
            # Linux says so when nobody has the other side open any more.
            read = b""
        if not read:
            self._closed = True
            asyncio.get_running_loop().remove_reader(self.terminal)
        self.shown += self._decoder.decode(read).replace("\r\n", "\n")
        self._changed.set()


@asynccontextmanager
async def desktop(
    arguments: Sequence[str],
    readers: Readers | None = None,
    home: Path | None = None,
    program: Sequence[str] = (),
    **environment: str,
) -> AsyncIterator[Desktop]:
    """Run the program on a terminal until the block is left.

    Args:
        readers: With what cards.
        home: The person's home directory; what they confirmed stays there.
        program: What to run in the place of the installed program.
    """
    home = home or readers.directory / "home"
    browser = make_browser(home)
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    around = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "nl_NL.UTF-8",
        "PYTHONUTF8": "1",
        "BROWSER": f"{browser} %s",
        **(readers.environment if readers else {}),
        **environment,
    }
    with_module = ["--module", str(MODULE)] if readers else []
    # The terminal must be the process's own: getpass opens /dev/tty.  And Ctrl-C ends it, also
    # where these tests run in the background of a shell, which lets what it starts ignore that.
    process = await asyncio.create_subprocess_exec(
        *(
            "/usr/bin/env",
            "--default-signal=INT",
            "/usr/bin/setsid",
            "--ctty",
            *(program or (PROGRAM,)),
            *with_module,
            *arguments,
        ),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=around,
    )
    os.close(theirs)
    run = Desktop(process, ours, home / "opened")
    asyncio.get_running_loop().add_reader(ours, run._take)
    try:
        yield run
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.wait()
        asyncio.get_running_loop().remove_reader(ours)
        os.close(ours)


async def prove(agent_uri: str, token: Readers, pin: str, home: Path | None = None) -> str:
    """Say yes to everything that is asked, enter the PIN, and return what the browser opens."""
    async with desktop([agent_uri], token, home) as run:
        await run.reads("Ja of nee? ")
        run.types("ja")
        if "niet eerder gebruikt" in run.shown:
            await run.reads("Ja of nee? ")
            run.types("ja")
        await run.reads("Pincode van uw UZI-pas: ")
        run.types(pin)
        assert await run.ends() == 0, run.shown
        *_, return_uri = run.opened
        return return_uri


def make_browser(home: Path) -> Path:
    """Make a default browser that writes down what it is to open."""
    home.mkdir(parents=True, exist_ok=True)
    browser = home / "browser"
    browser.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys\n"
        f"with pathlib.Path({str(home / 'opened')!r}).open('a') as opened:\n"
        "    opened.write(sys.argv[1] + '\\n')\n"
    )
    browser.chmod(0o700)
    return browser
