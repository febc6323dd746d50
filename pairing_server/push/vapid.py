"""Who we are to Web Push services (RFC 8292): one key for an installation, made and kept by it."""

from collections import OrderedDict
from datetime import datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pairing_server.tokens import b64url

#: Under which name the registry has the secret that the key is made of.
KEY_NAME = "vapid"
#: A day is the longest that is taken; half of it bears a clock that is off.
LIFETIME = timedelta(hours=12)
_USED = LIFETIME / 2
#: Of FIPS 186-5 section A.2.1, so that every key is as likely as every other.
_SCALAR_BYTES = 48
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_MOST_ORIGINS = 256


class VapidKey:
    """Signs for push services; a token is made once for each and used for hours.

    Args:
        secret: 32 random bytes, which are the key.
        contact: Whom a push service may ask, mailto: or https:.
    """

    def __init__(self, secret: bytes, contact: str) -> None:
        self._key = _derive(secret)
        self._contact = contact
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        #: As browsers take it for `applicationServerKey`, base64url.
        self.public_key = b64url(point)
        self._made: OrderedDict[str, tuple[datetime, str]] = OrderedDict()

    def authorization(self, origin: str, now: datetime) -> str:
        """Return the `Authorization` field for a push service (RFC 8292 section 3)."""
        made = self._made.get(origin)
        # Also after a clock was put back: a token from the future lives too long to be taken.
        if made is None or not timedelta(0) <= now - made[0] < _USED:
            made = now, self._sign(origin, now)
            self._made[origin] = made
            if len(self._made) > _MOST_ORIGINS:
                self._made.popitem(last=False)
        return made[1]

    def _sign(self, origin: str, now: datetime) -> str:
        claims = {
            "aud": origin,
            "exp": int((now + LIFETIME).timestamp()),
            "sub": self._contact,
        }
        return f"vapid t={jwt.encode(claims, self._key, algorithm='ES256')}, k={self.public_key}"


def _derive(secret: bytes) -> ec.EllipticCurvePrivateKey:
    drawn = HKDF(SHA256(), _SCALAR_BYTES, salt=None, info=b"pairing_server/vapid/v1").derive(
        secret
    )
    scalar = int.from_bytes(drawn, "big") % (_ORDER - 1) + 1
    return ec.derive_private_key(scalar, ec.SECP256R1())
