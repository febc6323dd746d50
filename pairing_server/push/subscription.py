"""A Web Push subscription: the address that a browser or a UnifiedPush app gives."""

from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from pairing_server.destination import EgressError, read_url
from pairing_server.tokens import b64url_decode

_CURVE = ec.SECP256R1()
_UNCOMPRESSED = 65
_HTTPS_PORT = 443
AUTH_BYTES = 16


class MalformedSubscriptionError(Exception):
    """What was given is no subscription; says of which member, and not what stands there."""


class _Keys(msgspec.Struct):
    p256dh: Annotated[str, msgspec.Meta(max_length=200)]
    auth: Annotated[str, msgspec.Meta(max_length=200)]


class _Subscription(msgspec.Struct):
    endpoint: Annotated[str, msgspec.Meta(max_length=2048)]
    keys: _Keys


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where, and for whom alone, a push is encrypted.

    Attributes:
        origin: Of the push service, as it stands in a VAPID token's `aud` (RFC 8292 section 2).
        point: The browser's public key, an uncompressed point of P-256.
        auth: The secret that only the browser and we know (RFC 8291 section 3.2).
    """

    endpoint: str = field(repr=False)
    origin: str
    key: ec.EllipticCurvePublicKey = field(repr=False)
    point: bytes = field(repr=False)
    auth: bytes = field(repr=False)


def read_subscription(text: str) -> Subscription:
    """Read PushSubscriptionJSON.

    Raises:
        MalformedSubscriptionError: with the name of what is not as it should be.
    """
    try:
        read = msgspec.json.decode(text, type=_Subscription)
    except (msgspec.DecodeError, UnicodeError):
        raise MalformedSubscriptionError("subscription") from None
    try:
        target = read_url(read.endpoint)
    except EgressError:
        raise MalformedSubscriptionError("endpoint") from None
    if target.scheme != "https":
        raise MalformedSubscriptionError("endpoint")
    port = "" if target.port == _HTTPS_PORT else f":{target.port}"
    point, auth = _decoded(read.keys.p256dh), _decoded(read.keys.auth)
    try:
        # Also checks that the point is on the curve: else an answer could tell of our key.
        key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
    except ValueError:
        raise MalformedSubscriptionError("p256dh") from None
    if len(point) != _UNCOMPRESSED:
        raise MalformedSubscriptionError("p256dh")
    if len(auth) != AUTH_BYTES:
        raise MalformedSubscriptionError("auth")
    return Subscription(read.endpoint, f"https://{target.host}{port}", key, point, auth)


def _decoded(text: str) -> bytes:
    try:
        return b64url_decode(text)
    except ValueError:
        return b""
