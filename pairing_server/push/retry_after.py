"""How long a service wants to be left alone (RFC 9110 section 10.2.3)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

#: Longer is a mistake, of theirs or of somebody in between.
LONGEST = timedelta(days=1)
_SECONDS = re.compile(r"[0-9]{1,6}", re.ASCII)


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Read Retry-After, seconds or a date; what makes no sense is as good as none.

    Args:
        headers: Of the answer, whose names are compared without case.
    """
    value = headers.get("Retry-After", "").strip()
    wait = (
        timedelta(seconds=int(value))
        if _SECONDS.fullmatch(value)
        else _until(value, http_date(headers) or now)
    )
    return wait if wait is not None and timedelta(0) <= wait <= LONGEST else None


def http_date(headers: Mapping[str, str]) -> datetime | None:
    """Return when the service answered, by its own clock."""
    return _date(headers.get("Date", ""))


def _until(value: str, now: datetime) -> timedelta | None:
    moment = _date(value)
    return None if moment is None else moment - now


def _date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)
