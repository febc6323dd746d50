"""How an event is told to who administers: who, what, with which phone, where."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from admin.log_flow import View
from pairing_server.audit.chain import Entry
from pairing_server.audit.filing import filing
from pairing_server.audit.kinds import GROUPS, KINDS, Group, told
from pairing_server.audit.nen7513 import Directory
from pairing_server.audit.search import Found
from pairing_server.clock import from_milliseconds
from pairing_server.languages import N_, Language, translate

_SYSTEM = N_("The server")
_OPERATOR = N_("Operator of the server: %(name)s")
_CARD = N_("UZI card %(number)s")
_ANY_CARD = N_("A card that was not believed")
_ELSEWHERE = N_("At another organisation")
_UNKNOWN = N_("Not known any more")
_OUTCOMES = {"success": N_("Succeeded"), "refused": N_("Refused")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A row of the log.

    Attributes:
        id: Leads to all of it; empty where that is another organisation's.
        who: Who did it.
        whom: Whose phone, record or session it was, where that is somebody else.
        place: The workstation.
    """

    id: str
    at: datetime
    what: str
    is_refused: bool
    who: str
    whom: str
    person: str
    phone: str
    credential: str
    place: str


def rows(view: View, language: Language) -> list[Told]:
    """Tell the events of a page."""
    return [_row(found, view.names, language) for found in view.found]


def _row(found: Found, names: Directory, language: Language) -> Told:
    facts = found.entry.facts
    evidence: dict[str, Any] = json.loads(facts.evidence)
    filed = filing(facts.actor, facts.object, evidence)
    actor = facts.actor.partition(":")
    whom = filed.person or ""
    elsewhere = found.is_elsewhere
    return Told(
        id="" if elsewhere else facts.id,
        at=from_milliseconds(facts.time),
        what=told(facts.action, {} if elsewhere else evidence, language),
        is_refused=facts.outcome != "success",
        who="" if elsewhere else who(facts.actor, names, language),
        whom=names.name(f"person:{whom}"),
        person=whom or (actor[2] if actor[0] == "person" else ""),
        phone=names.name(f"credential:{filed.credential}"),
        credential=filed.credential or "",
        place=translate(language, _ELSEWHERE) if elsewhere else filed.workstation or "",
    )


def who(actor: str, names: Directory, language: Language) -> str:
    """Name who did something."""
    kind, _, identifier = actor.partition(":")
    match kind:
        case "person" | "client":
            return names.name(actor) or translate(language, _UNKNOWN)
        case "operator":
            return translate(language, _OPERATOR) % {"name": identifier}
        case "uzi":
            return translate(language, _CARD) % {"number": identifier}
        case "card":
            return translate(language, _ANY_CARD)
    return translate(language, _SYSTEM)


def outcome(entry: Entry, language: Language) -> str:
    """Say how it ended."""
    return translate(language, _OUTCOMES.get(entry.facts.outcome, _OUTCOMES["refused"]))


_CHIPS = {
    "person": N_("Person: %(value)s"),
    "phone": N_("Phone: %(value)s"),
    "workstation": N_("Workstation: %(value)s"),
    "kind": N_("Kind: %(value)s"),
    "since": N_("From %(value)s"),
    "until": N_("Up to %(value)s"),
}


@dataclass(frozen=True, slots=True)
class Chip:
    """Something that is looked for, and where the page is without it."""

    words: str
    query: str


def chips(view: View, language: Language) -> list[Chip]:
    """Tell what is looked for, each with a way to look without it."""
    seen = view.wanted
    return [
        Chip(
            translate(language, _CHIPS[name]) % {"value": _value(view, name, language)},
            # A phone is looked for with its person, and goes when that one does.
            seen.without(*(("person", "phone") if name == "person" else (name,))).query(),
        )
        for name in seen.given
    ]


def _value(view: View, name: str, language: Language) -> str:
    seen = view.wanted
    unknown = translate(language, _UNKNOWN)
    match name:
        case "person":
            return unknown if view.person is None else view.person.name
        case "phone":
            named = [each.device_name for each in view.phones if each.id == seen.phone]
            return named[0] if named else unknown
        case "kind" if seen.kind in set(Group):
            return translate(language, GROUPS[Group(seen.kind)])
        case "kind":
            return translate(language, KINDS[seen.kind].words)
    return str(getattr(seen, name))
