"""What a card signed: the algorithm names of the wire, and the proof that is sent."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import Encoding

from clients.wire import JSONObject

#: The algorithm and its hash that belong to a curve (RFC 7518 section 3.4).
CURVES: dict[str, tuple[str, hashes.HashAlgorithm]] = {
    "secp256r1": ("ES256", hashes.SHA256()),
    "secp384r1": ("ES384", hashes.SHA384()),
    "secp521r1": ("ES512", hashes.SHA512()),
}
#: What stands before a SHA-256 digest that is signed with RSA (RFC 8017 section 9.2, note 1).
DIGEST_INFO_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")


@dataclass(frozen=True, slots=True)
class Proof:
    """A signature with its certificate; `chain` has the issuer first, no root.

    `signature` is raw: RSA as it is, ECDSA as r and s of the curve's length.
    """

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    signature: bytes
    algorithm: str

    def json(self) -> JSONObject:
        """Return the body of the call that proves a session."""
        # msgspec writes bytes as padded standard base64, which is what this wire asks for.
        return {
            "certificate": self.certificate.public_bytes(Encoding.DER),
            "chain": [issuer.public_bytes(Encoding.DER) for issuer in self.chain],
            "signature": self.signature,
            "algorithm": self.algorithm,
        }


def sign(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, data: bytes) -> tuple[bytes, str]:
    """Sign with a key in memory; the raw signature and the name of its algorithm.

    Raises:
        ValueError: a curve that the wire does not know.
    """
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256()), "RS256"
    if key.curve.name not in CURVES:
        raise ValueError("a curve that the wire does not know")
    algorithm, digest = CURVES[key.curve.name]
    size = _integer_bytes(key.curve)
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big"), algorithm


def check_signature(
    certificate: x509.Certificate, data: bytes, signature: bytes, algorithm: str
) -> None:
    """Make sure that the certificate's own key signed: a card may hold others.

    Raises:
        InvalidSignature: another key did, or the signature is malformed.
    """
    match certificate.public_key():
        case rsa.RSAPublicKey() as key if algorithm == "PS256":
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
            key.verify(signature, data, pss, hashes.SHA256())
        case rsa.RSAPublicKey() as key:
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        case ec.EllipticCurvePublicKey() as key if key.curve.name in CURVES:
            size = _integer_bytes(key.curve)
            if len(signature) != 2 * size:
                raise InvalidSignature
            r, s = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
            key.verify(encode_dss_signature(r, s), data, ec.ECDSA(CURVES[key.curve.name][1]))
        case _:
            raise InvalidSignature


def _integer_bytes(curve: ec.EllipticCurve) -> int:
    return (curve.key_size + 7) // 8
