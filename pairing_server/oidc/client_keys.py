"""Rules of a client's keys: which of them may sign, and whether one did (RFC 7515, RFC 7517)."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa

from pairing_server.registry.client_metadata import Algorithm
from pairing_server.tokens import b64url_decode

#: NIST SP 800-131A rev. 2 table 2; RFC 7518 section 3.5 asks for as much.
MIN_RSA_BITS = 2048
#: More keys than anybody rotates; each may cost a verification.
MAX_KEYS = 20
#: Keys that are kept as they were read; what they are is in their text, so none is ever stale.
KEPT_KEYS = 256

#: By key type and curve, in the order in which they are tried.
_ALGORITHMS = {
    ("EC", "P-256"): (Algorithm.ES256,),
    ("OKP", "Ed25519"): (Algorithm.EDDSA,),
    ("RSA", None): (Algorithm.PS256, Algorithm.RS256),
}
_PARTS = 3
#: Header members that change what is signed, or must not be passed over (RFC 7515, RFC 7797).
_EXTENSIONS = frozenset({"crit", "b64"})
_PRIVATE = frozenset({"d", "k", "p", "q", "dp", "dq", "qi", "oth"})

Jwk = Mapping[str, Any]


class UnverifiedError(Exception):
    """No key verifies it.

    Attributes:
        is_of_unknown_key: Whether it names a key that is not among those that were tried.
    """

    def __init__(self, *, is_of_unknown_key: bool) -> None:
        super().__init__("unknown key" if is_of_unknown_key else "no key verifies it")
        self.is_of_unknown_key = is_of_unknown_key


class Part(IntEnum):
    """The parts of a compact JWS that are JSON (RFC 7515 section 7.1)."""

    HEADER = 0
    CLAIMS = 1


def unverified(token: str, part: Part) -> dict[str, Any]:
    """Read a part of a token that nobody has verified: only to find the key that does.

    Raises:
        ValueError: it is no compact JWS.
    """
    parts = token.split(".", 3)
    if len(parts) != _PARTS:
        raise ValueError("not a compact JWS")
    try:
        read = json.loads(b64url_decode(parts[part]))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(read, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  (whatever it is, it is no JWS)
    return read


def algorithms_of(jwk: Jwk, allowed: Collection[Algorithm]) -> tuple[Algorithm, ...]:
    """Return with which algorithms the key may sign; none where it is no key for signatures."""
    curve = jwk.get("crv") if jwk.get("kty") != "RSA" else None
    if not isinstance(jwk.get("kty"), str) or not isinstance(curve, str | None):
        return ()
    named, use = jwk.get("alg"), jwk.get("use")
    if use not in (None, "sig"):
        return ()
    possible = _ALGORITHMS.get((jwk["kty"], curve), ())
    return tuple(each for each in possible if each in allowed and named in (None, each))


def verified(
    token: str,
    keys: Sequence[Jwk],
    allowed: Collection[Algorithm],
    required: Collection[str] = (),
) -> dict[str, Any]:
    """Return the claims of a token that one of the keys signed.

    PyJWT's own reading is left out: it would decode and parse again all that stands here.

    Args:
        required: The claims that have to be there.

    Raises:
        UnverifiedError: none did.
    """
    try:
        header = unverified(token, Part.HEADER)
        signed, _, written = token.rpartition(".")
        message, signature = signed.encode("ascii"), b64url_decode(written)
    except ValueError as error:
        raise UnverifiedError(is_of_unknown_key=False) from error
    kid, algorithm = header.get("kid"), header.get("alg")
    # RFC 7515 section 4.1.11: what is critical has to be understood, and none of it is.
    if not _EXTENSIONS.isdisjoint(header) or not isinstance(kid, str | None):
        raise UnverifiedError(is_of_unknown_key=False)
    for jwk in keys[:MAX_KEYS]:
        # By `kid` where the token and the key both have one, else each is tried.
        if kid is not None and jwk.get("kid") not in (None, kid):
            continue
        for key in _keys_of(jwk, algorithm, allowed):
            try:
                if not key.Algorithm.verify(message, key.key, signature):
                    continue
                claims = unverified(token, Part.CLAIMS)
            except (ValueError, TypeError):
                continue
            if all(claims.get(name) is not None for name in required):
                return claims
    known = [jwk.get("kid") for jwk in keys]
    raise UnverifiedError(is_of_unknown_key=kid is None or kid not in known)


def _keys_of(jwk: Jwk, algorithm: object, allowed: Collection[Algorithm]) -> Iterator[jwt.PyJWK]:
    for each in algorithms_of(jwk, allowed):
        if each != algorithm:
            continue
        try:
            key = _read_key(msgspec.json.encode(jwk), each)
        except (RecursionError, ValueError):
            continue
        if key is not None:
            yield key


@lru_cache(maxsize=KEPT_KEYS)
def _read_key(jwk: bytes, algorithm: Algorithm) -> jwt.PyJWK | None:
    """Read a key, if it is of use: the same again and again, whoever shows what it signed."""
    try:
        key = jwt.PyJWK.from_json(jwk.decode(), algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return key if is_long_enough(key) else None


def is_long_enough(key: jwt.PyJWK) -> bool:
    """Whether nobody can compute the private key; of an RSA key alone it is a question."""
    return not isinstance(key.key, rsa.RSAPublicKey) or key.key.key_size >= MIN_RSA_BITS


def is_public(jwk: Jwk) -> bool:
    """Whether nothing of the key is secret."""
    return _PRIVATE.isdisjoint(jwk)


def read_key_set(value: Any) -> tuple[Jwk, ...]:
    """Read a JSON Web Key Set, whatever the keys are for (RFC 7517 section 5).

    Raises:
        ValueError: it is none.
    """
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise ValueError("this is not a JSON Web Key Set (RFC 7517)")
    return tuple(keys)


def check_key_set(value: Any, allowed: Collection[Algorithm]) -> dict[str, Any]:
    """Check the key set that a client is registered with: each key public, and of use.

    Raises:
        ValueError: says what is wrong.
    """
    keys = read_key_set(value)
    if not all(map(is_public, keys)):
        raise ValueError("this holds a private key: keep it, and hand in the public one")
    if not keys or not all(_is_of_use(key, allowed) for key in keys):
        kinds = ", ".join(allowed)
        raise ValueError(f"the keys must be for {kinds}, RSA with {MIN_RSA_BITS} bits")
    return {**value}


def _is_of_use(jwk: Jwk, allowed: Collection[Algorithm]) -> bool:
    return any(True for each in algorithms_of(jwk, allowed) for _ in _keys_of(jwk, each, allowed))
