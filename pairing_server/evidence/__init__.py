"""Whether what the audit log keeps as evidence still proves what its event says, offline.

Pure, but for `log`, which finds the events.
"""

from dataclasses import asdict, dataclass
from typing import Any

from pairing_server.audit.chain import Entry, NotCanonicalError, entry_hash, genesis

#: Milliseconds up to the year 5138; a date beyond 9999 is none for Python.
MAX_NUMBER = 10**14


class NoEvidenceError(Exception):
    """The event says nothing that somebody signed."""


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check.

    Attributes:
        holds: `None` where too little was kept to tell.
        detail: What does not hold, or what could not be told.
    """

    holds: bool | None
    detail: str = ""


HOLDS = Check(holds=True)


def broken(detail: str) -> Check:
    """Say what does not hold."""
    return Check(holds=False, detail=detail)


def untold(detail: str) -> Check:
    """Say why it cannot be told."""
    return Check(holds=None, detail=detail)


@dataclass(frozen=True, slots=True)
class Linked:
    """An event, and the hashes that its neighbours in the chain have of it.

    Attributes:
        before: The hash of the event before it; `None` when that is missing.
        after: The hash before, as the next event or the chain's head has it; likewise.
    """

    entry: Entry
    before: str | None
    after: str | None


def is_readable(entry: Entry) -> bool:
    """Tell whether each column holds what can have been written there: SQLite takes anything."""
    facts: dict[str, Any] = asdict(entry.facts)
    numbers = (facts.pop("sequence"), facts.pop("time"))
    texts = (facts.pop("ura") or "", *facts.values(), entry.previous, entry.hash)
    return all(type(number) is int and 0 <= number < MAX_NUMBER for number in numbers) and all(
        isinstance(text, str) for text in texts
    )


def check_link(linked: Linked) -> Check:
    """Check that the event is as it was written, and stands where it was written.

    Whether the whole chain is, `pairing-server audit verify` tells.
    """
    entry = linked.entry
    if not is_readable(entry):
        return broken("a column holds what was never written there")
    first = entry.facts.sequence == 1
    before = genesis(entry.facts.chain).hash if first else linked.before
    try:
        own = entry_hash(entry.previous, entry.facts)
    except NotCanonicalError as error:
        return broken(str(error))
    if own != entry.hash:
        return broken("its hash does not fit what it says")
    if entry.previous != before:
        return broken("it does not follow the event before it")
    if linked.after != entry.hash:
        return broken("what follows it follows another event")
    return HOLDS
