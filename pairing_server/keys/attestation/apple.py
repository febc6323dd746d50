"""The anonymous statement of Apple's devices (WebAuthn Level 3 section 8.8)."""

import hashlib
from typing import Final

import msgspec
from cryptography import x509

from pairing_server.keys.attestation import der
from pairing_server.keys.attestation.chain import Chain, unknown_extension
from pairing_server.keys.attestation.statement import Subject, require_same_key
from pairing_server.keys.credential import AttestationVerdict

NONCE_OID: Final = x509.ObjectIdentifier("1.2.840.113635.100.8.2")
_NONCE = (der.CONTEXT, 1)


class AppleStatement(msgspec.Struct):
    """The statement."""

    x5c: list[bytes]


def verify(_: AppleStatement, chain: Chain, subject: Subject) -> AttestationVerdict:
    """Verify a statement whose chain leads to a root.

    Raises:
        ValueError: it does not verify.
    """
    found = unknown_extension(chain.leaf, NONCE_OID)
    if found is None:
        raise ValueError("attestation without a nonce")
    wrapped = der.only(der.only(found.value.value, der.SEQUENCE), _NONCE)
    if der.only(wrapped, der.OCTET_STRING) != hashlib.sha256(subject.signed).digest():
        raise ValueError("attestation nonce")
    require_same_key(chain.leaf, subject)
    return AttestationVerdict.HARDWARE
