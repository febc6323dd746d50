"""One run of `zorgid-phone`: its phone's file, its screen and its connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp

from clients.auth_request import AuthRequest
from clients.authenticator import Unable
from clients.pairing import Device, PairingEnded
from clients.phone import SoftwarePhone
from clients.phone_file import PhoneFile
from clients.phone_record import PhoneRecord
from clients.phone_screen import Screen
from clients.transfer import TransferEnded
from clients.wire import MalformedAnswer, WireError

_UNAUTHORIZED = 401
_SERVER_ERROR = 500


class Refused(Exception):  # noqa: N818 - what became of the command.
    """The command cannot be done, for a reason in words."""


class AlreadyTold(Exception):  # noqa: N818 - what became of the reason.
    """The command failed, and has said why."""


@dataclass(frozen=True, slots=True)
class Handset:
    """What every command works with."""

    http: aiohttp.ClientSession
    file: PhoneFile
    screen: Screen

    def phone(self) -> SoftwarePhone:
        """Take up the phone to read with; it must not sign."""
        return self.file.read(self.http)

    async def ask_code(self, request: AuthRequest) -> str:
        """Ask for the code that stands on the workstation."""
        digits = f"{request.code_length} digits" if request.code_length else "code"
        question = f"The {digits} on its screen: "
        while True:
            if code := await self.screen.ask(question):
                return code

    @asynccontextmanager
    async def signing(self) -> AsyncIterator[SoftwarePhone]:
        """Take up the phone to sign with, while no other program does."""
        async with self.file.held():
            phone = self.file.read(self.http)
            phone.keep = partial(self.file.write, phone)
            yield phone

    @asynccontextmanager
    async def fresh(self, device: Device, *, replace: bool) -> AsyncIterator[SoftwarePhone]:
        """Make a new phone of this name; one that comes to nothing leaves what there was.

        Raises:
            Refused: there is one of this name that may be bound yet.
        """
        async with self.file.held():
            before = None
            if self.file.exists():
                if not replace:
                    await self._must_be_unbound()
                before = self.file.read_bytes()
            phone = SoftwarePhone(self.http, device=device)
            phone.keep = partial(self.file.write, phone)
            try:
                yield phone
            except (WireError, PairingEnded, TransferEnded, MalformedAnswer, Unable) as error:
                if not isinstance(error, WireError) or error.status < _SERVER_ERROR:
                    self._restore(before)
                raise
            phone.keep()

    async def _must_be_unbound(self) -> None:
        try:
            await self.phone().credential()
        except WireError as error:
            if error.status == _UNAUTHORIZED:
                return
        except (aiohttp.ClientError, TimeoutError):
            pass
        raise Refused(
            f"There is a phone {self.file.name} already: give this one another --phone NAME,"
            " or put it in the place of the old one with --replace."
        )

    def _restore(self, before: bytes | None) -> None:
        if before is None:
            self.file.remove()
        else:
            self.file.write_bytes(before)


async def choose(phone: SoftwarePhone, which: str) -> PhoneRecord:
    """Find one of the person's phones: `this`, a name, or how its identifier begins.

    Raises:
        Refused: none, or more than one.
    """
    phones = await phone.credentials()
    found = [each for each in phones if each.is_this] if which == "this" else []
    found = found or [each for each in phones if which == each.device_name]
    found = found or [each for each in phones if each.credential_id.startswith(which)]
    if len(found) != 1:
        many = "more than one phone" if found else "no phone"
        raise Refused(f"There is {many} {which}: zorgid-phone phones lists them.")
    return found[0]


def read_code(argument: str) -> str:
    """Read what a QR code says: a link as it is, or a screenshot of the code.

    Raises:
        Refused: a file that cannot be read, or without one code in it.
    """
    if "://" in argument:
        return argument
    try:
        from clients.qr_image import UnreadableImage, read_png, read_qr  # noqa: PLC0415
    except ImportError as error:
        raise Refused("To read screenshots: pip install 'pairing-server[demo]'.") from error
    try:
        return read_qr(read_png(Path(argument).read_bytes()))
    except OSError as error:
        raise Refused(f"{argument} cannot be read: {error.strerror}.") from error
    except UnreadableImage as error:
        raise Refused(
            f"{argument}: {error}. Take a PNG of the screen while it shows the QR code."
        ) from error
