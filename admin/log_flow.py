"""The log of an organisation: looking at it, which stands in it, and exporting it."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Protocol

import sqlalchemy as sa

from admin import log_rules as rules
from admin.access import Act, Target
from admin.acting import allow
from admin.actor import Actor
from admin.log_rules import Wanted
from admin.refusals import ExportsRun
from pairing_server.audit.chain import Entry, canonical
from pairing_server.audit.checkpoint import Checkpoint
from pairing_server.audit.directory import directory_of
from pairing_server.audit.events import AuditExported, LogViewed
from pairing_server.audit.export import Line, export_lines
from pairing_server.audit.nen7513 import Directory
from pairing_server.audit.part import Part
from pairing_server.audit.search import NEWEST, PAGE, Found, Place, Scope, Search, find, one
from pairing_server.clock import to_milliseconds
from pairing_server.errors import NotFound
from pairing_server.ports import Ports
from pairing_server.registry import Query, Transaction, aliases, credentials, people
from pairing_server.registry.credentials import Credential
from pairing_server.registry.people import Person
from pairing_server.registry.tables import audit_event

#: Events of an export that are written at once.
CHUNK = 500
#: The one that somebody waits for, and one whose connection broke without a word.
EXPORTS_AT_ONCE = 2


class SignsCheckpoints(Protocol):
    """What vouches for an export: `pairing_server.audit.checkpoint.Checkpoints`."""

    async def make(self) -> Checkpoint:
        """Sign the heads of all chains as they are now."""


class Keys(Protocol):
    """By what an export is verified: `pairing_server.keys.signing.SigningKeys`."""

    async def authentic_jwks(self) -> list[dict[str, str]]:
        """Return the public part of every key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A page of the log.

    Attributes:
        person: Whose events are looked for, where that is somebody of this organisation.
        phones: That person's, or the one that is looked for.
        following: Behind which event the next page goes on.
    """

    wanted: Wanted
    found: list[Found]
    names: Directory
    person: Person | None
    phones: list[Credential]
    following: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom a search is about, and what this organisation may know of them."""

    search: Search
    person: Person | None
    phones: list[Credential]


class LogFlow:
    """Reads the log for those who may, and tells the log of it."""

    def __init__(self, ports: Ports, checkpoints: SignsCheckpoints, keys: Keys) -> None:
        self._registry = ports.registry
        self._clock = ports.clock
        self._checkpoints = checkpoints
        self._keys = keys
        self._exporting: Counter[str] = Counter()

    async def view(
        self, actor: Actor, wanted: Wanted, before: Place = NEWEST, most: int = PAGE
    ) -> View:
        """Return a page, the newest first.  That it was looked at is in the log before."""
        now = self._clock()
        told = rules.evidence(wanted, before)

        def tell(tx: Transaction) -> None:
            allow(tx, Act.SEE_LOG, actor, Target.of_organisation(actor.ura), now)
            _tell_of_view(tx, actor, told, now)

        await self._registry.commit(tell)

        def read(tx: Query) -> View:
            subject = subject_of(tx, actor, wanted, now)
            # One more, which tells whether there is another page.
            found = find(tx, subject.search, before, most + 1)
            page = found[:most]
            return View(
                wanted=wanted,
                found=page,
                names=directory_of(tx, (each.entry.facts for each in page), actor.ura),
                person=subject.person,
                phones=subject.phones,
                following=page[-1].place if len(found) > most else None,
            )

        return await self._registry.read(read)

    async def event(self, actor: Actor, event_id: str) -> tuple[Entry, Directory]:
        """Return one event with the names in it; that it was looked at is in the log before.

        Raises:
            NotFound: this organisation has no such event.
        """
        now, told = self._clock(), {"event": event_id}

        def look(tx: Transaction) -> tuple[Entry, Directory]:
            allow(tx, Act.SEE_LOG, actor, Target.of_organisation(actor.ura), now)
            entry = one(tx, event_id)
            if entry is None or entry.facts.ura != actor.ura:
                raise NotFound("no such event")
            _tell_of_view(tx, actor, told, now)
            return entry, directory_of(tx, [entry.facts], actor.ura)

        return await self._registry.commit(look)

    async def export(self, actor: Actor, wanted: Wanted, form: str) -> AsyncIterator[Line]:
        """Return the lines of an export.  That it was made is in it, and a checkpoint signs it."""
        search = await self._tell_of_export(actor, wanted, form)
        await self._checkpoints.make()
        keys = await self._keys.authentic_jwks()
        return export_lines(self._registry, Part(search), keys)

    async def export_events(
        self, actor: Actor, wanted: Wanted, form: str
    ) -> AsyncIterator[tuple[list[Entry], Directory]]:
        """Return the events that are looked for alone, by the page, with the names in them.

        Of this organisation, the newest first; nothing by which they could be verified.
        """
        search = await self._tell_of_export(actor, wanted, form)
        return self._events(actor, replace(search, scope=Scope.OWN))

    async def _tell_of_export(self, actor: Actor, wanted: Wanted, form: str) -> Search:
        event = AuditExported(
            actor=actor.name,
            object=f"audit-log:{actor.ura}",
            ura=actor.ura,
            evidence=rules.evidence(wanted, NEWEST, form),
        )
        now = self._clock()

        def tell(tx: Transaction) -> Search:
            allow(tx, Act.EXPORT_LOG, actor, Target.of_organisation(actor.ura), now)
            tx.record(event)
            return subject_of(tx, actor, wanted, now).search

        return await self._registry.commit(tell)

    async def _events(
        self, actor: Actor, search: Search
    ) -> AsyncIterator[tuple[list[Entry], Directory]]:
        before: Place | None = NEWEST
        while before is not None:
            entries, names, before = await self._registry.read(
                partial(_page_of_events, actor=actor, search=search, before=before)
            )
            yield entries, names

    @contextmanager
    def exporting(self, actor: Actor) -> Iterator[None]:
        """Let an actor make an export: on this node a few at a time, for each reads whole chains.

        Raises:
            ExportsRun: as many do.
        """
        if self._exporting[actor.name] >= EXPORTS_AT_ONCE:
            raise ExportsRun
        self._exporting[actor.name] += 1
        try:
            yield
        finally:
            self._exporting[actor.name] -= 1
            # Or everybody who ever made one would stay.
            self._exporting += Counter()


