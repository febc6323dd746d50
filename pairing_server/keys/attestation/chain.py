"""From the certificates that a stranger sent to a root that the operator trusts.

Bounds come first: a stranger chooses number, size and keys of what he sends.  Dates, name
constraints and critical extensions are left to OpenSSL, which is asked afterwards about the same
chain and root (`ceremony`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pairing_server.keys.refusals import AttestationNotAccepted

#: Android's have five and their root, others two or three.
MAX_CERTIFICATES: Final = 6
#: The largest that phones send, of TPMs and Android, have some 2,000 bytes.
MAX_CERTIFICATE_BYTES: Final = 4096
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 4096
#: A TPM has 32 bits for it; one as long as the modulus makes each check a hundred times slower.
MAX_RSA_EXPONENT: Final = 2**32 - 1
MAX_SERIAL_BITS: Final = 160

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_HASHES = (SHA256, SHA384, SHA512)
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True)
class Chain:
    """Certificates of which each is signed by the next, and the last by the root.

    Attributes:
        certificates: From the attestation certificate on, without the root.
    """

    certificates: tuple[x509.Certificate, ...]
    root: x509.Certificate

    @property
    def leaf(self) -> x509.Certificate:
        """The attestation certificate."""
        return self.certificates[0]


def follow(x5c: Sequence[bytes], roots: Sequence[x509.Certificate]) -> Chain:
    """Follow a chain to a root, name by name and signature by signature.

    Args:
        x5c: DER, from the attestation certificate on, with or without the root.

    Raises:
        AttestationNotAccepted: it leads to none of the roots.
        ValueError: it is longer, larger or of other keys than any that a maker uses, or broken.
    """
    if not 0 < len(x5c) <= MAX_CERTIFICATES:
        raise ValueError("certificates: none, or too many")
    presented = [_read(der) for der in x5c]
    # Makers renew a root under its old key, and phones go on sending the old certificate.
    known = {_identity(root) for root in roots}
    while len(presented) > 1 and _identity(presented[-1]) in known:
        presented.pop()
    for certificate, issuer in pairwise(presented):
        _require_signed_by(certificate, issuer)
    root = next((root for root in roots if _is_signed_by(presented[-1], root)), None)
    if root is None:
        raise AttestationNotAccepted(None, "attestation leads to no root")
    _require_authorities([*presented[1:], root])
    return Chain(tuple(presented), root)


def public_key(certificate: x509.Certificate) -> PublicKey:
    """Return the key, if its signatures are strong and quick to check.

    Raises:
        ValueError: it is of another kind.
    """
    key = certificate.public_key()
    match key:
        case ed25519.Ed25519PublicKey():
            return key
        case ec.EllipticCurvePublicKey() if isinstance(key.curve, _CURVES):
            return key
        case rsa.RSAPublicKey() if is_quick(key):
            return key
    raise ValueError("certificate with a key of another kind")


def require_authority(certificate: x509.Certificate) -> int | None:
    """Require that a certificate may issue others (RFC 5280 sections 4.2.1.3 and 4.2.1.9).

    Returns:
        How many authorities may stand below it, if it says so.

    Raises:
        ValueError: it may not.
    """
    constraints = extension(certificate, x509.BasicConstraints)
    usage = extension(certificate, x509.KeyUsage)
    if constraints is None or not constraints.value.ca:
        raise ValueError("certificate of no authority has signed")
    if usage is not None and not usage.value.key_cert_sign:
        raise ValueError("certificate of an authority that may not sign has signed")
    return constraints.value.path_length


def is_quick(key: rsa.RSAPublicKey) -> bool:
    """Tell whether an RSA key is neither weak nor made to keep its verifier busy."""
    exponent = key.public_numbers().e
    return MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS and exponent <= MAX_RSA_EXPONENT


def extension(
    certificate: x509.Certificate, kind: type[_Extension]
) -> x509.Extension[_Extension] | None:
    """Return an extension, if the certificate has it."""
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None


def unknown_extension(
    certificate: x509.Certificate, oid: x509.ObjectIdentifier
) -> x509.Extension[x509.UnrecognizedExtension] | None:
    """Return an extension that X.509 itself does not know, if the certificate has it."""
    try:
        found = certificate.extensions.get_extension_for_oid(oid)
    except x509.ExtensionNotFound:
        return None
    if not isinstance(found.value, x509.UnrecognizedExtension):
        raise TypeError(f"extension {oid.dotted_string} is a known one")
    return x509.Extension(oid, found.critical, found.value)


def _read(der: bytes) -> x509.Certificate:
    """Read every part once, so that nothing raises later."""
    if len(der) > MAX_CERTIFICATE_BYTES:
        raise ValueError("certificate too large")
    try:
        certificate = x509.load_der_x509_certificate(der)
        _ = certificate.subject, certificate.issuer, certificate.extensions
        is_odd = (
            certificate.version is not x509.Version.v3
            or not 0 < certificate.serial_number.bit_length() <= MAX_SERIAL_BITS
            or certificate.serial_number < 0
        )
    except Exception as error:  # What it raises on a stranger's bytes is written nowhere.
        raise ValueError(f"certificate unreadable: {type(error).__name__}") from error
    if is_odd:
        raise ValueError("certificate of another version, or without a serial number")
    public_key(certificate)
    return certificate


def _identity(certificate: x509.Certificate) -> tuple[x509.Name, bytes]:
    key = certificate.public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return certificate.subject, spki


def _require_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    if not _is_signed_by(certificate, issuer):
        raise ValueError("certificates that do not sign one another")


def _is_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        algorithm = certificate.signature_hash_algorithm
        if algorithm is not None and not isinstance(algorithm, _HASHES):
            return False
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _require_authorities(authorities: Sequence[x509.Certificate]) -> None:
    """Require that each may issue, and what is below it.

    A phone's owner holds a key with an attestation of its own, and could sign with it whatever an
    attestation may say.
    """
    for below, authority in enumerate(authorities):
        length = require_authority(authority)
        if length is not None and length < below:
            raise ValueError("certificate of an authority is below one that allows none")
