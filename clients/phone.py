"""A phone in software: it is bound by a QR code, shows what is asked, and signs the answer."""

import secrets
from collections.abc import Awaitable, Callable

import aiohttp
import msgspec

from clients.auth_request import AuthRequest, approval_challenge
from clients.authenticator import Authenticator
from clients.pairing import Device, Offer, PairingEnded, PairingLink, PairingStatus
from clients.phone_challenge import unbind_challenge
from clients.phone_changes import PhoneChanges
from clients.phone_line import NOT_MODIFIED, WAIT
from clients.phone_transfer import PhoneTransfers
from clients.wire import JSONObject, MalformedAnswer, Wire, b64url, b64url_decode

__all__ = ["WAIT", "SoftwarePhone"]


class _List(msgspec.Struct):
    auth_requests: list[AuthRequest]


class _Token(msgspec.Struct):
    device_token: str


class _Id(msgspec.Struct):
    id: str


class SoftwarePhone(PhoneChanges, PhoneTransfers):
    """One phone, bound to one person at one server; `pair` or `from_json` comes first."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        authenticator: Authenticator | None = None,
        device: Device | None = None,
    ) -> None:
        super().__init__(http, authenticator, device)
        self._etag = ""
        self._open: list[AuthRequest] = []

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
        offer = msgspec.structs.replace(answer.read(Offer), pairing=read.pairing)
        self.identity = offer.identity
        return offer

    async def prove(self, offer: Offer, push: JSONObject | None = None) -> None:
        """Make the key, which is the person's yes to what was shown, and hand it in.

        Raises:
            MalformedAnswer: the options are for another relying party than this server.
            WireError: the key is refused.
        """
        credential = self.make_key(offer.public_key)
        self.credential_id = str(credential["id"])
        self.keep()
        body = {"credential": credential} | ({} if push is None else {"push": push})
        await self._call("POST", f"/phone/pairings/{offer.pairing}/credential", body)

    async def wait_paired(self, offer: Offer) -> str:
        """Wait until the page has confirmed the check number; the credential id.

        Raises:
            PairingEnded: refused or run out.
            WireError: the server no longer knows the pairing.
        """
        seen = await self._poll(
            f"/phone/pairings/{offer.pairing}",
            PairingStatus,
            over=lambda seen: seen.status in {"paired", "refused", "expired"},
        )
        if seen.status != "paired":
            raise PairingEnded(seen.status)
        self.credential_id = seen.credential_id
        return seen.credential_id

    async def register_push(self, push: JSONObject) -> None:
        """Tell where to be woken: `{service, token}` or `{service, subscription}`."""
        await self._call("PUT", "/phone/push", push)

    async def remove_push(self) -> None:
        """Be woken no more; what is open is still there to be pulled."""
        await self._call("DELETE", "/phone/push")

    async def credential(self) -> JSONObject:
        """Ask what this phone is bound to."""
        return (await self._call("GET", "/phone/credential")).read(JSONObject)

    async def auth_requests(self, wait: int = 0) -> list[AuthRequest]:
        """Pull the open requests, newest first; with `wait`, held until the list changes."""
        etag = self._etag if wait else ""
        answer = await self._call("GET", "/phone/auth-requests", etag=etag, wait=wait)
        if answer.status != NOT_MODIFIED:
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

    async def enter_user_code(self, user_code: str) -> str:
        """Hand in a code that was typed; the identifier of the request that it opens."""
        body = {"user_code": user_code}
        return (await self._call("POST", "/phone/user-code", body)).read(_Id).id

    async def approve(self, request: AuthRequest, code: str = "", role_code: str = "") -> None:
        """Sign what was shown with the code as typed, in the role that was chosen, if any.

        Raises:
            WrongCode: not the code on the workstation.
            Closed: the request is over.
            WireError: the signature or this phone is refused.
        """
        await self.answer(request.id, self.approval(request, code, role_code))

    def approval(self, request: AuthRequest, code: str = "", role_code: str = "") -> JSONObject:
        """Sign what was shown with the code as typed: an answer that may be sent again."""
        assertion = self.assertion(approval_challenge(request.in_role(role_code), code))
        chosen = {"role_code": role_code} if role_code else {}
        return {"decision": "approve", "code": code, **chosen, "assertion": assertion}

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
        await self._answer("PUT", f"/phone/auth-requests/{identifier}/answer", body)

    async def rotate_device_token(self) -> None:
        """Draw a new token; when no answer came, the old one still stands."""
        new = b64url(secrets.token_bytes(32))
        await self._call("POST", "/phone/device-token", {"device_token": new})
        self.device_token = new
        self.keep()

    async def recover_device_token(self) -> None:
        """Get a new token by the key alone, as a phone does that has lost its own."""
        drawn = await self.token_challenge()
        try:
            challenge = b64url_decode(drawn.challenge)
        except ValueError as error:
            raise MalformedAnswer("a challenge that is not base64url") from error
        assertion = self.assertion(challenge)
        body = {"id": drawn.id, "assertion": assertion}
        answer = await self._server.call("POST", "/phone/token", body)
        self.device_token = answer.read(_Token).device_token
        self.keep()

    async def unbind(self) -> None:
        """Let go of the key at the server; it opens nothing from then on."""
        assertion = self.assertion(unbind_challenge(self.credential_id))
        await self._call("DELETE", "/phone/credential", {"assertion": assertion})
