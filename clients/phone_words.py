"""What `zorgid-phone` says: what others wrote made harmless, and every refusal in words."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import aiohttp
import msgspec

from clients.auth_request import AuthRequest, Closed, WrongCode
from clients.authenticator import Unable
from clients.card_certificates import showable
from clients.pairing import Identity, PairingEnded
from clients.phone_file import StateRefused
from clients.phone_record import Notice, PastEvent, PersonWorkstation, PhoneRecord
from clients.transfer import TransferEnded
from clients.wire import MalformedAnswer, WireError

#: Whatever may go wrong without being a fault of this program.
TROUBLES = (
    WireError,
    MalformedAnswer,
    PairingEnded,
    TransferEnded,
    StateRefused,
    Unable,
    aiohttp.ClientError,
    TimeoutError,
)

_SERVER_ERROR = 500
_NOT_BOUND = (
    "This phone is not bound, or not any more: pair it again (zorgid-phone pair)."
    " If only its token was lost: zorgid-phone recover."
)
_BY_ERROR = {
    "phone_blocked": (
        "This phone is blocked. With the code of an administrator it opens again:"
        " zorgid-phone unblock --code CODE. Else pair it again with the card."
    ),
    "phone_expired": "The key of this phone has expired: pair it again (zorgid-phone pair).",
    "invalid_assertion": (
        "The server does not take this signature: it knows something else than was shown."
    ),
}
_BY_STATUS = {
    401: _NOT_BOUND,
    404: "The server knows nothing like that for this phone: it is over, or never was.",
    410: "That is over: it took too long. Start again.",
    429: "The server asks for patience: try again in a while.",
}
_ENDS = {
    "approved": "it was approved",
    "redeemed": "it was approved, and the workstation went on",
    "denied": "it was denied",
    "not_me": "it was denied",
    "superseded": "the workstation asked again",
    "revoked": "this phone was blocked or revoked",
    "expired": "it took too long",
}


def refusal(error: Exception) -> str:
    """Say in words what went wrong and what to do, on one line."""
    for kinds, words in _WORDS:
        if isinstance(error, kinds):
            return words(error)
    return str(error)


def code_of(error: Exception) -> str:
    """Return a word for programs: the server's where it is the server that refused."""
    if isinstance(error, WireError):
        return showable(error.error) or "refused"
    for kinds, code in _CODES:
        if isinstance(error, kinds):
            return code
    return "refused"


def _wrong_code(error: WrongCode) -> str:
    left = error.attempts_left
    if left:
        return f"That is not the code: {left} more can be typed."
    return "That was not the code, and the last one: it is refused now."


def _closed(error: Closed) -> str:
    if error.ended in _ENDS:
        return f"That is over: {_ENDS[error.ended]}."
    return _refused(error)


def _refused(error: WireError) -> str:
    if error.status >= _SERVER_ERROR:
        return f"The server has trouble ({error.status}): try again in a while."
    known = _BY_ERROR.get(error.error) or _BY_STATUS.get(error.status)
    said = showable(error.description) or f"{error.status} {showable(error.error)}".strip()
    return known or f"The server refuses: {said}"


#: The narrower before the wider.
_WORDS: tuple[tuple[tuple[type[Exception], ...], Callable[[Any], str]], ...] = (
    ((WrongCode,), _wrong_code),
    ((Closed,), _closed),
    ((WireError,), _refused),
    (
        (MalformedAnswer,),
        lambda error: f"The server said what no phone understands: {showable(str(error))}.",
    ),
    (
        (PairingEnded, TransferEnded),
        lambda error: f"It ended without a binding ({showable(str(error))}): start again.",
    ),
    (
        (Unable,),
        lambda error: f"The phone cannot sign: {error}. Pair it again (zorgid-phone pair).",
    ),
    (
        (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError),
        lambda _error: "The server's certificate is not trusted (SSL_CERT_FILE names a root).",
    ),
    ((aiohttp.ClientError, TimeoutError), lambda _error: "The server cannot be reached."),
)
_CODES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((aiohttp.ClientError, TimeoutError), "unreachable"),
    ((MalformedAnswer,), "malformed_answer"),
    ((PairingEnded, TransferEnded), "ended"),
    ((StateRefused, Unable), "no_phone"),
)


def fields(shown: object) -> list[str]:
    """Show every field of what the server told, by its name on the wire."""
    values = shown if isinstance(shown, Mapping) else msgspec.to_builtins(shown)
    width = max((len(name) for name in values), default=0)
    return [
        f"  {showable(str(name)):<{width}}  {_value(value)}".rstrip()
        for name, value in values.items()
    ]


def request_lines(request: AuthRequest) -> list[str]:
    """Show a request with all its fields."""
    choices = "; ".join(f"{each.role_code} {each.role}" for each in request.roles)
    shown = msgspec.to_builtins(request) | {"roles": choices}
    return [f"Request {showable(request.id)}", *fields(shown)]


def identity_lines(identity: Identity | None) -> list[str]:
    """Show whom a phone is bound to."""
    if identity is None:
        return []
    who = ", ".join(filter(None, map(showable, (identity.name, identity.role))))
    where = showable(identity.organisation)
    return [f"{who}, {where} (URA {showable(identity.ura)})"]


def phone_lines(phones: Iterable[PhoneRecord]) -> list[str]:
    """Show a person's phones in columns."""
    rows = [("ID", "STATUS", "NAME", "", "LAST USED", "EXPIRES")]
    for phone in phones:
        marks = [word for word, there in _marks(phone) if there]
        used = " ".join(filter(None, (phone.last_used_at or "never", phone.last_used_workstation)))
        rows.append(
            (
                phone.credential_id[:8],
                phone.status,
                phone.device_name or phone.model,
                ", ".join(marks),
                used,
                phone.expires_at,
            )
        )
    return _columns(rows)


def event_lines(events: Iterable[PastEvent]) -> list[str]:
    """Show what phones did in columns."""
    rows = [("AT", "WHAT", "CLIENT", "WORKSTATION", "PHONE", "REASON")]
    rows += [
        (
            event.at,
            event.kind,
            event.client,
            " ".join(filter(None, (event.workstation, event.location))),
            event.device_name,
            event.reason,
        )
        for event in events
    ]
    return _columns(rows)


def notice_lines(notices: Iterable[Notice]) -> list[str]:
    """Show what is to be told in columns."""
    rows = [("AT", "WHAT", "PHONE", "")]
    rows += [(notice.at, notice.kind, notice.device_name, notice.detail) for notice in notices]
    return _columns(rows)


def workstation_lines(workstations: Iterable[PersonWorkstation]) -> list[str]:
    """Show where the person logs in in columns."""
    rows = [("ID", "CLIENT", "WORKSTATION", "LAST USED", "WAKES")]
    rows += [
        (
            each.id[:8],
            each.client,
            " ".join(filter(None, (each.workstation, each.location))),
            each.last_used_at or "never",
            f"not since {each.push_closed_at}" if each.push_closed_at else "yes",
        )
        for each in workstations
    ]
    return _columns(rows)


def _marks(phone: PhoneRecord) -> tuple[tuple[str, bool], ...]:
    return ("this one", phone.is_this), ("default", phone.is_default)


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    shown = [[showable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in shown
    ]


def _value(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case _:
            return showable(str(value))
