"""A key that a client shows to be there, by DPoP proofs of every kind."""

import base64
import hashlib
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm


@dataclass
class DpopKey:
    """A key of the client's own."""

    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def jwk(self) -> dict[str, Any]:
        return ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)

    def proof(
        self,
        method: str,
        url: str,
        token: str | None = None,
        headers: dict[str, Any] | None = None,
        **changed: Any,
    ) -> str:
        """Make a proof; what is changed to `None` is left out."""
        made = {
            "jti": str(uuid.uuid4()),
            "htm": method,
            "htu": url,
            "iat": int(time.time()),
            "ath": ath(token) if token else None,
        } | changed
        claims = {name: value for name, value in made.items() if value is not None}
        head = {"typ": "dpop+jwt", "jwk": self.jwk} | (headers or {})
        return jwt.encode(claims, self.private, "ES256", head)


def ath(token: str) -> str:
    digest = hashlib.sha256(token.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
