"""Rules by which it is checked that a chain may begin where it does.

Events older than are kept are deleted from a chain's beginning.  What is left begins behind an
event that a signed checkpoint names, made when all that was deleted was there: so its signature
proves how old everything was at the least, and an event in the log tells of the deletion.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pairing_server.audit.chain import Facts, Head
from pairing_server.audit.walk import Fault, Finding

#: Five years, leap days and all (Besluit elektronische gegevensverwerking door zorgaanbieders).
LEAST_KEPT = timedelta(days=1830)
_LEAST_KEPT = LEAST_KEPT // timedelta(milliseconds=1)
#: The kind of event that tells of a deletion.
_DELETION = "AuditPruned"


@dataclass(frozen=True, slots=True)
class Start:
    """The last event before those that are there.

    Attributes:
        is_deletion: What went before was deleted, and is not merely elsewhere.
    """

    head: Head
    is_deletion: bool


class StartWalk:
    """Checks where chains begin: take the starts, `checkpoint`s and `event`s, then `end`."""

    def __init__(self) -> None:
        self._starts: dict[str, Start] = {}
        self._named: dict[tuple[str, int], tuple[str, int]] = {}
        self._told: dict[tuple[str, int], tuple[str, int]] = {}

    def start(self, chain: str, start: Start) -> None:
        """Take where a chain begins."""
        self._starts[chain] = start

    def is_before(self, chain: str, sequence: int) -> bool:
        """Whether an event went before what is there."""
        start = self._starts.get(chain)
        return start is not None and sequence <= start.head.sequence

    def checkpoint(self, made_at: int, heads: Mapping[str, Head]) -> None:
        """Take what a signed checkpoint names."""
        for chain, head in heads.items():
            # Of several that name the same event, the first one proves the most.
            self._named.setdefault((chain, head.sequence), (head.hash, made_at))

    def event(self, facts: Facts) -> None:
        """Take an event; those that tell of a deletion count."""
        if facts.action == _DELETION:
            for chain, told in _chains(facts).items():
                self._told[chain, told.sequence] = (told.hash, facts.time)

    def end(self) -> list[Finding]:
        """Return what is wrong with each start."""
        found = (self._check(chain, start) for chain, start in self._starts.items())
        return [finding for finding in found if finding is not None]

    def _check(self, chain: str, start: Start) -> Finding | None:
        place = (chain, start.head.sequence)
        named, told = self._named.get(place), self._told.get(place)
        if named is None or named[0] != start.head.hash:
            fault, detail = Fault.UNVOUCHED, "no checkpoint names the event before"
        elif not start.is_deletion:
            return None
        elif told is None or told[0] != start.head.hash:
            fault, detail = (
                Fault.DELETION_UNTOLD,
                "no event tells of the deletion of what went before",
            )
        elif told[1] - named[1] < _LEAST_KEPT:
            fault, detail = Fault.DELETED_EARLY, "what went before was not five years old"
        else:
            return None
        return Finding(fault, chain, start.head.sequence + 1, None, detail)


def _chains(facts: Facts) -> dict[str, Head]:
    try:
        told: Mapping[str, Any] = json.loads(facts.evidence)["chains"]
        return {chain: Head(each["sequence"], each["hash"]) for chain, each in told.items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}
