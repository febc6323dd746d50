"""The packed statement with a chain (WebAuthn Level 3 section 8.2)."""

import re
from typing import Final

import msgspec
from cryptography import x509
from cryptography.x509.oid import NameOID

from pairing_server.keys.attestation import der
from pairing_server.keys.attestation.chain import Chain, extension, unknown_extension
from pairing_server.keys.attestation.statement import Subject, require_signature
from pairing_server.keys.credential import AttestationVerdict

#: id-fido-gen-ce-aaguid.
AAGUID_OID: Final = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
ORGANISATIONAL_UNIT: Final = "Authenticator Attestation"
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


class PackedStatement(msgspec.Struct):
    """The statement; without `x5c` the key attests itself."""

    alg: int
    sig: bytes
    x5c: list[bytes]


def verify(statement: PackedStatement, chain: Chain, subject: Subject) -> AttestationVerdict:
    """Verify a statement whose chain leads to a root.

    Raises:
        ValueError: it does not verify.
    """
    require_signature(chain.leaf, statement.alg, statement.sig, subject.signed)
    require_end_entity(chain.leaf)
    require_aaguid(chain.leaf, subject)
    for kind, form in _SUBJECT.items():
        values = chain.leaf.subject.get_attributes_for_oid(kind)
        if len(values) != 1 or not form.fullmatch(str(values[0].value)):
            raise ValueError("attestation certificate with another subject")
    return AttestationVerdict.HARDWARE


def require_end_entity(certificate: x509.Certificate) -> None:
    """Require a certificate that says of itself that it is no authority's.

    Raises:
        ValueError: it says nothing of it, or that it is.
    """
    constraints = extension(certificate, x509.BasicConstraints)
    if constraints is None or constraints.value.ca:
        raise ValueError("attestation certificate of an authority")


def require_aaguid(certificate: x509.Certificate, subject: Subject) -> None:
    """Require that a certificate for one model is of this model.

    Raises:
        ValueError: it is of another.
    """
    named = unknown_extension(certificate, AAGUID_OID)
    if named is None:
        return
    if named.critical or der.only(named.value.value, der.OCTET_STRING) != subject.aaguid:
        raise ValueError("attestation certificate of another model")


#: Section 8.2.1: each stands there once.
_SUBJECT: Final = {
    NameOID.COUNTRY_NAME: _COUNTRY,
    NameOID.ORGANIZATION_NAME: re.compile(r".+", re.DOTALL),
    NameOID.ORGANIZATIONAL_UNIT_NAME: re.compile(re.escape(ORGANISATIONAL_UNIT)),
    NameOID.COMMON_NAME: re.compile(r".+", re.DOTALL),
}
