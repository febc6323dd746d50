"""The keys of a client: the one that proves who it is, and the one that its tokens are bound to.

`private_key_jwt` (OpenID Connect Core 1.0 section 9) and DPoP (RFC 9449).
"""

import hashlib
import time
import uuid
from pathlib import Path

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm

from clients.wire import JSONObject, b64url

#: Seconds that a client assertion is good for.
ASSERTION_LIFETIME = 60
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class NoKey(Exception):  # noqa: N818 - what was found.
    """A file without a private key of the kind that signs ES256."""


def read_key(file: Path) -> ec.EllipticCurvePrivateKey:
    """Read an unencrypted P-256 private key (PKCS #8 PEM).

    Raises:
        NoKey: there is none in the file, or it is another kind.
    """
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except (OSError, TypeError, ValueError) as error:
        raise NoKey(f"{file}: no unencrypted PEM private key in it") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise NoKey(f"{file}: not a P-256 key")
    return key


class ClientKey:
    """Says who the client is; `kid` goes into the header of its assertions when given."""

    def __init__(
        self, client_id: str, key: ec.EllipticCurvePrivateKey, kid: str | None = None
    ) -> None:
        self.client_id = client_id
        self._key = key
        self._kid = kid

    def assertion(self, audience: str) -> str:
        """Sign a fresh assertion of who this client is, for this server alone."""
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": audience,
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + ASSERTION_LIFETIME,
        }
        headers = None if self._kid is None else {"kid": self._kid}
        return jwt.encode(claims, self._key, algorithm="ES256", headers=headers)


class ProofKey:
    """What tokens are bound to: who has them alone cannot use them (RFC 9449)."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._jwk: JSONObject = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)

    @property
    def thumbprint(self) -> str:
        """Return the name of the key in tokens (RFC 7638)."""
        named = {name: self._jwk[name] for name in ("crv", "kty", "x", "y")}
        return b64url(hashlib.sha256(msgspec.json.encode(named)).digest())

    def proof(self, method: str, url: str, access_token: str = "", nonce: str = "") -> str:
        """Sign a fresh proof for one call; `url` is without query and fragment."""
        claims: JSONObject = {
            "jti": str(uuid.uuid4()),
            "htm": method,
            "htu": url,
            "iat": int(time.time()),
        }
        if access_token:
            claims["ath"] = b64url(hashlib.sha256(access_token.encode()).digest())
        if nonce:
            claims["nonce"] = nonce
        headers = {"typ": "dpop+jwt", "jwk": self._jwk}
        return jwt.encode(claims, self._key, algorithm="ES256", headers=headers)
