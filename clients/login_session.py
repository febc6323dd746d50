"""One login at a terminal: the code, what is told while it waits, and the QR code when wanted."""

import asyncio

import aiohttp
import msgspec

from clients.card_certificates import showable
from clients.id_token import UntrustedToken
from clients.login_words import Words
from clients.phone_screen import NobodyThere, Screen
from clients.started import AnyStarted
from clients.terminal_qr import big, draw_link
from clients.wire import WireError
from clients.workstation import Assertion, Workstation


class LoginSession:
    """Shows a request until it is answered; the QR code is another way into the same one."""

    def __init__(self, workstation: Workstation, screen: Screen, words: Words) -> None:
        self._workstation = workstation
        self._screen = screen
        self._word = words.word
        self._knows = words.knows
        self._hint = ""
        self._is_shown = False

    async def run(self, started: AnyStarted, *, scan: bool) -> Assertion:
        """Wait for the answer.

        Args:
            scan: Show the QR code from the start, not only when Enter is pressed.

        Raises:
            AccessDenied, ExpiredToken, InvalidGrant, UntrustedToken, WireError, TimeoutError: as
                `Workstation.poll` has it.
        """
        self._begin(started, scan=scan)
        waiting = asyncio.create_task(self._workstation.poll(started, told=self._hear_poll))
        beside = asyncio.create_task(self._show_frames(started, scan=scan))
        try:
            return await waiting
        finally:
            waiting.cancel()
            beside.cancel()
            await asyncio.gather(waiting, beside, return_exceptions=True)

    def _begin(self, started: AnyStarted, *, scan: bool) -> None:
        told = {"binding_code": started.binding_code, "expires_in": started.expires_in}
        self._screen.tell("started", [], **told)
        if scan:
            return
        self._screen.draw(self._code_to_type(started))
        if self._screen.interactive:
            self._screen.draw(self._word("press_enter"))

    def _hear_poll(self, hint: str) -> None:
        """Leave it to the frames where they are shown: their stream is told sooner."""
        if not self._is_shown:
            self._hear(hint)

    def _hear(self, hint: str) -> None:
        """Tell what the server says of the phones, once for each time that it changes."""
        if hint == self._hint:
            return
        self._hint = hint
        known = self._word(hint) if self._knows(hint) else ""
        self._screen.tell("hint", known or [], hint=hint)

    async def _show_frames(self, started: AnyStarted, *, scan: bool) -> None:
        if not scan:
            try:
                await self._screen.ask("")
            except NobodyThere:
                return
        self._is_shown = True
        try:
            async for frame in self._workstation.frames(started, told=self._hear):
                self._screen.tell("frame", [], link=frame.link)
                self._screen.redraw(self._page(started, frame.link))
        except (WireError, UntrustedToken, aiohttp.ClientError, msgspec.DecodeError, TimeoutError):
            self._is_shown = False
            # The request itself stands: it is answered in the other way, or it runs out.
            self._screen.tell("no_frames", self._word("no_frames"))

    def _page(self, started: AnyStarted, link: str) -> str:
        # The code is small here: beside the picture, five lines of it fill a terminal.
        code = self._word("code_if_asked", code=showable(started.binding_code))
        parts = [self._word("scan"), draw_link(link), code]
        if self._knows(self._hint):
            parts.append(self._word(self._hint))
        return "\n".join(parts)

    def _code_to_type(self, started: AnyStarted) -> str:
        return f"{self._word('type_code')}\n\n{big(showable(started.binding_code))}\n"
