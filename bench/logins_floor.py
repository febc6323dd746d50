"""The least that answers the same calls: as many exchanges and signatures, and nothing kept."""

import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import msgspec
from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from bench.logins_people import Hospital
from bench.push_ward import URA
from pairing_server.tokens import b64url_decode

_ES256 = ec.ECDSA(hashes.SHA256())
_encode = msgspec.json.Encoder().encode


class Floor:
    """Verifies and makes the four signatures of a login, with keys that it holds."""

    def __init__(self, url: str, hospital: Hospital) -> None:
        self._url = url
        self._program = hospital.programs[0].key.public_key()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._phones = {each.device_token: each.key.public_key() for each in hospital.holders}
        self._tokens = {each.uzi_number: each.device_token for each in hospital.holders}
        self._asked: dict[str, dict[str, Any]] = {}

    def app(self) -> web.Application:
        """Return the calls."""
        app = web.Application()
        app.add_routes(
            [
                web.post("/bc-authorize", self.ask),
                web.get("/phone/auth-requests", self.show),
                web.put("/phone/auth-requests/{id}/answer", self.answer),
                web.post("/token", self.token),
            ]
        )
        return app

    async def ask(self, request: web.Request) -> web.Response:
        """Take a workstation's question."""
        form = await self._form(request)
        context = json.loads(form["request_context"])
        identifier = secrets.token_urlsafe(16)
        self._asked[self._tokens[form["login_hint"].removeprefix("uzi:")]] = {
            "id": identifier,
            "client": "EHR",
            "organisation": "Ward",
            "ura": URA,
            "role_code": "01.015",
            "workstation": context["workstation"],
            "location": context["location"],
            "message": "",
            "nonce": secrets.token_urlsafe(16),
            "requested_at": "2026-11-26T12:00:00Z",
            "expires_at": "2026-11-26T12:02:00Z",
            "code_length": 6,
        }
        asked = {"auth_req_id": identifier, "expires_in": 120, "interval": 5}
        return _json({**asked, "binding_code": "123456"})

    async def show(self, request: web.Request) -> web.Response:
        """Show it to the phone."""
        return _json({"auth_requests": [self._asked[_bearer(request)]]})

    async def answer(self, request: web.Request) -> web.Response:
        """Verify what the phone signed."""
        body = json.loads(await request.read())
        signed = {name: b64url_decode(each) for name, each in _response(body).items()}
        data = signed["authenticatorData"] + hashlib.sha256(signed["clientDataJSON"]).digest()
        self._phones[_bearer(request)].verify(signed["signature"], data, _ES256)
        return web.Response(status=204)

    async def token(self, request: web.Request) -> web.Response:
        """Sign an ID token."""
        form = await self._form(request)
        now = int(time.time())
        claims = {
            "iss": self._url,
            "sub": secrets.token_urlsafe(32),
            "aud": "program-0",
            "exp": now + 300,
            "iat": now,
            "nbf": now,
            "jti": secrets.token_urlsafe(16),
            "auth_time": now,
            "urn:openid:params:jwt:claim:auth_req_id": form["auth_req_id"],
        }
        token = jwt.encode(claims, self._key, "ES256")
        return _json({"access_token": secrets.token_urlsafe(32), "id_token": token})

    async def _form(self, request: web.Request) -> dict[str, str]:
        form = dict(parse_qsl((await request.read()).decode()))
        jwt.decode(form["client_assertion"], self._program, ["ES256"], audience=self._url)
        return form


@asynccontextmanager
async def floor(url: str, hospital: Hospital) -> AsyncIterator[None]:
    """Answer, until the block is left."""
    runner = web.AppRunner(Floor(url, hospital).app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", urlsplit(url).port, backlog=4096).start()
    yield
    await runner.cleanup()


def _json(body: object) -> web.Response:
    return web.Response(body=_encode(body), content_type="application/json")


def _bearer(request: web.Request) -> str:
    return request.headers["Authorization"].removeprefix("Bearer ")


def _response(body: dict[str, Any]) -> dict[str, str]:
    response: dict[str, str] = body["assertion"]["response"]
    return response
