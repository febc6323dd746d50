"""What a browser adds to a WebAuthn ceremony, and how a test may twist the ceremony."""

from dataclasses import dataclass
from enum import IntFlag

from clients.wire import b64url

#: COSE algorithm identifier of ECDSA with SHA-256 on P-256 (RFC 9053 section 2.1).
ES256 = -7


class Flags(IntFlag):
    """The flags of authenticator data (WebAuthn Level 3 section 6.1)."""

    UP = 1 << 0
    UV = 1 << 2
    BE = 1 << 3
    BS = 1 << 4
    AT = 1 << 6
    ED = 1 << 7


NO_FLAGS = Flags(0)


@dataclass(frozen=True, slots=True)
class Twist:
    """What one ceremony does wrongly; `None` and the empty flags leave it right."""

    challenge: bytes | None = None
    origin: str | None = None
    rp_id: str | None = None
    type: str | None = None
    cross_origin: bool = False
    top_origin: str | None = None
    set_flags: Flags = NO_FLAGS
    clear_flags: Flags = NO_FLAGS
    sign_count: int | None = None
    algorithm: int = ES256
    spoil_signature: bool = False


HONEST = Twist()


def twisted_client_data(kind: str, challenge: bytes, origin: str, twist: Twist) -> bytes:
    """Compose the client data of a ceremony, but for what the twist says."""
    composed = client_data_json(
        kind if twist.type is None else twist.type,
        challenge if twist.challenge is None else twist.challenge,
        origin if twist.origin is None else twist.origin,
        cross_origin=twist.cross_origin,
    )
    if twist.top_origin is None:
        return composed
    return composed[:-1] + f',"topOrigin":{_ccd_string(twist.top_origin)}}}'.encode()


def client_data_json(kind: str, challenge: bytes, origin: str, *, cross_origin: bool) -> bytes:
    """Serialise as browsers do, byte for byte (WebAuthn Level 3 section 5.8.1.1)."""
    crossed = "true" if cross_origin else "false"
    return (
        f'{{"type":{_ccd_string(kind)},"challenge":{_ccd_string(b64url(challenge))}'
        f',"origin":{_ccd_string(origin)},"crossOrigin":{crossed}}}'
    ).encode()


def _ccd_string(text: str) -> str:
    """CCDToString: every control character in six characters, never in JSON's short forms."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " else f"\\u{ord(c):04x}" for c in escaped) + '"'