async def chunks(lines: AsyncIterator[Line]) -> AsyncIterator[list[Line]]:
    """Return the lines of an export as many at a time as are written at once.

    The first one comes alone: it is there before anything is read, and tells that the rest comes.
    """
    chunk: list[Line] = []
    events = CHUNK
    async for line in lines:
        chunk.append(line)
        # A line of what is left out stands for many, which were read for it.
        events += len(line.get("digests", "-"))
        if events >= CHUNK:
            yield chunk
            chunk, events = [], 0
    if chunk:
        yield chunk


def _page_of_events(
    tx: Query, actor: Actor, search: Search, before: Place
) -> tuple[list[Entry], Directory, Place | None]:
    found = find(tx, search, before, CHUNK)
    entries = [each.entry for each in found]
    names = directory_of(tx, (each.facts for each in entries), actor.ura)
    return entries, names, found[-1].place if len(found) == CHUNK else None


def subject_of(tx: Query, actor: Actor, wanted: Wanted, now: datetime) -> Subject:
    """Return what to search for, for this organisation.

    Of people who work for it also is found that their phones were used elsewhere; of anybody
    else only what happened here.
    """
    phone = credentials.get(tx, wanted.phone) if wanted.phone else None
    person_id = wanted.person or (phone.person_id if phone is not None else "")
    person = people.get_person(tx, aliases.resolve(tx, person_id)) if person_id else None
    member = people.membership(tx, person.id, actor.ura) if person is not None else None
    is_member = member is not None and member.is_valid(now)
    phones = credentials.of_person(tx, person.id) if person is not None else []
    # Of somebody else's phone no more is found than of a stranger's, whoever it is named with.
    is_theirs = not wanted.phone or any(each.id == wanted.phone for each in phones)
    search = Search(
        ura=actor.ura,
        scope=Scope.MEMBER if is_member and is_theirs else Scope.OWN,
        workstation=wanted.workstation or None,
        actions=wanted.actions,
        since=wanted.first_moment,
        until=wanted.end,
        credentials=(wanted.phone,) if wanted.phone else tuple(each.id for each in phones),
        people=_ids(tx, wanted, person),
        uzi_number=person.uzi_number if person is not None and not wanted.phone else None,
    )
    known = person if member is not None else None
    return Subject(search=search, person=known, phones=phones if is_member else [])


def _ids(tx: Query, wanted: Wanted, person: Person | None) -> tuple[str, ...]:
    if wanted.phone or not wanted.person:
        return ()
    # Whom nobody knows has done nothing, and is not everybody.
    return aliases.ids_of(tx, person.id) if person is not None else (wanted.person,)


def of_event(tx: Query, actor: Actor, parts: Mapping[str, str], now: datetime) -> Target:
    """Return whose the event is that `{event}` names."""
    _ = actor, now
    entry = one(tx, parts["event"])
    ura = None if entry is None else entry.facts.ura
    return Target(linked=frozenset({ura} if ura else ()))


_e = audit_event.c
_same_view = (
    sa.select(_e.id)
    .where(
        _e.actor == sa.bindparam("actor"),
        _e.time > sa.bindparam("since"),
        _e.action == LogViewed.__name__,
        _e.ura == sa.bindparam("ura"),
        _e.evidence == sa.bindparam("evidence"),
    )
    .limit(1)
)


def _tell_of_view(
    tx: Transaction, actor: Actor, told: Mapping[str, object], now: datetime
) -> None:
    """Record a view, unless the same was told a moment ago: a reload shows nothing more."""
    seen = tx.one(
        _same_view,
        actor=actor.name,
        ura=actor.ura,
        since=to_milliseconds(now - rules.TOLD_EVERY),
        evidence=canonical(dict(told)).decode(),
    )
    if seen is None:
        tx.record(
            LogViewed(
                actor=actor.name, object=f"audit-log:{actor.ura}", ura=actor.ura, evidence=told
            )
        )
