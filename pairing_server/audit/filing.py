"""Rules by which an event is found again: whom, which phone and which workstation it concerns.

What is filed is all said in the event itself and adds nothing to it, so that a list may be made
anew at any time, and `pairing_server.audit.verify` finds an event that was filed elsewhere.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Filing:
    """Under which names an event is listed, beside its actor and its organisation.

    Attributes:
        person: Whose phone, record or session it is, where that is not the actor.
        credential: The phone's key, or the card.
        workstation: As the person saw it.
    """

    person: str | None
    credential: str | None
    workstation: str | None


def filing(actor: str, about: str, evidence: Mapping[str, Any]) -> Filing:
    """Return where an event belongs."""
    person = _named("person", about, evidence)
    return Filing(
        person=None if actor == f"person:{person}" else person,
        credential=_named("credential", about, evidence),
        workstation=next(_workstations(evidence), None),
    )


def filing_of(row: Mapping[str, Any]) -> Filing | None:
    """Return where the event of a row belongs; `None` when it cannot be read."""
    try:
        evidence = json.loads(row["evidence"])
        return filing(row["actor"], row["object"], evidence)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _named(kind: str, about: str, evidence: Mapping[str, Any]) -> str | None:
    found, _, identifier = about.partition(":")
    return identifier if found == kind else _text(evidence.get(kind))


def _workstations(evidence: Mapping[str, Any]) -> Iterator[str]:
    for told in (evidence.get("signed"), evidence.get("shown"), evidence):
        if isinstance(told, Mapping) and (name := _text(told.get("workstation"))):
            yield name


def _text(value: Any) -> str | None:
    # PostgreSQL holds no zero characters in a column, and JSON text only escaped ones.
    return value if isinstance(value, str) and value and "\0" not in value else None
