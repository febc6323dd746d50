"""Firebase Cloud Messaging on loopback: the token endpoint and `messages:send` (HTTP v1)."""

import json
import re
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from clients.push_simulator import Answer, Arrival, Behaviour, Journal
from clients.push_simulator.https_service import behave, listening, told_headers

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_SECONDS = 3599
#: How far off an assertion's times may be.
_LEEWAY_SECONDS = 300
_HOUR = 3600
_MAX_MESSAGE = 4096
_TOKEN = re.compile(r"[A-Za-z0-9_:-]{20,4096}")
_TTL = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,9})?s")
_RESERVED = re.compile(r"from|message_type|(?:google|gcm)\..*")


def error(
    status: int, canonical: str, message: str, own: str | None = None, field: str | None = None
) -> Answer:
    """Return an error as FCM writes it.

    Args:
        own: FCM's own code.
        field: The one that is not as it should be.
    """
    details: list[dict[str, Any]] = []
    if own is not None:
        kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
        details.append({"@type": kind, "errorCode": own})
    if field is not None:
        kind = "type.googleapis.com/google.rpc.BadRequest"
        details.append({"@type": kind, "fieldViolations": [{"field": field}]})
    body: dict[str, Any] = {"code": status, "message": message, "status": canonical}
    if details:
        body["details"] = details
    return Answer(status, json.dumps({"error": body}).encode(), _JSON)


