"""Rules by which a chain is checked, event by event and with none of them kept."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, cast

from pairing_server.audit.chain import (
    Entry,
    Facts,
    Head,
    NotCanonicalError,
    digest_hash,
    entry_hash,
    genesis,
)


class Fault(StrEnum):
    """What can be wrong with an audit log."""

    CHANGED = "changed"
    MISSING = "missing"
    REORDERED = "reordered"
    FORKED = "forked"
    TAIL_CUT = "tail cut off"
    HEAD_MOVED = "head moved"
    UNKNOWN_CHAIN = "unknown chain"
    CHECKPOINT_FORGED = "checkpoint forged"
    CHECKPOINT_BROKEN = "checkpoint broken"
    CHECKPOINT_MISSING = "checkpoint missing"
    CHECKPOINT_REORDERED = "checkpoint reordered"
    CHECKPOINT_REPLACED = "checkpoint replaced"
    MISFILED = "misfiled"
    UNVOUCHED = "not vouched for"
    DELETION_UNTOLD = "deletion not told of"
    DELETED_EARLY = "deleted too early"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing that is wrong with a chain, or with the checkpoints.

    Attributes:
        sequence: Where in the chain; the number of the checkpoint or line where there is no chain.
        id: The event that stands there.
        detail: What gives it away.
    """

    fault: Fault
    chain: str | None
    sequence: int
    id: str | None
    detail: str


@dataclass(slots=True)
class Seen:
    """What a verification has read, for it says nothing about nothing.

    Attributes:
        first: Milliseconds since 1970: the time of the earliest event.
        last: That of the latest.
        left_out: Events of which an export has the digest alone.
    """

    chains: set[str] = field(default_factory=set)
    events: int = 0
    left_out: int = 0
    checkpoints: int = 0
    first: int | None = None
    last: int | None = None

    def add(self, facts: Facts) -> None:
        """Count an event."""
        self.chains.add(facts.chain)
        self.events += 1
        if isinstance(cast("Any", facts.time), int):
            self.first = facts.time if self.first is None else min(self.first, facts.time)
            self.last = facts.time if self.last is None else max(self.last, facts.time)


class ChainWalk:
    """Checks one chain: `add` each event in order, then `end`.

    After the first finding the events that follow serve to name it better.

    Args:
        start: The last event before those that are there; by default the chain is whole.
    """

    def __init__(self, chain: str, start: Head | None = None) -> None:
        self._chain = chain
        self._last = start or genesis(chain)
        self._last_id: str | None = None
        self._finding: Finding | None = None
        # An event whose hash does not fit its place: changed, or from another place.
        self._suspect: Entry | None = None
        # An event that fits by itself, but does not follow the one before.
        self._stray: Entry | None = None

    def add(self, entry: Entry) -> None:
        """Take the next event."""
        if self._finding is None:
            self._check(entry)
        elif self._finding.fault is Fault.MISSING:
            self._check_not_missing(entry)
        elif self._stray is not None:
            self._blame(self._stray, follower=entry.previous)
        elif self._suspect is not None:
            self._find_place(self._suspect, entry)

    def skip(self, sequence: int, digest: bytes) -> str | None:
        """Take the digest of an event that was left out.  Returns the hash that it has there."""
        if self._finding is not None:
            return None
        expected = self._last.sequence + 1
        if sequence != expected:
            fault = Fault.MISSING if sequence > expected else Fault.FORKED
            detail = f"what was left out is said to be event {sequence}"
            self._find(fault, min(expected, sequence), None, detail)
            return None
        self._last = Head(sequence, digest_hash(self._last.hash, digest))
        self._last_id = None
        return self._last.hash

    def end(self, head: Head | None) -> Finding | None:
        """Take the head that the log has for this chain, and return what was found first."""
        if self._finding is None:
            self._check_head(head)
        elif head is not None and self._stray is not None:
            self._blame(self._stray, follower=head.hash)
        elif head is not None and self._suspect is not None:
            self._try_places(self._suspect, head.sequence)
        return self._finding

    def _check(self, entry: Entry) -> None:
        # Of any type, since SQLite keeps in a column whatever is put there.
        expected, found = self._last.sequence + 1, cast("Any", entry.facts.sequence)
        if not isinstance(found, int):
            self._find(Fault.CHANGED, expected, entry, "its sequence is not a number")
        elif found < expected:
            self._find(Fault.FORKED, found, entry, "it is one event too many")
        elif found > expected:
            self._find(Fault.MISSING, expected, None, f"the next event is {found}")
        elif _own_hash(entry) != entry.hash:
            self._suspect = entry
            self._find(Fault.CHANGED, found, entry, "its hash does not fit what it says")
        elif entry.previous != self._last.hash:
            self._stray = entry
            self._find(Fault.CHANGED, found, entry, "it does not follow the event before it")
        else:
            self._last, self._last_id = entry.head, entry.facts.id

    def _check_head(self, head: Head | None) -> None:
        end = self._last
        if head is None:
            self._find(Fault.UNKNOWN_CHAIN, end.sequence, None, "there is no head of this chain")
        elif not isinstance(cast("Any", head.sequence), int):
            self._find(Fault.HEAD_MOVED, end.sequence, None, "the head is not at a number")
        elif end.sequence < head.sequence:
            detail = f"the head is at {head.sequence}, the events end at {end.sequence}"
            self._find(Fault.TAIL_CUT, end.sequence + 1, None, detail)
        elif end != head:
            detail = f"the events end at {end.sequence}, the head is at {head.sequence}"
            if end.sequence == head.sequence:
                detail = "the head has not the hash of the last event"
            self._find(Fault.HEAD_MOVED, head.sequence, None, detail)

    def _check_not_missing(self, entry: Entry) -> None:
        if self._finding is not None and entry.facts.sequence == self._finding.sequence:
            self._find(Fault.REORDERED, entry.facts.sequence, entry, "it stands further on")

    def _blame(self, stray: Entry, follower: str) -> None:
        """Tell which of two events was rewritten: the one that nothing follows."""
        self._stray = None
        before = self._last
        if follower == stray.hash and before.sequence > 0:
            detail = "it was rewritten: the events after it follow another one"
            self._finding = Finding(
                Fault.CHANGED, self._chain, before.sequence, self._last_id, detail
            )

    def _find_place(self, suspect: Entry, neighbour: Entry) -> None:
        """See whether an event further on is the one that the suspect stood before or behind."""
        place: Any = neighbour.facts.sequence
        if isinstance(place, int) and neighbour.previous == suspect.hash:
            self._try_places(suspect, place - 1, place)
        elif isinstance(place, int) and neighbour.hash == suspect.previous:
            self._try_places(suspect, place, place + 1)

    def _try_places(self, suspect: Entry, *places: int) -> None:
        for place in places:
            moved = Entry(replace(suspect.facts, sequence=place), suspect.previous, suspect.hash)
            if _own_hash(moved) == suspect.hash:
                detail = f"it is the event {place}"
                self._find(Fault.REORDERED, suspect.facts.sequence, suspect, detail)
                self._suspect = None
                return

    def _find(self, fault: Fault, sequence: int, entry: Entry | None, detail: str) -> None:
        identifier = None if entry is None else entry.facts.id
        self._finding = Finding(fault, self._chain, sequence, identifier, detail)


def _own_hash(entry: Entry) -> str | None:
    """Return the hash that the event should have, `None` when it cannot have one."""
    try:
        return entry_hash(entry.previous, entry.facts)
    except NotCanonicalError:
        return None
