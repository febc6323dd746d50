"""What the audit log has of a person, for that person: theirs everywhere, and who looked."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pairing_server.audit.chain import Entry
from pairing_server.audit.directory import directory_of
from pairing_server.audit.filing import filing
from pairing_server.audit.kinds import told
from pairing_server.audit.nen7513 import Directory
from pairing_server.audit.search import NEWEST, PAGE, Place, Scope, Search, find
from pairing_server.clock import from_milliseconds
from pairing_server.languages import Language
from pairing_server.ports import Ports
from pairing_server.registry import Query, aliases, credentials, people


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEvent:
    """Something that the person did, or that was done to them or their phones.

    Attributes:
        kind: The event's name in the audit log.
        by: Who did it, where that was not the person: a program, or an organisation for whom
            somebody did; empty for the server itself.
        is_own: Whether the person did it.
    """

    id: str
    at: datetime
    kind: str
    is_refused: bool
    is_own: bool
    by: str
    organisation: str
    workstation: str
    credential_id: str
    device_name: str
    evidence: dict[str, Any]

    def words(self, language: Language) -> str:
        """Say what happened."""
        return told(self.kind, self.evidence, language)


@dataclass(frozen=True, slots=True)
class OwnPage:
    """Some events, the newest first, and behind which the next page goes on."""

    events: list[OwnEvent]
    following: Place | None


class OwnEvents:
    """Reads; changes nothing, and is not told of: everybody may look at themselves."""

    def __init__(self, ports: Ports) -> None:
        self._registry = ports.registry

    async def page(
        self, person_id: str, before: Place = NEWEST, only_ura: str | None = None
    ) -> OwnPage:
        """Return a page of a person's events.

        Args:
            only_ura: The one organisation that the phone which asks opens.
        """
        return await self._registry.read(lambda tx: _page(tx, person_id, before, only_ura))


def _page(tx: Query, person_id: str, before: Place, only_ura: str | None) -> OwnPage:
    person = people.get_person(tx, person_id)
    search = Search(
        scope=Scope.ALL if only_ura is None else Scope.OWN,
        ura=only_ura,
        people=aliases.ids_of(tx, person_id),
        uzi_number=None if person is None else person.uzi_number,
        credentials=tuple(each.id for each in credentials.of_person(tx, person_id)),
    )
    # One more, which tells whether there is another page.
    found = find(tx, search, before, PAGE + 1)
    page = found[:PAGE]
    names = directory_of(tx, (each.entry.facts for each in page))
    actors = set(search.actors)
    return OwnPage(
        [_event(each.entry, names, actors) for each in page],
        page[-1].place if len(found) > PAGE else None,
    )


def _event(entry: Entry, names: Directory, actors: set[str]) -> OwnEvent:
    facts = entry.facts
    evidence: dict[str, Any] = json.loads(facts.evidence)
    filed = filing(facts.actor, facts.object, evidence)
    organisation = names.name(f"organisation:{facts.ura}")
    # Of a program its name; of people for whom they did it, for they do it in that one's name.
    by = names.name(facts.actor) if facts.actor.startswith("client:") else organisation
    is_own, is_server = facts.actor in actors, facts.actor.startswith("system")
    return OwnEvent(
        id=facts.id,
        at=from_milliseconds(facts.time),
        kind=facts.action,
        is_refused=facts.outcome != "success",
        is_own=is_own,
        by="" if is_own or is_server else by,
        organisation=organisation,
        workstation=filed.workstation or "",
        credential_id=filed.credential or "",
        device_name=names.name(f"credential:{filed.credential}"),
        evidence=evidence,
    )
