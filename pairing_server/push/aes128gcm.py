"""Encryption for one subscription (RFC 8291), in one record of aes128gcm (RFC 8188)."""

import hmac
from struct import pack

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pairing_server.push.subscription import Subscription

SALT_BYTES = 16
#: The smallest that every push service takes (RFC 8030 section 7.2).
RECORD_BYTES = 4096
_KEY_BYTES, _NONCE_BYTES, _TAG_BYTES = 16, 12, 16
#: Of the last record (RFC 8188 section 2).
_DELIMITER = b"\x02"


def encrypt(
    content: bytes,
    to: Subscription,
    key: ec.EllipticCurvePrivateKey,
    salt: bytes,
    *,
    length: int = 0,
) -> bytes:
    """Encrypt for the browser alone; the push service learns the length and nothing else.

    Args:
        key: Made for this one message.
        salt: 16 random bytes.
        length: To which the content is padded, so that all messages are as long.
    """
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = key.exchange(ec.ECDH(), to.key)
    # RFC 8291 section 3.4; each output is one block of HKDF.
    combined = _hmac(to.auth, shared)
    secret = _hmac(combined, b"WebPush: info\x00" + to.point + point + b"\x01")
    # RFC 8188 section 2.2 and 2.3.
    drawn = _hmac(salt, secret)
    content_key = _hmac(drawn, b"Content-Encoding: aes128gcm\x00\x01")[:_KEY_BYTES]
    nonce = _hmac(drawn, b"Content-Encoding: nonce\x00\x01")[:_NONCE_BYTES]
    record = content + _DELIMITER + b"\x00" * max(0, length - len(content))
    if len(record) + _TAG_BYTES > RECORD_BYTES:
        raise ValueError("longer than one record")
    header = salt + pack("!IB", RECORD_BYTES, len(point)) + point
    return header + AESGCM(content_key).encrypt(nonce, record, None)


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")
