"""Rules of showing that a key is there: DPoP proofs (RFC 9449) and certificates (RFC 8705)."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import jwt

from pairing_server.canonical_json import canonical_json
from pairing_server.oidc.client_keys import UnverifiedError, algorithms_of, is_public, verified
from pairing_server.oidc.client_policy import DEFAULT_ALGORITHMS
from pairing_server.oidc.jwt_claims import moment
from pairing_server.oidc.refusals import InvalidDpopProof
from pairing_server.tokens import b64url

#: How old a proof may be; its `jti` is kept for as long.
MAX_AGE = timedelta(seconds=60)
#: How far a client's clock may be ahead of ours (FAPI 2.0 Security Profile section 5.3.2.1).
SKEW = timedelta(seconds=10)
MAX_PROOF_CHARACTERS = 4096
TYPE = "dpop+jwt"

_JTI = re.compile(r"[\x20-\x7e]{1,256}", re.ASCII)
#: The members of a key that its thumbprint is of (RFC 7638 section 3.2, RFC 8037 section 2).
_THUMBED = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}
_REQUIRED = ("jti", "htm", "htu", "iat")


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that holds, but for its `jti`, which may have been shown before.

    Attributes:
        thumbprint: Of the key (RFC 7638), `jkt`.
        until: When a proof with this `jti` would be too old anyway.
        nonce: What stands there as one.
    """

    thumbprint: str
    jti: str
    until: datetime
    nonce: object = None


def read_proof(
    lines: Sequence[str],
    *,
    method: str,
    urls: Collection[str],
    now: datetime,
    access_token: str | None = None,
) -> Proof:
    """Check the `DPoP` field of a request, in the order of RFC 9449 section 4.3.

    Args:
        lines: All lines of the field.
        urls: What the called endpoint is known by.
        access_token: What the proof has to go with.

    Raises:
        InvalidDpopProof: says which check, to the log.
    """
    # (1) one field
    if len(lines) != 1:
        raise InvalidDpopProof("lines", len(lines))
    # (2-7) a signed token, of this type, by the public key that it has itself
    claims, jwk = _verified(lines[0])
    # (8, 9) htm and htu
    if claims["htm"] != method:
        raise InvalidDpopProof("htm is another")
    if not _is_called(claims["htu"], urls):
        raise InvalidDpopProof("htu is another")
    # (11) iat
    issued_at = _moment(claims)
    if not now - MAX_AGE <= issued_at <= now + SKEW:
        raise InvalidDpopProof("iat is not now")
    # (12) ath
    if access_token is not None and claims.get("ath") != _digest(access_token.encode()):
        raise InvalidDpopProof("ath is another")
    # (3) jti: whether it was shown before, a store knows
    jti = claims["jti"]
    if not isinstance(jti, str) or not _JTI.fullmatch(jti):
        raise InvalidDpopProof("jti is not a string of use")
    return Proof(thumbprint(jwk), jti, issued_at + MAX_AGE, claims.get("nonce"))


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """Return the JWK SHA-256 thumbprint of a public key (RFC 7638)."""
    return _digest(canonical_json({name: jwk[name] for name in _THUMBED[jwk["kty"]]}))


def certificate_thumbprint(der: bytes) -> str:
    """Return `x5t#S256` of a certificate (RFC 8705 section 3.1)."""
    return _digest(der)


def _verified(proof: str) -> tuple[dict[str, Any], Mapping[str, Any]]:
    if len(proof) > MAX_PROOF_CHARACTERS:
        raise InvalidDpopProof("too long")
    try:
        header = jwt.get_unverified_header(proof)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise InvalidDpopProof("no token") from error
    jwk = header.get("jwk")
    if header.get("typ") != TYPE:
        raise InvalidDpopProof("typ is another")
    if not isinstance(jwk, dict) or not algorithms_of(jwk, DEFAULT_ALGORITHMS):
        raise InvalidDpopProof("jwk is no key of use")
    if not is_public(jwk):
        raise InvalidDpopProof("jwk is private")
    try:
        # What the key says of itself (kid) chooses nothing: there is one.
        bare = {name: jwk[name] for name in _THUMBED[jwk["kty"]] if name in jwk}
        return verified(proof, [bare], DEFAULT_ALGORITHMS, _REQUIRED), bare
    except UnverifiedError as error:
        raise InvalidDpopProof(str(error)) from error


def _is_called(htu: object, urls: Collection[str]) -> bool:
    if not isinstance(htu, str):
        return False
    try:
        parts = urlsplit(htu)
    except ValueError:
        return False
    # Without query and fragment; scheme and host may stand in capitals (RFC 3986 section 6.2.2).
    bare = f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path}"
    return bare in urls


def _moment(claims: Mapping[str, Any]) -> datetime:
    try:
        found = moment(claims, "iat")
    except ValueError as error:
        raise InvalidDpopProof(str(error)) from error
    if found is None:
        raise InvalidDpopProof("no iat")
    return found


def _digest(value: bytes) -> str:
    return b64url(hashlib.sha256(value).digest())
