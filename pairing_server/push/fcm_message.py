"""What is posted to FCM, and what its answers mean (FCM HTTP v1, `messages:send`)."""

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from pairing_server.push import PushFailedError, TokenRejectedError, Wakeup, WakeupKind
from pairing_server.push.retry_after import retry_after

#: The longest that FCM keeps a message.
LONGEST = timedelta(weeks=4)
UNAUTHENTICATED = 401
_OK, _BAD_REQUEST, _TOO_MANY, _SERVER_ERROR = 200, 400, 429, 500
_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_BAD_FIELDS = "type.googleapis.com/google.rpc.BadRequest"
#: Of `FcmError`, and the canonical ones that come without it; others are told as numbers.
_KNOWN = frozenset(
    {
        "UNSPECIFIED_ERROR",
        "INVALID_ARGUMENT",
        "UNREGISTERED",
        "SENDER_ID_MISMATCH",
        "QUOTA_EXCEEDED",
        "UNAVAILABLE",
        "INTERNAL",
        "THIRD_PARTY_AUTH_ERROR",
        "UNAUTHENTICATED",
        "PERMISSION_DENIED",
        "NOT_FOUND",
        "RESOURCE_EXHAUSTED",
    }
)
#: FCM has no code of its own for a token that never was one; other arguments are our mistake.
_NO_TOKEN = re.compile(r"The registration token is not a valid FCM registration token\.?")


class _Violation(msgspec.Struct):
    field: str = ""


class _Detail(msgspec.Struct, rename="camel"):
    type: str = msgspec.field(name="@type", default="")
    error_code: str = ""
    field_violations: list[_Violation] = msgspec.field(default_factory=list)


class _Error(msgspec.Struct):
    status: str = ""
    message: str = ""
    details: list[_Detail] = msgspec.field(default_factory=list)


class _Body(msgspec.Struct):
    error: _Error = msgspec.field(default_factory=_Error)


def message(token: str, wakeup: Wakeup, now: datetime, *, validate_only: bool = False) -> bytes:
    """Write a message of data alone: the app words the notification and replaces it by its tag.

    A collapse key only where a message waits for long.  FCM slows down who collapses: to twenty
    messages at once and one in three minutes for each phone, which a ward's morning exceeds.
    """
    left = min(max(wakeup.expires_at - now, timedelta(0)), LONGEST)
    android: dict[str, object] = {
        "priority": "high",
        "ttl": f"{math.ceil(left.total_seconds())}s",
    }
    if wakeup.kind is WakeupKind.NOTICE and wakeup.tag:
        android["collapse_key"] = wakeup.tag
    data = {"id": wakeup.id, "kind": wakeup.kind.value, "tag": wakeup.tag}
    body: dict[str, object] = {"message": {"token": token, "data": data, "android": android}}
    if validate_only:
        body["validate_only"] = True
    return msgspec.json.encode(body)


def error_code(status: int, body: bytes) -> str:
    """Return what FCM says is wrong, in its own word if that is one, else the status."""
    error = _error(body)
    own = (detail.error_code for detail in error.details if detail.type == _FCM_ERROR)
    return next((code for code in (*own, error.status) if code in _KNOWN), f"{status}")


def examine(status: int, body: bytes, headers: Mapping[str, str], now: datetime) -> None:
    """Return if FCM took the message.

    Raises:
        PushFailedError: it did not.
        TokenRejectedError: by the body, the token is dead; a status alone may be a wrong URL's.
    """
    if status == _OK:
        return
    code = error_code(status, body)
    if code == "UNREGISTERED" or (code == "INVALID_ARGUMENT" and is_about_token(status, body)):
        raise TokenRejectedError(code)
    raise PushFailedError(
        code,
        retry_after(headers, now),
        retriable=status >= _SERVER_ERROR or status == _TOO_MANY,
    )


def is_about_token(status: int, body: bytes) -> bool:
    """Whether it is the token that is not as it should be, and not the message."""
    if status != _BAD_REQUEST:
        return False
    error = _error(body)
    fields = {
        violation.field
        for detail in error.details
        if detail.type == _BAD_FIELDS
        for violation in detail.field_violations
    }
    return fields == {"message.token"} or bool(_NO_TOKEN.fullmatch(error.message))


def _error(body: bytes) -> _Error:
    try:
        return msgspec.json.decode(body, type=_Body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Error()
