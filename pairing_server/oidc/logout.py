"""Rules of logging out: OpenID Connect RP-Initiated Logout 1.0, Back-Channel Logout 1.0."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from pairing_server.clock import to_milliseconds
from pairing_server.registry.sessions import Session

#: Back-Channel Logout section 4 (RFC 8417 section 2.2).
EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_TYPE = "logout+jwt"  # noqa: S105  (a media type)
#: Section 2.4 recommends at most two minutes.
TOKEN_LIFETIME = timedelta(minutes=2)
#: The first word is sent at once; then it is tried again after so long, and each time after twice
#: as long, up to the longest.
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=1)
#: A client that was away for longer than any session may last has none left.
GIVEN_UP_AFTER = timedelta(hours=24)
MAX_STATE_CHARACTERS = 1024


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """What a client's browser asks (RP-Initiated Logout section 2).

    Attributes:
        id_token_hint: Who logs out, of which session; not verified yet.
    """

    id_token_hint: str
    client_id: str
    post_logout_redirect_uri: str
    state: str


def read_logout(form: Mapping[str, str]) -> LogoutRequest:
    """Read a request; what is too long to be of use counts as absent."""
    state = form.get("state", "")
    return LogoutRequest(
        form.get("id_token_hint", ""),
        form.get("client_id", ""),
        form.get("post_logout_redirect_uri", ""),
        state if len(state) <= MAX_STATE_CHARACTERS else "",
    )


def return_uri(request: LogoutRequest, registered: tuple[str, ...]) -> str | None:
    """Return where the browser goes from here, if that is the client's letter for letter."""
    uri = request.post_logout_redirect_uri
    if not uri or uri not in registered:
        return None
    if not request.state:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode({'state': request.state})}"


def logout_token(session: Session, issuer: str, jti: str, now: datetime) -> dict[str, Any]:
    """Return the claims of a logout token (Back-Channel Logout section 2.4): never a nonce."""
    issued_at = to_milliseconds(now) // 1000
    return {
        "iss": issuer,
        "aud": session.client_id,
        "sub": session.sub,
        "sid": session.sid,
        "iat": issued_at,
        "exp": issued_at + int(TOKEN_LIFETIME.total_seconds()),
        "jti": jti,
        "events": {EVENT: {}},
    }


def next_try(session: Session, now: datetime) -> datetime:
    """Return when a client is told again, unless it hears this time."""
    doublings = min(session.notice_attempts, 10)
    return now + min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def is_given_up(session: Session, now: datetime) -> bool:
    """Tell whether a client has been away for too long to be told."""
    return session.ended_at is None or now >= session.ended_at + GIVEN_UP_AFTER
