"""The statement of a TPM (WebAuthn Level 3 section 8.3)."""

import hashlib
from typing import Final, Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pairing_server.keys.attestation.chain import Chain, extension
from pairing_server.keys.attestation.packed import require_aaguid, require_end_entity
from pairing_server.keys.attestation.statement import HASHES, Subject, require_signature
from pairing_server.keys.attestation.tpm_structures import (
    BOUND_TO_TPM,
    NAME_HASHES,
    EccPublic,
    Public,
    RsaPublic,
    read_attest,
    read_public,
)
from pairing_server.keys.credential import AttestationVerdict

#: tcg-kp-AIKCertificate.
AIK_OID: Final = x509.ObjectIdentifier("2.23.133.8.3")
#: Maker, model and version, in a directory name (TPMv2-EK-Profile section 3.2.9).
TPM_NAME: Final = tuple(x509.ObjectIdentifier(f"2.23.133.2.{number}") for number in (1, 2, 3))
_CURVES: Final = {3: ec.SECP256R1, 4: ec.SECP384R1, 5: ec.SECP521R1}


class TpmStatement(msgspec.Struct, rename="camel"):
    """The statement."""

    ver: Literal["2.0"]
    alg: int
    sig: bytes
    x5c: list[bytes]
    cert_info: bytes
    pub_area: bytes


def verify(statement: TpmStatement, chain: Chain, subject: Subject) -> AttestationVerdict:
    """Verify a statement whose chain leads to a root.

    Raises:
        ValueError: it does not verify.
    """
    public = read_public(statement.pub_area)
    if not _is_same_key(public, subject):
        raise ValueError("attestation of another key")
    require_signature(chain.leaf, statement.alg, statement.sig, statement.cert_info)
    attest = read_attest(statement.cert_info)
    if statement.alg not in HASHES:
        raise ValueError("attestation by another algorithm")
    if attest.extra_data != hashlib.new(HASHES[statement.alg].name, subject.signed).digest():
        raise ValueError("attestation challenge")
    name = hashlib.new(NAME_HASHES[public.name_algorithm], statement.pub_area).digest()
    if attest.name != public.name_algorithm.to_bytes(2) + name:
        raise ValueError("attestation of another object")
    _require_attestation_key(chain.leaf)
    require_aaguid(chain.leaf, subject)
    # One that may leave the TPM, or that came from outside, may also be elsewhere.
    if public.attributes & BOUND_TO_TPM == BOUND_TO_TPM:
        return AttestationVerdict.HARDWARE
    return AttestationVerdict.UNKNOWN


def _is_same_key(public: Public, subject: Subject) -> bool:
    key = subject.public_key
    match public.key:
        case RsaPublic() as held if isinstance(key, rsa.RSAPublicKey):
            return key.public_numbers() == rsa.RSAPublicNumbers(held.exponent, held.modulus)
        case EccPublic() as held if isinstance(key, ec.EllipticCurvePublicKey):
            numbers = key.public_numbers()
            return isinstance(key.curve, _CURVES.get(held.curve, ())) and (
                numbers.x,
                numbers.y,
            ) == (held.x, held.y)
        case _:
            return False


def _require_attestation_key(certificate: x509.Certificate) -> None:
    """Require what section 8.3.1 asks of the certificate of an attestation key."""
    if len(list(certificate.subject)) > 0:
        raise ValueError("attestation certificate with a subject")
    names = extension(certificate, x509.SubjectAlternativeName)
    if names is None:
        raise ValueError("attestation certificate without an alternative name")
    for kind in TPM_NAME:
        held = [
            attribute.value
            for name in names.value.get_values_for_type(x509.DirectoryName)
            for attribute in name.get_attributes_for_oid(kind)
        ]
        if not all(held) or len(held) != 1:
            raise ValueError("attestation certificate that names no TPM")
    usage = extension(certificate, x509.ExtendedKeyUsage)
    if usage is None or AIK_OID not in usage.value:
        raise ValueError("attestation certificate for another usage")
    require_end_entity(certificate)
