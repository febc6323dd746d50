"""A phone's line to its server: its device token, its key, and the calls that carry both."""

import secrets
import time
from asyncio import sleep
from collections.abc import Callable
from typing import Self, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec

from clients.auth_request import Closed, WrongCode
from clients.authenticator import Authenticator
from clients.pairing import Device, Identity
from clients.wire import Answer, JSONObject, MalformedAnswer, Wire, WireError, b64url, origin_of

T = TypeVar("T")

#: Seconds that the server holds a call at the most.
WAIT = 25
NOT_MODIFIED = 304
#: Seconds between two looks at a server that does not hold the call.
_LOOK_AGAIN = 0.5
_CONFLICT = 409
_UNPROCESSABLE = 422


class _State(msgspec.Struct):
    base: str
    device_token: str
    credential_id: str
    authenticator: JSONObject
    device: Device = Device()
    identity: Identity | None = None


class _BackUp(msgspec.Struct):
    base: str
    device: Device
    identity: Identity | None


def _keep_nothing() -> None:
    """Leave the keeping to the caller."""


class PhoneLine:
    """What every call of a phone needs; `keep` is called before what was drawn or counted leaves.

    A key, or a signature with its count, that left and was not kept is a phone locked out.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        authenticator: Authenticator | None = None,
        device: Device | None = None,
    ) -> None:
        self.authenticator = authenticator or Authenticator()
        self.device = device or Device()
        self.device_token = b64url(secrets.token_bytes(32))
        self.credential_id = ""
        self.identity: Identity | None = None
        self.keep: Callable[[], None] = _keep_nothing
        self._http = http
        self._wire: Wire | None = None

    @classmethod
    def from_json(cls, http: aiohttp.ClientSession, state: object) -> Self:
        """Take up the state that `to_json` gave."""
        self = cls(http)
        self.take_up(state)
        return self

    def take_up(self, state: object) -> None:
        """Be what `to_json` gave: another program may have signed with this key meanwhile."""
        read = msgspec.convert(state, _State)
        self.authenticator = Authenticator.from_json(read.authenticator)
        self.device, self.identity = read.device, read.identity
        self.device_token, self.credential_id = read.device_token, read.credential_id
        self._wire = Wire(self._http, read.base)

    @classmethod
    def from_back_up(cls, http: aiohttp.ClientSession, back_up: object) -> Self:
        """Take up what `to_back_up` gave: who it was of, and nothing that opens anything."""
        read = msgspec.convert(back_up, _BackUp)
        self = cls(http, device=read.device)
        self.identity = read.identity
        self._wire = Wire(http, read.base)
        return self

    def to_back_up(self) -> JSONObject:
        """Return what may leave the phone in a back-up: no key, and no device token."""
        back_up = _BackUp(self.base, self.device, self.identity)
        return msgspec.convert(msgspec.to_builtins(back_up), JSONObject)

    def to_json(self) -> JSONObject:
        """Return everything, the private key included, as a JSON value."""
        return {
            "base": self.base,
            "device_token": self.device_token,
            "credential_id": self.credential_id,
            "authenticator": self.authenticator.to_json(),
            "device": msgspec.to_builtins(self.device),
            "identity": msgspec.to_builtins(self.identity),
        }

    @property
    def base(self) -> str:
        """The base URL of its server."""
        return self._server.base

    @property
    def origin(self) -> str:
        """The origin that its assertions carry."""
        return origin_of(self.base)

    @property
    def rp_id(self) -> str:
        """The relying party that its key is for: the host of the base URL."""
        return urlsplit(self.base).hostname or ""

    @property
    def _server(self) -> Wire:
        if self._wire is None:
            raise ValueError("this phone has not scanned a pairing yet")
        return self._wire

    def assertion(self, challenge: bytes) -> JSONObject:
        """Sign a challenge with this phone's key, user verified."""
        made = self.authenticator.get(
            challenge, self.rp_id, self.origin, credential_id=self.credential_id
        )
        self.keep()
        return made

    def make_key(self, options: JSONObject) -> JSONObject:
        """Make a key by creation options: RegistrationResponseJSON.

        Raises:
            MalformedAnswer: the options are for another relying party than this server.
        """
        party = options.get("rp")
        if not isinstance(party, dict) or party.get("id") != self.rp_id:
            raise MalformedAnswer("a key for another relying party")
        try:
            return self.authenticator.create(options, self.origin)
        except (msgspec.ValidationError, ValueError) as error:
            raise MalformedAnswer("options that make no key") from error

    async def _call(
        self, method: str, path: str, body: object = None, *, etag: str = "", wait: int = 0
    ) -> Answer:
        headers = {"Authorization": f"Bearer {self.device_token}"}
        if etag:
            headers["If-None-Match"] = etag
        return await self._server.call(method, path, body, headers=headers, wait=wait)

    async def _answer(self, method: str, path: str, body: object) -> None:
        try:
            await self._call(method, path, body)
        except WireError as error:
            raise _of_an_answer(error) from error

    async def _poll(self, path: str, shape: type[T], *, over: Callable[[T], bool]) -> T:
        """Ask, held each time, until what is there is what was waited for."""
        etag = ""
        while True:
            asked = time.monotonic()
            answer = await self._call("GET", path, etag=etag, wait=WAIT)
            if answer.status != NOT_MODIFIED:
                etag = answer.headers.get("ETag", "")
                seen = answer.read(shape)
                if over(seen):
                    return seen
            await sleep(max(0.0, asked + _LOOK_AGAIN - time.monotonic()))


def _of_an_answer(error: WireError) -> WireError:
    known = {_UNPROCESSABLE: WrongCode, _CONFLICT: Closed}.get(error.status, WireError)
    return known(error.status, error.body)
