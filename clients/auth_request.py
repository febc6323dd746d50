"""An authentication request as the phone sees it, and the challenges that the phone signs."""

import hashlib

import msgspec
import rfc8785


class AuthRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the person; an absent member is the empty string."""

    id: str
    client: str = ""
    organisation: str = ""
    ura: str = ""
    role_code: str = ""
    workstation: str = ""
    location: str = ""
    message: str = ""
    nonce: str = ""
    requested_at: str = ""
    expires_at: str = ""
    code_length: int = 0


def approval_details(request: AuthRequest, code: str) -> dict[str, str]:
    """Return what an approval says: everything that was shown, and the code as typed."""
    return {
        "auth_request": request.id,
        "client": request.client,
        "organisation": request.organisation,
        "ura": request.ura,
        "role_code": request.role_code,
        "workstation": request.workstation,
        "location": request.location,
        "message": request.message,
        "nonce": request.nonce,
        "requested_at": request.requested_at,
        "decision": "approve",
        "code": code,
    }


def approval_challenge(request: AuthRequest, code: str) -> bytes:
    """Compute the 32 bytes to sign, over canonical JSON of the details (RFC 8785)."""
    details = rfc8785.dumps(dict(approval_details(request, code)))
    return hashlib.sha256(b"pairing_server/approval/v1\n" + details).digest()


def unbind_challenge(credential_id: str) -> bytes:
    """Compute the 32 bytes by which a phone lets go of its own key."""
    return hashlib.sha256(f"pairing_server/unbind/v1\n{credential_id}".encode()).digest()
