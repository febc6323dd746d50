"""Rules of an inbox: a person's open auth requests, and which of them a newer one supersedes."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pairing_server.approvals.refusals import TooManyOpen

#: How many requests without a `workstation_id` one client may have open (design section 6).
MAX_OPEN = 3
#: An inbox outlives every request that can be in it.
INBOX_LIFETIME = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Entry:
    """An auth request that has not ended."""

    id: str
    client_id: str
    workstation_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Inbox:
    """A person's auth requests, newest first."""

    entries: tuple[Entry, ...] = ()


def put(inbox: Inbox, entry: Entry, now: datetime) -> Inbox:
    """Add a request; it takes the place of an older one of (person, client, workstation).

    Raises:
        TooManyOpen: it names no workstation, and three of this client's are open.
    """
    replaced = superseded(inbox, entry)
    kept = tuple(
        other for other in inbox.entries if now < other.expires_at and other not in replaced
    )
    if not entry.workstation_id and sum(_same_place(other, entry) for other in kept) >= MAX_OPEN:
        raise TooManyOpen
    return replace(inbox, entries=(entry, *kept))


def superseded(inbox: Inbox, entry: Entry) -> tuple[Entry, ...]:
    """Return what a newer request ends: those of its own workstation, and nobody else's."""
    if not entry.workstation_id:
        return ()
    return tuple(other for other in inbox.entries if _same_place(other, entry))


def drop(inbox: Inbox, identifier: str) -> Inbox:
    """Remove a request that has ended."""
    kept = tuple(entry for entry in inbox.entries if entry.id != identifier)
    return replace(inbox, entries=kept)


def _same_place(one: Entry, other: Entry) -> bool:
    return (one.client_id, one.workstation_id) == (other.client_id, other.workstation_id)
