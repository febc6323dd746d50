"""A client that keeps to FAPI-CIBA, on the bare wire, and what it may do wrong."""

import secrets
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from clients.phone import SoftwarePhone
from pairing_server.approvals.asked import request_id
from pairing_server.registry import clients
from pairing_server.registry.client_metadata import Algorithm, ClientMetadata, DeliveryMode
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.tokens import new_id
from tests.house import WORKSTATION, House
from tests.oidc.client import BareClient
from tests.oidc.dpop import DpopKey
from tests.oidc.signing import request_claims, signed

TOKEN = "8d67dc78-7faa-4d41-aabd-67707b374255"


@dataclass
class FapiClient(BareClient):
    """Signs its requests with ES256 or PS256, and shows a key for its tokens."""

    rsa_key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(65537, 2048)
    )
    dpop: DpopKey = field(default_factory=DpopKey)

    @classmethod
    async def register(cls, house: House, endpoint: str = "", **policy: Any) -> "FapiClient":
        """Register a client; with an endpoint it is in ping mode."""
        client_id = new_id(secrets.token_bytes)
        made = cls(house, client_id, ec.generate_private_key(ec.SECP256R1()))
        metadata = ClientMetadata(
            backchannel_token_delivery_mode=DeliveryMode.PING if endpoint else DeliveryMode.POLL,
            backchannel_client_notification_endpoint=endpoint,
        )
        every = [algorithm.value for algorithm in Algorithm]
        added = Client(
            id=client_id,
            name="HIS",
            jwks={
                "keys": [
                    ECAlgorithm.to_jwk(made.key.public_key(), as_dict=True),
                    RSAAlgorithm.to_jwk(made.rsa_key.public_key(), as_dict=True),
                ]
            },
            uras=(house.holder.ura,),
            redirect_uris=(),
            # RS256 as well: that the profile does not take it is what there is to be shown.
            policy={"profile": "fapi-ciba", "algorithms": every, **policy},
            status=ClientStatus.ACTIVE,
            created_at=house.ports.clock(),
            metadata=metadata,
        )
        await house.registry.commit(lambda tx: clients.add(tx, added))
        return made

    def claims(self, **changed: Any) -> dict[str, Any]:
        """What a good request says; what is changed to `None` is left out."""
        asked = {
            "scope": "openid uzi",
            "login_hint": f"uzi:{self.house.holder.uzi_number}",
            "client_notification_token": TOKEN,
            "request_context": WORKSTATION,
        }
        return request_claims(self.id, self.house.base_url, **(asked | changed))

    async def ask_signed(self, request: str | None, **form: Any) -> tuple[int, dict[str, Any]]:
        return await self.post("/bc-authorize", {"request": request} | form)

    async def ask(self, **claims: Any) -> tuple[int, dict[str, Any]]:
        """Ask by a signed request whose claims may be changed or left out."""
        return await self.ask_signed(signed(self.claims(**claims), self.key))

    async def send(self, path: str, form: Any, wait: int = 0) -> tuple[int, dict[str, Any]]:
        headers = {"DPoP": self.dpop.proof("POST", self.house.base_url + path)}
        if wait:
            headers["Prefer"] = f"wait={wait}"
        url = self.house.base_url + path
        async with self.house.http.post(url, data=form, headers=headers) as response:
            return response.status, await response.json()

    def rs256(self) -> str:
        """Return a client assertion by an algorithm that the profile does not take."""
        claims = jwt.decode(self.assertion(), options={"verify_signature": False})
        return jwt.encode(claims, self.rsa_key, "RS256")


async def approve(phone: SoftwarePhone, body: dict[str, Any]) -> None:
    request = await phone.get(request_id(body["auth_req_id"]))
    await phone.approve(request, body["binding_code"])


async def deny(phone: SoftwarePhone, body: dict[str, Any]) -> None:
    await phone.deny(await phone.get(request_id(body["auth_req_id"])))
