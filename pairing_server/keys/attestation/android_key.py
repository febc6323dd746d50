"""The statement of Android's key store (WebAuthn Level 3 section 8.4)."""

from typing import Final

import msgspec
from cryptography import x509

from pairing_server.keys.attestation.chain import Chain, unknown_extension
from pairing_server.keys.attestation.key_description import (
    AuthorizationList,
    KeyDescription,
    SecurityLevel,
    read_key_description,
)
from pairing_server.keys.attestation.statement import (
    Subject,
    require_same_key,
    require_signature,
)
from pairing_server.keys.credential import AttestationVerdict

KEY_DESCRIPTION_OID: Final = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.1.17")
KM_ORIGIN_GENERATED: Final = 0
KM_PURPOSE_SIGN: Final = 2


class AndroidKeyStatement(msgspec.Struct):
    """The statement."""

    alg: int
    sig: bytes
    x5c: list[bytes]


def verify(statement: AndroidKeyStatement, chain: Chain, subject: Subject) -> AttestationVerdict:
    """Verify a statement whose chain leads to a root.

    Raises:
        ValueError: it does not verify.
    """
    require_signature(chain.leaf, statement.alg, statement.sig, subject.signed)
    require_same_key(chain.leaf, subject)
    description = _description(chain)
    if description.challenge != subject.client_data_hash:
        raise ValueError("attestation challenge")
    if description.software.all_applications or description.hardware.all_applications:
        raise ValueError("attestation of a key for all applications")
    is_hardware = description.level >= SecurityLevel.TRUSTED_ENVIRONMENT
    # Section 8.4: the hardware's list alone where the hardware is to have decided, else both.
    decided = (
        [description.hardware] if is_hardware else [description.hardware, description.software]
    )
    _require_made_for_signing(decided)
    if not is_hardware:
        return AttestationVerdict.SOFTWARE
    # Whoever unlocked the device can run a system that never asked for the finger.
    if description.hardware.device_locked:
        return AttestationVerdict.HARDWARE
    return AttestationVerdict.UNKNOWN


def _description(chain: Chain) -> KeyDescription:
    # A key that was attested itself could sign a further certificate, and make up what it says:
    # the description counts in the one that the maker's key has signed.
    if any(unknown_extension(one, KEY_DESCRIPTION_OID) for one in chain.certificates[1:]):
        raise ValueError("attestation below an attested key")
    found = unknown_extension(chain.leaf, KEY_DESCRIPTION_OID)
    if found is None:
        raise ValueError("attestation without a key description")
    return read_key_description(found.value.value)


def _require_made_for_signing(lists: list[AuthorizationList]) -> None:
    origins = {one.origin for one in lists if one.origin is not None}
    if origins != {KM_ORIGIN_GENERATED}:
        raise ValueError("attestation of a key of another origin")
    purposes = frozenset().union(*(one.purposes for one in lists))
    if purposes != {KM_PURPOSE_SIGN}:
        raise ValueError("attestation of a key for another purpose")
