"""Rules of ping mode: the token, the notification, and what an answer to it means.

CIBA Core sections 7.1 and 10.2.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from pairing_server.destination import Reason
from pairing_server.errors import InvalidRequest

MAX_TOKEN_CHARACTERS = 1024
#: CIBA Core section 7.1: 128 bits, in the densest alphabet that a bearer token may have.
MIN_TOKEN_CHARACTERS = 22
#: For one notification, from the resolution to the answer.
DEADLINE = timedelta(seconds=5)
#: Of an answer's body, which nobody reads.
MAX_ANSWER = 64 * 1024
FIRST_RETRY = timedelta(seconds=1)
LAST_RETRY = timedelta(seconds=30)
#: How long a notification may still be tried once the request has run out.
PATIENCE = timedelta(seconds=30)

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)


class Outcome(StrEnum):
    """What became of a notification."""

    SENT = "sent"
    #: The endpoint does not know our token (401).
    UNAUTHORIZED = "unauthorized"
    #: The endpoint does not know the request, or wants no more of them (other 4xx).
    REFUSED = "refused"
    #: What the client must not answer, and nobody follows (3xx).
    REDIRECT = "redirect"
    #: Nothing may be called by this name, or by its addresses.
    FORBIDDEN = "forbidden"
    #: Away, slow, overloaded or broken: it may be another time around.
    FAILED = "failed"
    #: The client has asked by itself, or is no client any more.
    NEEDLESS = "needless"


#: A timeout and two that say "later"; what any other 4xx means is for people to find out.
_LATER = frozenset({408, 425, 429})
_FORBIDDEN = frozenset({Reason.URL, Reason.PLAIN_HTTP, Reason.HOST, Reason.ADDRESS})


def notification_token(form: Mapping[str, str]) -> str:
    """Return the `client_notification_token` of a client in ping mode.

    Raises:
        InvalidRequest: it is missing, no bearer token (RFC 6750 section 2.1), or too short.
    """
    token = form.get("client_notification_token", "")
    if not MIN_TOKEN_CHARACTERS <= len(token) <= MAX_TOKEN_CHARACTERS:
        raise InvalidRequest(
            "Send client_notification_token: in ping mode it has 128 bits or more, "
            "22 to 1024 characters."
        )
    if not _TOKEN.fullmatch(token):
        raise InvalidRequest("The client_notification_token is no bearer token.")
    return token


def body(auth_req_id: str) -> bytes:
    """Return what is posted."""
    return msgspec.json.encode({"auth_req_id": auth_req_id})


def headers(token: str) -> dict[str, str]:
    """Return what the post carries."""
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def of_status(status: int) -> Outcome:
    """Tell what an answer means; its body says nothing."""
    if status in _LATER:
        return Outcome.FAILED
    match status // 100:
        case 2:
            return Outcome.SENT
        case 3:
            return Outcome.REDIRECT
        case 4:
            return Outcome.UNAUTHORIZED if status == 401 else Outcome.REFUSED  # noqa: PLR2004
        case _:
            return Outcome.FAILED


def of_reason(reason: Reason) -> Outcome:
    """Tell what it means that there was no answer."""
    match reason:
        case Reason.REDIRECT:
            return Outcome.REDIRECT
        case Reason.ENCODED | Reason.TOO_LARGE:
            # It was taken, or there would be no body to speak of.
            return Outcome.SENT
        case _:
            return Outcome.FORBIDDEN if reason in _FORBIDDEN else Outcome.FAILED


def next_try(
    outcome: Outcome, tries: int, lot: float, now: datetime, expires_at: datetime
) -> datetime | None:
    """Return when to try again, or `None` where that is of no use.

    Args:
        tries: How many there were.
        lot: From 0 to 1, so that what failed at once is not tried again at once.
        expires_at: Of the request: then there is nothing left to be fetched.
    """
    if outcome is not Outcome.FAILED:
        return None
    # 2 ** 10 seconds are beyond the longest wait, whatever comes after.
    wait = min(FIRST_RETRY * 2 ** min(tries - 1, 10), LAST_RETRY)
    at = now + wait * (1 + lot) / 2
    return at if at < expires_at + PATIENCE else None
