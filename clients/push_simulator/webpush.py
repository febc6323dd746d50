"""A Web Push service on loopback (RFC 8030, 8292), and the browsers that subscribed to it."""

import base64
import json
import re
import secrets
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

from clients.push_simulator import Answer, Arrival, Behaviour, Journal
from clients.push_simulator.https_service import behave, listening, told_headers
from clients.push_simulator.web_push_content import BrowserKeys, UndecryptableError

_DAY = 24 * 3600
_MAX_BODY = 4096
_VAPID = re.compile(r"vapid t=(?P<t>[A-Za-z0-9._-]+), ?k=(?P<k>[A-Za-z0-9_-]{87})")
_SUB = re.compile(r"mailto:\S+@\S+\.\S+|https://\S+")
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")
_TTL = re.compile(r"[0-9]{1,7}")
_URGENCIES = frozenset({"very-low", "low", "normal", "high"})


def reason(status: int, why: str) -> Answer:
    """Return an error as Apple writes it."""
    return Answer(status, json.dumps({"reason": why}).encode())


def errno(status: int, number: int) -> Answer:
    """Return an error as Mozilla writes it."""
    return Answer(status, json.dumps({"code": status, "errno": number}).encode())


NOT_FOUND = errno(404, 102)
GONE = errno(410, 103)
UNAUTHORIZED = errno(401, 109)
ANOTHER_KEY = Answer(
    403,
    b"the VAPID credentials in the authorization header do not correspond to the credentials "
    b"used to create the subscriptions.\n",
)
BAD_TOKEN = reason(403, "BadJwtToken")
TOO_LARGE = errno(413, 104)
TOO_MANY = errno(429, 201)
MALFORMED = errno(400, 110)


@dataclass
class Browser:
    """One subscription.

    Attributes:
        application_server_key: Whose pushes it takes, base64url; nothing for anybody's.
    """

    keys: BrowserKeys
    application_server_key: str | None
    is_gone: bool = False


@dataclass
class WebPushService:
    """The push service.

    Attributes:
        keys_seen: The application servers that signed for themselves, base64url.
    """

    journal: Journal = field(default_factory=Journal)
    origin: str = ""
    browsers: dict[str, Browser] = field(default_factory=dict)
    keys_seen: set[str] = field(default_factory=set)

    @asynccontextmanager
    async def running(self, tls: ssl.SSLContext, port: int = 0) -> AsyncIterator["WebPushService"]:
        """Serve until the block is left."""
        routes = [web.post("/push/{id}", self._push), web.get("/", self._front)]
        async with listening(routes, tls, port) as bound:
            self.origin = f"https://localhost:{bound}"
            yield self

    def subscribe(self, application_server_key: str | None = None) -> dict[str, object]:
        """Return PushSubscriptionJSON of a new browser."""
        browser = Browser(BrowserKeys(secrets.token_bytes(16)), application_server_key)
        identifier = secrets.token_urlsafe(32)
        self.browsers[identifier] = browser
        keys = {"p256dh": _b64url(browser.keys.point), "auth": _b64url(browser.keys.auth)}
        return {"endpoint": f"{self.origin}/push/{identifier}", "keys": keys}

    def unsubscribe(self, endpoint: str) -> None:
        """Have a browser forget its subscription."""
        self.browsers[endpoint.rpartition("/")[2]].is_gone = True

    async def _front(self, request: web.Request) -> web.Response:
        _ = request
        return web.Response(status=404)

    async def _push(self, request: web.Request) -> web.Response:
        endpoint = f"{self.origin}{request.path}"
        body = await request.read()
        content, behaviour = body, self.journal.behaviours.get(endpoint)
        if behaviour is None:
            content, behaviour = self._judged(request, body)
        is_taken = behaviour is None
        arrival = Arrival("webpush", endpoint, told_headers(request), content, is_taken)
        self.journal.note(arrival)
        if behaviour is not None:
            return await behave(request, behaviour)
        location = f"{self.origin}/message/{secrets.token_urlsafe(16)}"
        return web.Response(status=201, headers={"Location": location, "TTL": "0"})

    def _judged(self, request: web.Request, body: bytes) -> tuple[bytes, Behaviour | None]:
        """Return the content, or what is wrong."""
        browser = self.browsers.get(request.match_info["id"])
        if browser is None:
            return body, NOT_FOUND
        if browser.is_gone:
            return body, GONE
        refused = self._not_believed(request, browser) or _not_well_formed(request, body)
        if refused is not None:
            return body, refused
        try:
            return browser.keys.decrypt(body), None
        except UndecryptableError:
            return body, MALFORMED

    def _not_believed(self, request: web.Request, browser: Browser) -> Behaviour | None:
        match = _VAPID.fullmatch(request.headers.get("Authorization", ""))
        if match is None:
            return UNAUTHORIZED
        try:
            claims = jwt.decode(
                match["t"],
                _public_key(match["k"]),
                algorithms=["ES256"],
                audience=self.origin,
                options={"require": ["exp", "aud"]},
            )
        except (jwt.InvalidTokenError, ValueError):
            return BAD_TOKEN
        if claims["exp"] > time.time() + _DAY or not _SUB.fullmatch(claims.get("sub", "")):
            return BAD_TOKEN
        self.keys_seen.add(match["k"])
        wanted = browser.application_server_key
        return ANOTHER_KEY if wanted not in (None, match["k"]) else None


def _not_well_formed(request: web.Request, body: bytes) -> Behaviour | None:
    if len(body) > _MAX_BODY:
        return TOO_LARGE
    headers = request.headers
    fine = (
        _TTL.fullmatch(headers.get("TTL", ""))
        and headers.get("Content-Encoding") == "aes128gcm"
        and headers.get("Urgency", "normal") in _URGENCIES
        and _TOPIC.fullmatch(headers.get("Topic", "none"))
    )
    return None if fine else MALFORMED


def _public_key(text: str) -> ec.EllipticCurvePublicKey:
    point = base64.urlsafe_b64decode(text + "=")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
