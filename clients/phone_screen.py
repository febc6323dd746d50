"""Where `zorgid-phone` and `zorgid-login` tell and ask: lines, or JSON for scripts."""

import asyncio
import json
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO
from unicodedata import category

import msgspec

_TYPED = 0
#: The cursor at home, and nothing below it (ECMA-48 sections 8.3.21 and 8.3.39).
_CLEARED = "\x1b[H\x1b[2J"
#: Controls, formats, surrogates, line and paragraph separators, and what is nobody's.
_MOVING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class NobodyThere(Exception):  # noqa: N818 - what was found.
    """A question without a terminal: what a pipe says, no person has said."""


class Screen:
    """Tells on standard output, refuses on standard error, and asks on the terminal."""

    def __init__(
        self, *, as_json: bool, out: TextIO | None = None, err: TextIO | None = None
    ) -> None:
        self._as_json = as_json
        self._out, self._err = out or sys.stdout, err or sys.stderr
        self._lines: asyncio.Queue[str] | None = None

    @property
    def interactive(self) -> bool:
        """Tell whether there is a person to ask."""
        return os.isatty(_TYPED) and not self._as_json

    def tell(self, event: str, lines: str | Sequence[str], **members: object) -> None:
        """Say what happened."""
        if self._as_json:
            _write(self._out, _json({"event": event} | members))
            return
        for line in [lines] if isinstance(lines, str) else lines:
            _write(self._out, harmless(line))

    def draw(self, picture: str) -> None:
        """Show a picture of our own making, colours and all."""
        if picture and not self._as_json:
            _write(self._out, picture)

    def redraw(self, picture: str) -> None:
        """Show a picture in the place of all that is on the terminal."""
        self.draw(f"{_CLEARED}{picture}" if self._out.isatty() else picture)

    def show(self, lines: Sequence[str], rows: Sequence[object]) -> None:
        """Show what was asked for: one JSON object for each row."""
        for line in [_json(row) for row in rows] if self._as_json else map(harmless, lines):
            _write(self._out, line)

    def refuse(self, code: str, sentence: str) -> None:
        """Say why not."""
        refused = _json({"error": code, "message": sentence})
        _write(self._err, refused if self._as_json else harmless(sentence))

    async def ask(self, question: str) -> str:
        """Ask for a line; it can be given up while nobody answers.

        Raises:
            NobodyThere: there is no terminal, or its input has ended.
        """
        if not self.interactive:
            raise NobodyThere
        self._out.write(harmless(question))
        self._out.flush()
        lines = self.listen()
        # What was typed before this question was an answer to another one.
        typed = [lines.get_nowait() for _ in range(lines.qsize())]
        line = "" if "" in typed else await lines.get()
        if not line:
            lines.put_nowait("")
            raise NobodyThere
        return line.strip()

    def listen(self) -> "asyncio.Queue[str]":
        """Read what is typed from now on, so that a question knows what came before it."""
        if self._lines is None:
            self._lines = asyncio.Queue()
            reading = (asyncio.get_running_loop(), self._lines)
            threading.Thread(target=_read_lines, args=reading, daemon=True).start()
        return self._lines

    async def confirm(self, question: str) -> bool:
        """Ask for a yes; anything else is a no."""
        return (await self.ask(f"{question} [y/N] ")).lower() in {"y", "yes"}


def harmless(line: str) -> str:
    """Leave out of a line what would move the cursor or turn what is read."""
    return "".join(" " if category(char) in _MOVING else char for char in line)


def _read_lines(loop: asyncio.AbstractEventLoop, lines: "asyncio.Queue[str]") -> None:
    """Hand on each line that is typed, and at the end an empty one.

    Read from the descriptor: a thread that waits inside `sys.stdin` stops Python from ending.
    """
    typed = b""
    # The loop has ended when nobody waits for a line any more.
    with suppress(RuntimeError):
        while block := os.read(_TYPED, 1024):
            *whole, typed = (typed + block).split(b"\n")
            for line in whole:
                loop.call_soon_threadsafe(lines.put_nowait, f"{line.decode(errors='replace')}\n")
        loop.call_soon_threadsafe(lines.put_nowait, "")


def _json(value: object) -> str:
    return json.dumps(msgspec.to_builtins(value))


def _write(stream: TextIO, line: str) -> None:
    print(line, file=stream, flush=True)
