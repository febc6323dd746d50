"""The server's clock, passed in so that rules never read one themselves."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

#: Returns the time as an aware UTC `datetime`.
Clock = Callable[[], datetime]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def utc_now() -> datetime:
    """Return the time of this machine."""
    return datetime.now(UTC)


def to_milliseconds(moment: datetime) -> int:
    """Return milliseconds since 1970, the form in which the registry keeps times."""
    # Whole numbers: through a float, some times from 2038 on came back a millisecond early.
    return (moment - _EPOCH) // _MILLISECOND


def from_milliseconds(milliseconds: int) -> datetime:
    """Read a time of the registry."""
    return _EPOCH + milliseconds * _MILLISECOND


def wire_time(moment: datetime) -> str:
    """Write a time as the wire has it: RFC 3339, UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
