"""Rules of an inbox: a person's open auth requests, and which of them a newer one supersedes."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pairing_server.approvals.refusals import TooManyOpen
from pairing_server.push import TAG_CHARACTERS
from pairing_server.tokens import digest

#: How many requests without a `workstation_id` one client may have open (design section 6).
MAX_OPEN = 3
#: How many requests one client may have open in all: nobody logs in at more workstations of one
#: program at once, while a client names workstations as it likes.
MAX_OF_CLIENT = 10
#: From how many open requests on a client is held to its fair share, so that a phone's list stays
#: readable.  Not a limit for all together: with it two clients could shut out every other one.
CROWDED = 20
FAIR_SHARE = 3
#: An inbox outlives every request that can be in it.
INBOX_LIFETIME = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Entry:
    """An auth request that has not ended.

    Attributes:
        is_approved: It awaits its redemption, and is here for whoever cuts off the phone.
    """

    id: str
    client_id: str
    workstation_id: str
    expires_at: datetime
    is_approved: bool = False


@dataclass(frozen=True, slots=True)
class Inbox:
    """A person's auth requests, newest first."""

    entries: tuple[Entry, ...] = ()


def put(inbox: Inbox, entry: Entry, now: datetime) -> Inbox:
    """Add a request; one that is there already stays there once.

    What it supersedes stays until it has been ended, for it may have been approved meanwhile.

    Raises:
        TooManyOpen: as many of this client's are open as may be.
    """
    others = (other for other in inbox.entries if other.id != entry.id)
    kept = tuple(other for other in others if now < other.expires_at)
    replaced = superseded(inbox, entry)
    still_open = [other for other in kept if not other.is_approved and other not in replaced]
    of_client = sum(other.client_id == entry.client_id for other in still_open)
    nameless = 0 if entry.workstation_id else sum(_same_place(old, entry) for old in still_open)
    most = FAIR_SHARE if len(still_open) >= CROWDED else MAX_OF_CLIENT
    if nameless >= MAX_OPEN or of_client >= most:
        raise TooManyOpen
    return replace(inbox, entries=(entry, *kept))


def superseded(inbox: Inbox, entry: Entry) -> tuple[Entry, ...]:
    """Return what a newer request ends: those of its own workstation, and nobody else's."""
    if not entry.workstation_id:
        return ()
    return tuple(
        other
        for other in inbox.entries
        if _same_place(other, entry) and not other.is_approved and other.id != entry.id
    )


def approved(inbox: Inbox, identifier: str) -> Inbox:
    """Take an approved request out of what is open, but not out of what a block has to end."""
    entries = (
        replace(entry, is_approved=True) if entry.id == identifier else entry
        for entry in inbox.entries
    )
    return replace(inbox, entries=tuple(entries))


def drop(inbox: Inbox, *identifiers: str) -> Inbox:
    """Remove requests that have ended."""
    kept = tuple(entry for entry in inbox.entries if entry.id not in identifiers)
    return replace(inbox, entries=kept)


def tag_of(person_id: str, entry: Entry) -> str:
    """Return what wake-ups share that replace each other: those of one workstation."""
    place = f"{entry.client_id}\n{entry.workstation_id}" if entry.workstation_id else entry.id
    return digest(f"auth-request\n{person_id}\n{place}")[:TAG_CHARACTERS]


def _same_place(one: Entry, other: Entry) -> bool:
    return (one.client_id, one.workstation_id) == (other.client_id, other.workstation_id)
