"""A client on the bare wire: every form and every assertion, well made or not."""

import base64
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from tests.house import House

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CIBA = "urn:openid:params:grant-type:ciba"


def claims(client_id: str, audience: Any, **changed: Any) -> dict[str, Any]:
    """Return the claims of an assertion; what is changed to `None` is left out."""
    now = int(time.time())
    made = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 60,
    } | changed
    return {name: value for name, value in made.items() if value is not None}


def part(value: Any) -> str:
    """Encode one part of a token, JSON values as Python writes them, NaN included."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class BareClient:
    """A registered client."""

    house: House
    id: str
    key: ec.EllipticCurvePrivateKey

    def assertion(self, **changed: Any) -> str:
        made = claims(self.id, self.house.base_url, **changed)
        return jwt.encode(made, self.key, algorithm="ES256")

    async def post(
        self, path: str, form: dict[str, Any], wait: int = 0
    ) -> tuple[int, dict[str, Any]]:
        """Send a form with a fresh assertion; `None` in the form leaves a parameter out."""
        sent = {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion(),
        } | form
        return await self.send(path, [pair for pair in sent.items() if pair[1] is not None], wait)

    async def send(self, path: str, form: Any, wait: int = 0) -> tuple[int, dict[str, Any]]:
        """Send a form as it stands."""
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        url = self.house.base_url + path
        async with self.house.http.post(url, data=form, headers=headers) as response:
            return response.status, await response.json()

    async def ask(self, **form: Any) -> tuple[int, dict[str, Any]]:
        """Ask for the holder of the house; parameters may be changed or left out."""
        holder = self.house.holder
        asked = {"scope": "openid uzi", "login_hint": f"uzi:{holder.uzi_number}"}
        return await self.post("/bc-authorize", asked | form)

    async def poll(
        self, auth_req_id: str, wait: int = 0, **form: Any
    ) -> tuple[int, dict[str, Any]]:
        asked = {"grant_type": CIBA, "auth_req_id": auth_req_id}
        return await self.post("/token", asked | form, wait)

    async def error(self, auth_req_id: str, wait: int = 0, **form: Any) -> str:
        _, body = await self.poll(auth_req_id, wait, **form)
        return str(body.get("error", "ok"))

    async def userinfo(self, token: str | None, method: str = "GET") -> tuple[int, dict[str, Any]]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with self.house.http.request(
            method, self.house.base_url + "/userinfo", headers=headers
        ) as response:
            return response.status, await response.json()
