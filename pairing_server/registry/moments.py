"""Times as the registry keeps them, where they may be absent."""

from datetime import datetime

from pairing_server.clock import from_milliseconds, to_milliseconds


def moment(milliseconds: int | None) -> datetime | None:
    """Read a time that may be absent."""
    return None if milliseconds is None else from_milliseconds(milliseconds)


def milliseconds(moment: datetime | None) -> int | None:
    """Write a time that may be absent."""
    return None if moment is None else to_milliseconds(moment)
