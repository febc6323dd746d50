"""Rules of reading single claims of a token whose signature was verified (RFC 7519)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def moment(claims: Mapping[str, Any], name: str) -> datetime | None:
    """Read a NumericDate (section 2); `None` where the claim is missing.

    Raises:
        ValueError: it is none, or beyond the calendar.
    """
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is not a number of seconds")  # noqa: TRY004  (one for all)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"{name} is out of range") from error


def is_for(claims: Mapping[str, Any], name: str) -> bool:
    """Whether `aud` is or contains that name (section 4.1.3)."""
    audience = claims.get("aud")
    return name in (audience if isinstance(audience, list) else [audience])


def is_storable(text: str) -> bool:
    """Whether a store takes the text: JSON carries NUL and halves of characters."""
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)
