"""A client's own signatures: request objects and hint tokens, well made or not."""

import time
import uuid
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

#: What stands in a signed request beside its parameters, from now on, for a minute.
REGISTERED = ("iss", "aud", "exp", "iat", "nbf", "jti")


def request_claims(client_id: str, issuer: str, **changed: Any) -> dict[str, Any]:
    """Return the claims of a request object; what is changed to `None` is left out."""
    now = int(time.time())
    made = {
        "iss": client_id,
        "aud": issuer,
        "iat": now,
        "nbf": now,
        "exp": now + 60,
        "jti": str(uuid.uuid4()),
    } | changed
    return {name: value for name, value in made.items() if value is not None}


def hint_claims(client_id: str, issuer: str, subject: Any, **changed: Any) -> dict[str, Any]:
    """Return the claims of a login_hint_token."""
    now = int(time.time())
    made = {"iss": client_id, "aud": issuer, "iat": now, "exp": now + 60, "sub_id": subject}
    return {name: value for name, value in (made | changed).items() if value is not None}


def signed(
    claims: dict[str, Any],
    key: ec.EllipticCurvePrivateKey | Any,
    algorithm: str = "ES256",
    **headers: Any,
) -> str:
    return jwt.encode(claims, key, algorithm, headers or None)
