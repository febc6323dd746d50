"""What the phone signs: a challenge over every detail it shows (design section 6).

The phone computes it from what it *shows*, the server from what it *stored* plus the submitted
code, so a phone that was shown something else signs something that does not verify.
"""

import hashlib

from pairing_server.approvals.auth_request import AuthRequest
from pairing_server.canonical_json import canonical_json

CONTEXT = b"pairing_server/approval/v1\n"
#: Of what has hashes: no login can be taken for a signature, nor the other way round.
TRANSACTION_CONTEXT = b"pairing_server/transaction/v1\n"


def details(request: AuthRequest, code: str) -> dict[str, str]:
    """Return what is signed; an absent value is the empty string, but absent hashes are absent.

    Args:
        code: As typed; the empty string when none was asked.
    """
    shown = request.shown
    hashes = {"hashes": shown.hashes} if shown.hashes else {}
    return {
        **hashes,
        "auth_request": request.id,
        "client": shown.client,
        "organisation": shown.organisation,
        "ura": shown.ura,
        "role_code": shown.role_code,
        "workstation": shown.workstation,
        "location": shown.location,
        "message": shown.message,
        "nonce": shown.nonce,
        "requested_at": shown.requested_at,
        "decision": "approve",
        "code": code,
    }


def challenge(signed: dict[str, str]) -> bytes:
    """Return the WebAuthn challenge: the 32 bytes of SHA-256 over context and RFC 8785 JSON."""
    context = TRANSACTION_CONTEXT if "hashes" in signed else CONTEXT
    return hashlib.sha256(context + canonical_json(signed)).digest()
