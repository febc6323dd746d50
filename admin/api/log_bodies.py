"""What travels of the log."""

import json
from typing import Any

import msgspec

from pairing_server.audit.chain import Entry
from pairing_server.audit.filing import filing
from pairing_server.audit.kinds import told
from pairing_server.audit.nen7513 import Directory, nen7513
from pairing_server.audit.search import Found
from pairing_server.clock import from_milliseconds
from pairing_server.languages import DEFAULT


class EventTold(msgspec.Struct, frozen=True, kw_only=True):
    """An event; of one at another organisation that it was, when, and of which phone."""

    id: str | None
    at: str
    action: str
    what: str
    outcome: str
    actor: str | None
    person: str | None
    phone: str | None
    workstation: str | None
    is_elsewhere: bool


class EventsTold(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the log, the newest first; where there are more, `Link` leads on."""

    events: tuple[EventTold, ...]


class EntryTold(msgspec.Struct, frozen=True, kw_only=True):
    """One event in full, as it is kept and as NEN 7513 has it."""

    id: str
    at: str
    action: str
    what: str
    outcome: str
    actor: str
    object: str
    ura: str | None
    evidence: dict[str, Any]
    nen7513: dict[str, Any]


def event_told(found: Found) -> EventTold:
    """Tell of an event, as far as it is this organisation's to know."""
    facts, elsewhere = found.entry.facts, found.is_elsewhere
    evidence: dict[str, Any] = json.loads(facts.evidence)
    filed = filing(facts.actor, facts.object, evidence)
    return EventTold(
        id=None if elsewhere else facts.id,
        at=_time(facts.time),
        action=facts.action,
        what=told(facts.action, {} if elsewhere else evidence, DEFAULT),
        outcome=facts.outcome,
        actor=None if elsewhere else facts.actor,
        person=filed.person,
        phone=filed.credential,
        workstation=None if elsewhere else filed.workstation,
        is_elsewhere=elsewhere,
    )


def entry_told(entry: Entry, names: Directory, source: str) -> EntryTold:
    """Tell of an event in full.

    Args:
        source: The origin of the server that wrote it.
    """
    facts = entry.facts
    evidence: dict[str, Any] = json.loads(facts.evidence)
    return EntryTold(
        id=facts.id,
        at=_time(facts.time),
        action=facts.action,
        what=told(facts.action, evidence, DEFAULT),
        outcome=facts.outcome,
        actor=facts.actor,
        object=facts.object,
        ura=facts.ura,
        evidence=evidence,
        nen7513=nen7513(entry, source, names),
    )


def _time(milliseconds: int) -> str:
    return from_milliseconds(milliseconds).isoformat(timespec="milliseconds")
