"""The server's clock, passed in so that rules never read one themselves."""

from collections.abc import Callable
from datetime import UTC, datetime

#: Returns the time as an aware UTC `datetime`.
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time of this machine."""
    return datetime.now(UTC)


def to_milliseconds(moment: datetime) -> int:
    """Return milliseconds since 1970, the form in which the registry keeps times."""
    return int(moment.timestamp() * 1000)


def from_milliseconds(milliseconds: int) -> datetime:
    """Read a time of the registry."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def wire_time(moment: datetime) -> str:
    """Write a time as the wire has it: RFC 3339, UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
