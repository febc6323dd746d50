"""An authentication request as the phone sees it, and the challenge that an approval signs."""

import msgspec

from clients.phone_challenge import details_challenge
from clients.wire import WireError


class Role(msgspec.Struct, frozen=True):
    """A role that its holder may choose, and its name."""

    role_code: str
    role: str = ""


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
    #: What is to be signed, where this is no login.
    hashes: str = ""
    #: Among which to choose, where there are several; `role_code` is the first.
    roles: tuple[Role, ...] = ()

    def in_role(self, role_code: str) -> "AuthRequest":
        """Return the request as it is approved in a role that was chosen."""
        return msgspec.structs.replace(self, role_code=role_code) if role_code else self


class WrongCode(WireError):  # noqa: N818 - what was wrong.
    """The code was not the one on the workstation; `attempts_left` more may be typed."""

    @property
    def attempts_left(self) -> int:
        """How often a code may still be typed; at 0 the request is denied."""
        left = self.body.get("attempts_left")
        return left if isinstance(left, int) else 0


class Closed(WireError):  # noqa: N818 - what the request is.
    """The request is over: answered, superseded or expired, as its `ended` says."""

    @property
    def ended(self) -> str:
        """The status that the request ended in."""
        return str(self.body.get("status", ""))


def approval_details(request: AuthRequest, code: str) -> dict[str, str]:
    """Return what an approval says: everything that was shown, and the code as typed."""
    hashes = {"hashes": request.hashes} if request.hashes else {}
    return {
        **hashes,
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
    kind = "transaction" if request.hashes else "approval"
    return details_challenge(f"pairing_server/{kind}/v1", approval_details(request, code))