_JSON = {"Content-Type": "application/json; charset=UTF-8"}
UNREGISTERED = error(404, "NOT_FOUND", "Requested entity was not found.", "UNREGISTERED")
NO_SUCH_PROJECT = error(404, "NOT_FOUND", "Requested entity was not found.")
MALFORMED_TOKEN = error(
    400,
    "INVALID_ARGUMENT",
    "The registration token is not a valid FCM registration token",
    "INVALID_ARGUMENT",
)
SENDER_ID_MISMATCH = error(403, "PERMISSION_DENIED", "SenderId mismatch", "SENDER_ID_MISMATCH")
PERMISSION_DENIED = error(
    403, "PERMISSION_DENIED", "Permission 'cloudmessaging.messages.create' denied"
)
UNAUTHENTICATED = error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
THIRD_PARTY_AUTH_ERROR = error(
    401, "UNAUTHENTICATED", "Auth error from APNS or Web Push Service", "THIRD_PARTY_AUTH_ERROR"
)
QUOTA_EXCEEDED = error(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", "QUOTA_EXCEEDED")
UNAVAILABLE = error(503, "UNAVAILABLE", "The service is currently unavailable.", "UNAVAILABLE")
INTERNAL = error(500, "INTERNAL", "Internal error encountered.", "INTERNAL")


@dataclass
class FcmService:
    """One project with one service account.

    Attributes:
        token_behaviour: What the token endpoint does instead of its work.
        requests: How often it was asked for an access token.
        believes: Whether it believes the tokens that it issues.
    """

    project_id: str = "loopback-project"
    journal: Journal = field(default_factory=Journal)
    client_email: str = "push@loopback-project.iam.gserviceaccount.com"
    key: rsa.RSAPrivateKey = field(
        repr=False,
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    )
    key_id: str = field(default_factory=lambda: secrets.token_hex(20))
    token_behaviour: Behaviour | None = None
    requests: int = 0
    believes: bool = True
    url: str = ""
    _issued: dict[str, float] = field(default_factory=dict, repr=False)

    @asynccontextmanager
    async def running(self, tls: ssl.SSLContext, port: int = 0) -> AsyncIterator["FcmService"]:
        """Serve until the block is left."""
        routes = [
            web.post("/token", self._token),
            web.post("/v1/projects/{project}/messages:send", self._send),
        ]
        async with listening(routes, tls, port) as bound:
            self.url = f"https://localhost:{bound}"
            yield self

    @property
    def token_uri(self) -> str:
        """Where assertions are exchanged."""
        return f"{self.url}/token"

    def account(self, key: rsa.RSAPrivateKey | None = None) -> dict[str, str]:
        """Return the service account's file, by default with the key that is believed."""
        pem = (key or self.key).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return {
            "type": "service_account",
            "project_id": self.project_id,
            "private_key_id": self.key_id,
            "private_key": pem.decode(),
            "client_email": self.client_email,
            "token_uri": self.token_uri,
        }

    def forget_tokens(self) -> None:
        """Believe no access token that was issued so far."""
        self._issued.clear()

    async def _token(self, request: web.Request) -> web.Response:
        self.requests += 1
        if self.token_behaviour is not None:
            return await behave(request, self.token_behaviour)
        form = await request.post()
        if form.get("grant_type") != GRANT_TYPE:
            return _refused("unsupported_grant_type", "Invalid grant_type")
        if (wrong := self._wrong(str(form.get("assertion", "")))) is not None:
            return _refused("invalid_grant", wrong)
        token = f"ya29.{secrets.token_urlsafe(32)}"
        self._issued[token] = time.monotonic() + TOKEN_SECONDS
        issued = {"access_token": token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer"}
        return web.json_response(issued)

    def _wrong(self, assertion: str) -> str | None:
        """Return what is wrong with an assertion, in Google's words."""
        try:
            header = jwt.get_unverified_header(assertion)
            claims = jwt.decode(
                assertion,
                self.key.public_key(),
                algorithms=["RS256"],
                audience=self.token_uri,
                issuer=self.client_email,
                options={"verify_exp": False, "verify_iat": False, "require": ["iat", "exp"]},
            )
        except (jwt.InvalidSignatureError, jwt.DecodeError):
            return "Invalid JWT Signature."
        except jwt.InvalidTokenError:
            return "Invalid JWT: Failed audience check."
        if header.get("kid") != self.key_id or claims.get("scope") != SCOPE:
            return "Invalid JWT Signature."
        now, lifetime = time.time(), claims["exp"] - claims["iat"]
        early, late = now - _HOUR - _LEEWAY_SECONDS, now + _LEEWAY_SECONDS
        if not (0 < lifetime <= _HOUR and early < claims["iat"] < late and claims["exp"] > now):
            return (
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
                "timeframe. Check your iat and exp values in the JWT claim."
            )
        return None

    async def _send(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return await behave(request, refused)
        body = await request.read()
        message = _message(body)
        address = str(message.get("token", ""))
        behaviour = self.journal.behaviours.get(address) or judge(message, body)
        is_taken = behaviour is None
        if not is_taken or not json.loads(body).get("validate_only"):
            arrival = Arrival("fcm", address, told_headers(request), body, is_taken)
            self.journal.note(arrival)
        if behaviour is not None:
            return await behave(request, behaviour)
        name = f"projects/{self.project_id}/messages/{secrets.token_hex(8)}"
        return web.json_response({"name": name})

    def _refused(self, request: web.Request) -> Behaviour | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not self.believes or self._issued.get(token, 0) < time.monotonic():
            return UNAUTHENTICATED
        if request.match_info["project"] != self.project_id:
            return NO_SUCH_PROJECT
        return None


def judge(message: Mapping[str, Any], body: bytes) -> Behaviour | None:
    """Return what is wrong with a message by itself, if something is."""
    if not _TOKEN.fullmatch(str(message.get("token", ""))):
        return MALFORMED_TOKEN
    data, android = message.get("data", {}), message.get("android", {})
    fine = (
        len(body) <= _MAX_MESSAGE
        and all(isinstance(value, str) for value in data.values())
        and not any(_RESERVED.fullmatch(key) for key in data)
        and android.get("priority") in ("high", "normal")
        and _TTL.fullmatch(android.get("ttl", ""))
    )
    if fine:
        return None
    said = "Request contains an invalid argument."
    return error(400, "INVALID_ARGUMENT", said, "INVALID_ARGUMENT", "message.android")


def _message(body: bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(body)
        message = content["message"]
    except (ValueError, KeyError, TypeError):
        return {}
    return message if isinstance(message, dict) else {}


def _refused(code: str, description: str) -> web.Response:
    said = {"error": code, "error_description": description}
    return web.json_response(said, status=400)
