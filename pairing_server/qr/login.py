"""The steps of a rotating login QR code: show it frame by frame, and take what a phone scanned."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from pairing_server.errors import Expired, NotFound, Unauthenticated
from pairing_server.keys.flow import BoundPhone
from pairing_server.ports import Ports
from pairing_server.qr import rotating as rules
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import ID_BYTES, b64url, b64url_decode, digest

#: Where a workstation sees the frames.
EVENTS_PATH = "/qr/events"
KEY_BYTES = 32
#: 128 of the 256 bits of the digest: as much as any other identifier.
_HANDLE_CHARACTERS = -(-ID_BYTES * 4 // 3)
_OPEN = "pending"


class Login(Protocol):
    """What somebody is asked to log in for: an auth request, which this part does not know."""

    @property
    def id(self) -> str:
        """By what name the phone knows it."""

    @property
    def client_id(self) -> str:
        """Who asks."""

    @property
    def expires_at(self) -> datetime:
        """When it ends by itself."""

    def status_at(self, now: datetime) -> str:
        """Return `pending`, or how it ended."""

    def hint_at(self, now: datetime) -> str | None:
        """Return what the workstation can tell who waits there, if anything."""


#: Returns the login after so long, or as soon as it has changed.
Look = Callable[[timedelta], Awaitable[Login | None]]


class Logins(Protocol):
    """Where the logins are."""

    def watching(self, bearer: str) -> AbstractAsyncContextManager[Look]:
        """Let the login that a bearer opens be looked at."""

    async def scanned(
        self, phone: BoundPhone, identifier: str, *, by_camera: bool, is_current: bool
    ) -> None:
        """Hear that a phone scanned the code of a login.

        Args:
            by_camera: Whether its camera saw the code; a link may have been opened by any page.
            is_current: Whether the code can just have been seen; else nothing changes.

        Raises:
            NotFound: unknown, or another person's.
        """


@dataclass(frozen=True, slots=True)
class LoginQr:
    """What a handle stands for.

    Attributes:
        login: By what name the phone knows it.
        key: Of the frames' HMAC, base64url.
    """

    login: str
    key: str
    made_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Frames:
    """What makes the frames of one login, for whoever may show them."""

    base_url: str
    handle: str
    key: bytes
    made_at: datetime

    def at(self, now: datetime) -> int:
        """Return the number of the frame that is the current one."""
        return rules.frame_at(self.made_at, now)

    def begin_of(self, t: int) -> datetime:
        """Return when a frame becomes the current one."""
        return self.made_at + t * rules.FRAME

    def link(self, t: int) -> str:
        """Return what a frame says."""
        return rules.make(self.base_url, self.handle, t, self.key).link()


@dataclass(frozen=True, slots=True)
class Shown:
    """What the workstation shows for a second."""

    link: str


@dataclass(frozen=True, slots=True)
class Hinted:
    """What the workstation can tell who waits there; empty when that is over."""

    hint: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How the login ended, after which nothing is shown."""

    status: str


class LoginQrFlow:
    """Show and scan."""

    def __init__(self, ports: Ports, logins: Logins, *, base_url: str) -> None:
        self._codes = Shelf(ports.store, "login-qr", LoginQr)
        self._clock = ports.clock
        self._random = ports.random
        self._base_url = base_url
        self._logins = logins
        self._is_draining = False

    def drain(self) -> None:
        """End every stream: the server is stopping, and whoever looks comes back elsewhere."""
        self._is_draining = True

    async def login(self, bearer: str) -> Login:
        """Return the login whose frames this bearer may see.

        Raises:
            Unauthenticated: it opens none.
        """
        async with self._logins.watching(bearer) as look:
            login = await look(timedelta(0))
        if login is None:
            raise Unauthenticated
        return login

    async def frames(
        self, bearer: str, login: Login
    ) -> AsyncGenerator[Shown | Hinted | Ended, None]:
        """Yield a frame as its second begins, hints, and at last how the login ended.

        It ends without that where the server stops or the Store has lost the login.
        """
        made, shown, told = await self.frames_of(bearer, login), -1, ""
        due = self._clock()
        async with self._logins.watching(bearer) as look:
            while not self._is_draining:
                current, now = await look(due - self._clock()), self._clock()
                if current is None:
                    return
                status = current.status_at(now)
                if status != _OPEN:
                    yield Ended(status)
                    return
                t = made.at(now)
                if t > shown:
                    yield Shown(made.link(t))
                    shown = t
                hint = current.hint_at(now) or ""
                if hint != told:
                    yield Hinted(hint)
                    told = hint
                due = made.begin_of(shown + 1)

    async def frames_of(self, bearer: str, login: Login) -> Frames:
        """Return what makes the frames of a login; the same ones on every node."""
        handle = digest(f"login-qr\n{bearer}")[:_HANDLE_CHARACTERS]
        code = await self._code(handle, login)
        return Frames(self._base_url, handle, b64url_decode(code.key), code.made_at)

    async def scan(self, phone: BoundPhone, payload: str, *, by_camera: bool) -> str:
        """Take what a phone scanned; by what name it finds the login.

        A camera saw the workstation's screen, which stands for typing its code.  A link may have
        been opened by any page, so that nothing follows from it.

        Raises:
            Expired: it is this person's, and was shown too long ago.
            NotFound: no frame of ours, or not this person's.
            Refusal: this person may not take what is for whoever scans.
        """
        try:
            frame = rules.parse(payload)
        except ValueError as error:
            raise NotFound("no login link") from error
        stored = await self._codes.get(frame.handle)
        if (
            stored is None
            or frame.base_url != self._base_url
            or not rules.is_genuine(frame, b64url_decode(stored.value.key))
        ):
            raise NotFound("no frame of ours")
        code, now = stored.value, self._clock()
        is_current = rules.is_current(frame, code.made_at, now) and now < code.expires_at
        # Whose it is comes first: to a stranger an old frame is like none at all.
        await self._logins.scanned(phone, code.login, by_camera=by_camera, is_current=is_current)
        if not is_current:
            raise Expired
        return code.login

    async def _code(self, handle: str, login: Login) -> LoginQr:
        """Return what the handle stands for, made by whichever node is asked first."""
        now = self._clock()
        made = LoginQr(login.id, b64url(self._random(KEY_BYTES)), now, login.expires_at)
        lifetime = max(timedelta(0), login.expires_at - now)
        if await self._codes.create(handle, made, lifetime):
            return made
        stored = await self._codes.get(handle)
        # It outlives the login by a minute, and this is asked of an open one.
        return made if stored is None else stored.value
