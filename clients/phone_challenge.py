"""The 32 bytes that a phone signs about its own key; a login and a transfer have theirs beside."""

import hashlib
from collections.abc import Mapping

import rfc8785


def details_challenge(context: str, details: Mapping[str, str]) -> bytes:
    """Hash the context's line and the canonical JSON of the details (RFC 8785)."""
    return hashlib.sha256(f"{context}\n".encode() + rfc8785.dumps(dict(details))).digest()


def unbind_challenge(credential_id: str) -> bytes:
    """Compute the 32 bytes by which a phone lets go of its own key."""
    return hashlib.sha256(f"pairing_server/unbind/v1\n{credential_id}".encode()).digest()


def change_challenge(details: Mapping[str, str]) -> bytes:
    """Compute the 32 bytes of a change, over the details as the server gave them."""
    return details_challenge("pairing_server/change/v1", details)


def renewal_details(
    renewal: str, *, credential: str, new_credential: str, nonce: str
) -> dict[str, str]:
    """Return what a renewal says: which key comes in the place of which."""
    return {
        "renewal": renewal,
        "credential": credential,
        "new_credential": new_credential,
        "nonce": nonce,
    }


def renewal_challenge(details: Mapping[str, str]) -> bytes:
    """Compute the 32 bytes that the old key signs for the new one."""
    return details_challenge("pairing_server/renewal/v1", details)


def unblock_details(challenge: str, *, credential: str, code: str) -> dict[str, str]:
    """Return what a blocked phone says: its challenge as text, and the administrator's code."""
    return {"challenge": challenge, "credential": credential, "code": code}


def unblock_challenge(details: Mapping[str, str]) -> bytes:
    """Compute the 32 bytes by which a blocked phone is opened again."""
    return details_challenge("pairing_server/unblock/v1", details)


def membership_challenge(details: Mapping[str, str]) -> bytes:
    """Compute the 32 bytes by which a person accepts a membership."""
    return details_challenge("pairing_server/membership/v1", details)
