"""What a phone signs besides an approval: its other acts, each under a context of its own.

The challenge is the SHA-256 of the context and the details in RFC 8785 JSON, as for an approval
(design section 6).  All members are strings.
"""

import hashlib
from collections.abc import Mapping

from pairing_server.canonical_json import canonical_json

CHANGE = b"pairing_server/change/v1\n"
RENEWAL = b"pairing_server/renewal/v1\n"
TRANSFER = b"pairing_server/transfer/v1\n"
UNBLOCK = b"pairing_server/unblock/v1\n"
MEMBERSHIP = b"pairing_server/membership/v1\n"


def challenge(context: bytes, details: Mapping[str, str]) -> bytes:
    """Return the WebAuthn challenge, 32 bytes."""
    return hashlib.sha256(context + canonical_json(dict(details))).digest()


def renewal_details(
    *, renewal: str, credential: str, new_credential: str, nonce: str
) -> dict[str, str]:
    """Return what the old key signs for the new one on the same phone."""
    return {
        "renewal": renewal,
        "credential": credential,
        "new_credential": new_credential,
        "nonce": nonce,
    }


def unblock_details(*, challenge: str, credential: str, code: str) -> dict[str, str]:
    """Return what a blocked phone signs, with the administrator's code as typed."""
    return {"challenge": challenge, "credential": credential, "code": code}
