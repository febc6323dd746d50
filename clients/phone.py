"""A phone in software: it is bound by a QR code, shows what is asked, and signs the answer."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Self
from urllib.parse import urlsplit

import aiohttp
import msgspec

from clients.auth_request import (
    AuthRequest,
    Closed,
    WrongCode,
    approval_challenge,
    unbind_challenge,
)
from clients.authenticator import Authenticator
from clients.pairing import Device, Offer, PairingEnded, PairingLink, PairingStatus
from clients.wire import (
    Answer,
    JSONObject,
    MalformedAnswer,
    Wire,
    WireError,
    b64url,
    b64url_decode,
    origin_of,
)

#: Seconds that the server holds a call at the most.
WAIT = 25
#: Seconds between two looks at a server that does not hold the call.
_LOOK_AGAIN = 0.5
_NOT_MODIFIED = 304
_CONFLICT = 409
_UNPROCESSABLE = 422


class _List(msgspec.Struct):
    auth_requests: list[AuthRequest]


class _Challenge(msgspec.Struct):
    id: str
    challenge: str


class _Token(msgspec.Struct):
    device_token: str


class _Id(msgspec.Struct):
    id: str


class _State(msgspec.Struct):
    base: str
    device_token: str
    credential_id: str
    authenticator: JSONObject


class SoftwarePhone:
    """One phone, bound to one person at one server; `pair` or `from_json` comes first."""

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
        self._http = http
        self._wire: Wire | None = None
        self._etag = ""
        self._open: list[AuthRequest] = []

    @classmethod
    def from_json(cls, http: aiohttp.ClientSession, state: object) -> Self:
        """Take up the state that `to_json` gave."""
        read = msgspec.convert(state, _State)
        self = cls(http, Authenticator.from_json(read.authenticator))
        self.device_token, self.credential_id = read.device_token, read.credential_id
        self._wire = Wire(http, read.base)
        return self

    def to_json(self) -> JSONObject:
        """Return everything, the private key included, as a JSON value."""
        return {
            "base": self._server.base,
            "device_token": self.device_token,
            "credential_id": self.credential_id,
            "authenticator": self.authenticator.to_json(),
        }

    @property
    def _server(self) -> Wire:
        if self._wire is None:
            raise ValueError("this phone has not scanned a pairing yet")
        return self._wire

    @property
    def origin(self) -> str:
        """The origin that its assertions carry."""
        return origin_of(self._server.base)

    @property
    def rp_id(self) -> str:
        """The relying party that its key is for: the host of the base URL."""
        return urlsplit(self._server.base).hostname or ""

    async def pair(self, link: str, show: Callable[[Offer], Awaitable[None]]) -> Offer:
        """Be bound: scan, `show` identity and check number, make the key, wait for the page.

        Raises:
            ValueError: not a pairing link.
            PairingEnded: refused or run out.
            WireError: the server refuses a step.
        """
        offer = await self.scan(link)
        await show(offer)
        await self.prove(offer)
        await self.wait_paired(offer)
        return offer

    async def scan(self, link: str) -> Offer:
        """Claim the pairing behind a link: the first scan wins.

        Raises:
            ValueError: not a pairing link.
            WireError: taken, over or unknown.
        """
        read = PairingLink.parse(link)
        self._wire = Wire(self._http, read.base)
        body = {"secret": read.secret, "device": self.device}
        answer = await self._call("POST", f"/phone/pairings/{read.pairing}/scan", body)
        return msgspec.structs.replace(answer.read(Offer), pairing=read.pairing)

    async def prove(self, offer: Offer, push: JSONObject | None = None) -> None:
        """Make the key, which is the person's yes to what was shown, and hand it in.

        Raises:
            MalformedAnswer: the options are for another relying party than this server.
            WireError: the key is refused.
        """
        party = offer.public_key.get("rp")
        if not isinstance(party, dict) or party.get("id") != self.rp_id:
            raise MalformedAnswer("a key for another relying party")
        credential = self.authenticator.create(offer.public_key, self.origin)
        body = {"credential": credential} | ({} if push is None else {"push": push})
        await self._call("POST", f"/phone/pairings/{offer.pairing}/credential", body)

    async def wait_paired(self, offer: Offer) -> str:
        """Wait until the page has confirmed the check number; the credential id.

        Raises:
            PairingEnded: refused or run out.
            WireError: the server no longer knows the pairing.
        """
        etag = ""
        while True:
            asked = time.monotonic()
            path = f"/phone/pairings/{offer.pairing}"
            answer = await self._call("GET", path, etag=etag, wait=WAIT)
            if answer.status != _NOT_MODIFIED:
                etag = answer.headers.get("ETag", "")
                seen = answer.read(PairingStatus)
                if seen.status == "paired":
                    self.credential_id = seen.credential_id
                    return seen.credential_id
                if seen.status in {"refused", "expired"}:
                    raise PairingEnded(seen.status)
            await asyncio.sleep(max(0.0, asked + _LOOK_AGAIN - time.monotonic()))

    async def register_push(self, push: JSONObject) -> None:
        """Tell where to be woken: `{service, token}` or `{service, subscription}`."""
        await self._call("PUT", "/phone/push", push)

    async def credential(self) -> JSONObject:
        """Ask what this phone is bound to."""
        return (await self._call("GET", "/phone/credential")).read(JSONObject)

    async def auth_requests(self, wait: int = 0) -> list[AuthRequest]:
        """Pull the open requests, newest first; with `wait`, held until the list changes."""
        etag = self._etag if wait else ""
        answer = await self._call("GET", "/phone/auth-requests", etag=etag, wait=wait)
        if answer.status != _NOT_MODIFIED:
            self._etag = answer.headers.get("ETag", "")
            self._open = answer.read(_List).auth_requests
        return list(self._open)

    async def get(self, identifier: str) -> AuthRequest:
        """Pull one request, as a wake-up names it."""
        return (await self._call("GET", f"/phone/auth-requests/{identifier}")).read(AuthRequest)

    async def scan_login(self, payload: str, *, via: str = "camera") -> str:
        """Hand in a login QR code; the identifier of the request that it opens."""
        body = {"payload": payload, "via": via}
        return (await self._call("POST", "/phone/qr", body)).read(_Id).id

    async def approve(self, request: AuthRequest, code: str = "") -> None:
        """Sign what was shown with the code as typed.

        Raises:
            WrongCode: not the code on the workstation.
            Closed: the request is over.
            WireError: the signature or this phone is refused.
        """
        assertion = self.assertion(approval_challenge(request, code))
        await self.answer(
            request.id, {"decision": "approve", "code": code, "assertion": assertion}
        )

    async def deny(self, request: AuthRequest, reason: str = "other") -> None:
        """Say no; `not_me` also closes push for that workstation.

        Raises:
            Closed: the request is over.
        """
        await self.answer(request.id, {"decision": "deny", "reason": reason})

    async def answer(self, identifier: str, body: JSONObject) -> None:
        """Send an answer as it stands; sending the identical one again is harmless.

        Raises:
            WrongCode: not the code on the workstation.
            Closed: the request is over.
            WireError: the signature or this phone is refused.
        """
        try:
            await self._call("PUT", f"/phone/auth-requests/{identifier}/answer", body)
        except WireError as error:
            known = {_UNPROCESSABLE: WrongCode, _CONFLICT: Closed}.get(error.status, WireError)
            raise known(error.status, error.body) from error

    async def rotate_device_token(self) -> None:
        """Draw a new token; when no answer came, the old one still stands."""
        new = b64url(secrets.token_bytes(32))
        await self._call("POST", "/phone/device-token", {"device_token": new})
        self.device_token = new

    async def recover_device_token(self) -> None:
        """Get a new token by the key alone, as a phone does that has lost its own."""
        challenge = (await self._server.call("POST", "/phone/token/challenge", {})).read(
            _Challenge
        )
        assertion = self.assertion(b64url_decode(challenge.challenge))
        body = {"id": challenge.id, "assertion": assertion}
        answer = await self._server.call("POST", "/phone/token", body)
        self.device_token = answer.read(_Token).device_token

    async def unbind(self) -> None:
        """Let go of the key at the server; it opens nothing from then on."""
        assertion = self.assertion(unbind_challenge(self.credential_id))
        await self._call("DELETE", "/phone/credential", {"assertion": assertion})

    def assertion(self, challenge: bytes) -> JSONObject:
        """Sign a challenge with this phone's key, user verified."""
        return self.authenticator.get(challenge, self.rp_id, self.origin)

    async def _call(
        self, method: str, path: str, body: object = None, *, etag: str = "", wait: int = 0
    ) -> Answer:
        headers = {"Authorization": f"Bearer {self.device_token}"}
        if etag:
            headers["If-None-Match"] = etag
        return await self._server.call(method, path, body, headers=headers, wait=wait)
