"""Rules on a phone's key: what it is worth, how long it lives."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

#: As long as a UZI-pas (CPS section 6.3.2).
CREDENTIAL_LIFETIME = timedelta(days=3 * 365)


UNBIND_CONTEXT = b"pairing_server/unbind/v1\n"


class AttestationVerdict(StrEnum):
    """What the attestation says of where the key lives."""

    UNKNOWN = "unknown"
    SOFTWARE = "software"
    HARDWARE = "hardware"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key whose registration was verified (WebAuthn Level 3 section 7.1).

    Attributes:
        credential_id: base64url.
        public_key: COSE_Key bytes.
        attestation_format: As the attestation object names it.
    """

    credential_id: str
    public_key: bytes
    sign_count: int
    aaguid: str
    attestation_format: str
    attestation_verdict: AttestationVerdict
    backup_eligible: bool
    backed_up: bool


def unbind_challenge(credential_id: str) -> bytes:
    """Return what a phone signs to unbind itself (design section 6)."""
    return hashlib.sha256(UNBIND_CONTEXT + credential_id.encode()).digest()
