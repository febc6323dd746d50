"""The proof with a card: the bytes that it signs and the check of its signature."""

import base64
import binascii
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from pairing_server.uzi.certificate import parsing
from pairing_server.uzi.refusals import (
    BadSignature,
    MalformedEncoding,
    UnknownAlgorithm,
    WeakKey,
    WrongAlgorithm,
)

#: Binds a signature to this use: no other protocol signs bytes that begin so.
CONTEXT = "pairing_server/uzi-session/v1"

MIN_RSA_BITS = 2048
#: What a verification may cost; authorities have 4096 bits (CPS table 8).
MAX_RSA_BITS = 8192
#: NIST SP 800-89 section 5.3.3 goes further; everybody uses 65537.
MAX_RSA_EXPONENT = 2**32

_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


@dataclass(frozen=True, slots=True)
class _Rsa:
    """RSASSA-PKCS1-v1_5 or RSASSA-PSS (RFC 7518 sections 3.3 and 3.5)."""

    digest: hashes.HashAlgorithm
    pss: bool

    def padding(self) -> padding.AsymmetricPadding:
        if self.pss:
            return padding.PSS(padding.MGF1(self.digest), self.digest.digest_size)
        return padding.PKCS1v15()


@dataclass(frozen=True, slots=True)
class _Ecdsa:
    """ECDSA on the one curve that belongs to the hash (RFC 7518 section 3.4)."""

    digest: hashes.HashAlgorithm
    curve: type[ec.EllipticCurve]
    integer_bytes: int


_ALGORITHMS: dict[str, _Rsa | _Ecdsa] = {
    "RS256": _Rsa(hashes.SHA256(), pss=False),
    "RS384": _Rsa(hashes.SHA384(), pss=False),
    "RS512": _Rsa(hashes.SHA512(), pss=False),
    "PS256": _Rsa(hashes.SHA256(), pss=True),
    "PS384": _Rsa(hashes.SHA384(), pss=True),
    "PS512": _Rsa(hashes.SHA512(), pss=True),
    "ES256": _Ecdsa(hashes.SHA256(), ec.SECP256R1, 32),
    "ES384": _Ecdsa(hashes.SHA384(), ec.SECP384R1, 48),
    "ES512": _Ecdsa(hashes.SHA512(), ec.SECP521R1, 66),
}

#: The algorithms that an agent may sign with.
ALGORITHMS = tuple(_ALGORITHMS)


def proof_message(origin: str, session_id: str, nonce: str, purpose: str, statement: str) -> bytes:
    """Compose the bytes that the agent signs.

    Args:
        origin: This server's own origin (RFC 6454, ASCII, no trailing slash), which the agent
            takes from its connection: a proof made for another server does not fit here.

    Raises:
        ValueError: A part holds a line feed, by which one message could be read as another.
    """
    parts = (CONTEXT, origin, session_id, nonce, purpose, statement)
    if any("\n" in part for part in parts):
        raise ValueError("a part of the proof holds a line feed")
    return "\n".join(parts).encode()


def verify_proof(
    certificate: x509.Certificate, signature: bytes, algorithm: str, message: bytes
) -> None:
    """Check that the certificate's key signed the message.

    Args:
        signature: RSA as it is, ECDSA as r and s of the curve's length (RFC 7518 section 3.4).
        algorithm: One of `ALGORITHMS`.

    Raises:
        UnknownAlgorithm: The algorithm is none of them.
        WeakKey: The key is not accepted at all.
        WrongAlgorithm: The algorithm does not belong to the key or its curve.
        BadSignature: The signature is another's, over other bytes, or none.
        MalformedCertificate: The certificate holds no key that can be read.
    """
    known = _ALGORITHMS.get(algorithm)
    if known is None:
        raise UnknownAlgorithm
    key = holder_key(certificate)
    try:
        match key, known:
            case rsa.RSAPublicKey(), _Rsa():
                key.verify(signature, message, known.padding(), known.digest)
            case ec.EllipticCurvePublicKey(), _Ecdsa() if isinstance(key.curve, known.curve):
                der = _der_signature(signature, known.integer_bytes)
                key.verify(der, message, ec.ECDSA(known.digest))
            case _:
                raise WrongAlgorithm(algorithm)
    except InvalidSignature as error:
        raise BadSignature from error


def holder_key(certificate: x509.Certificate) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    """Return the certificate's key.

    Raises:
        WeakKey: It is no RSA key of 2048 to 8192 bits nor on P-256, P-384 or P-521.
        MalformedCertificate: It cannot be read.
    """
    with parsing():
        key = certificate.public_key()
    match key:
        case rsa.RSAPublicKey() if is_quick(key) and key.key_size >= MIN_RSA_BITS:
            return key
        case ec.EllipticCurvePublicKey() if isinstance(key.curve, _CURVES):
            return key
        case _:
            raise WeakKey(type(key).__name__, getattr(key, "key_size", None))


def is_quick(key: rsa.RSAPublicKey) -> bool:
    """Tell whether a signature of this key is checked as fast as those of real keys are.

    A stranger chooses the keys of the certificates he shows: an exponent as long as the modulus
    makes each check a hundred times slower.
    """
    return key.key_size <= MAX_RSA_BITS and key.public_numbers().e <= MAX_RSA_EXPONENT


def decode_base64(text: str) -> bytes:
    """Decode padded standard base64, refusing every second spelling of the same bytes.

    Raises:
        MalformedEncoding: `text` is not the one encoding of some bytes (RFC 4648 section 4).
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedEncoding from error
    if base64.b64encode(data).decode("ascii") != text:
        raise MalformedEncoding("not canonical")
    return data


def _der_signature(signature: bytes, integer_bytes: int) -> bytes:
    if len(signature) != 2 * integer_bytes:
        raise BadSignature("length")
    r = int.from_bytes(signature[:integer_bytes], "big")
    s = int.from_bytes(signature[integer_bytes:], "big")
    return encode_dss_signature(r, s)
