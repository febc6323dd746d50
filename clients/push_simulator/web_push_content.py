"""Decryption of a push by the browser that it is for (RFC 8291, RFC 8188)."""

from dataclasses import dataclass, field
from struct import unpack_from

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_SALT, _HEADER = 16, 21
_CURVE = ec.SECP256R1()


class UndecryptableError(Exception):
    """The browser drops it, and nobody is told."""


@dataclass(frozen=True, slots=True)
class BrowserKeys:
    """What a browser makes for one subscription."""

    auth: bytes = field(repr=False)
    key: ec.EllipticCurvePrivateKey = field(
        repr=False, default_factory=lambda: ec.generate_private_key(_CURVE)
    )

    @property
    def point(self) -> bytes:
        """The public key, uncompressed."""
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def decrypt(self, body: bytes) -> bytes:
        """Return the content of a push of one record, which is all that RFC 8291 allows.

        Raises:
            UndecryptableError: it was not encrypted for this browser, or was changed.
        """
        if len(body) < _HEADER:
            raise UndecryptableError("header")
        salt = body[:_SALT]
        record_size, id_length = unpack_from("!IB", body, _SALT)
        sender = body[_HEADER : _HEADER + id_length]
        record = body[_HEADER + id_length :]
        if len(record) > record_size:
            raise UndecryptableError("more than one record")
        content_key, nonce = self._keys(salt, sender)
        try:
            padded = AESGCM(content_key).decrypt(nonce, record, None)
        except (InvalidTag, ValueError) as error:
            raise UndecryptableError("record") from error
        content, delimiter, padding = padded.rpartition(b"\x02")
        if not delimiter or padding.strip(b"\x00"):
            raise UndecryptableError("padding")
        return content

    def _keys(self, salt: bytes, sender: bytes) -> tuple[bytes, bytes]:
        try:
            theirs = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, sender)
        except ValueError as error:
            raise UndecryptableError("keyid") from error
        shared = self.key.exchange(ec.ECDH(), theirs)
        info = b"WebPush: info\x00" + self.point + sender
        secret = HKDF(SHA256(), 32, self.auth, info).derive(shared)
        content_key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\x00").derive(secret)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\x00").derive(secret)
        return content_key, nonce
