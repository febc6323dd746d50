"""A list of people is looked at, and then applied as it was shown; and one is read out."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice

from admin import import_rules as rules
from admin import linking_record, people_record
from admin.access import Act, Target
from admin.acting import allow
from admin.actor import Actor
from admin.csv_table import read_table, write_table
from admin.import_rules import People, Planned, Verdict
from admin.linking_flow import LinkingFlow
from admin.people_flow import EndAt
from admin.people_refusals import ChangedSinceShown
from pairing_server.audit.events import PeopleExported, PeopleImported
from pairing_server.errors import Refusal
from pairing_server.portal.birth_date import BirthDates
from pairing_server.ports import Ports
from pairing_server.registry import Query, Transaction, members, offers, people
from pairing_server.registry.members import FIRST, NamePlace
from pairing_server.tokens import new_id

#: So many lines in one commit, lest logins wait for a long list.
AT_ONCE = 50
#: So many people are read at once.
READ_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Report:
    """What would become of a list, line by line.

    Attributes:
        digest: Of the list and of this report: what is applied is what was shown.
    """

    planned: Sequence[Planned]
    digest: str

    def count(self, verdict: Verdict) -> int:
        """Return of how many lines this becomes."""
        return sum(each.verdict is verdict for each in self.planned)


class ImportFlow:
    """Look, apply, export."""

    def __init__(
        self, ports: Ports, births: BirthDates, linking: LinkingFlow, end_at: EndAt
    ) -> None:
        self._registry = ports.registry
        self._clock = ports.clock
        self._random = ports.random
        self._births = births
        self._linking = linking
        self._end_at = end_at

    async def look(self, actor: Actor, raw: bytes) -> Report:
        """Say what would become of each line, and do nothing.

        Raises:
            Forbidden: the actor's role does not allow it.
            TableError: the list cannot be read.
        """
        now, rows = self._clock(), await asyncio.to_thread(read_table, raw)

        def read(tx: Query) -> People:
            allow(tx, Act.IMPORT_CSV, actor, Target.of_organisation(actor.ura), now)
            return People(
                members.of_organisation(tx, actor.ura),
                offers.of_organisation(tx, actor.ura),
                self._births,
                members.who_left_for_others(tx, actor.ura, now),
            )

        found = await self._registry.read(read)
        # Thousands of lines take a while, in which others are to be served.
        planned = await asyncio.to_thread(rules.plan, rows, found, now)
        return Report(planned, await asyncio.to_thread(rules.digest, raw, planned))

    async def apply(self, actor: Actor, raw: bytes, shown: str) -> Report:
        """Do what was shown, all lines that were not refused; a second time changes nothing.

        Each line is compared with what it was planned on in the commit that does it: what was
        changed meanwhile stops there, and the lines before it stay done.

        Args:
            shown: The digest of the report.

        Raises:
            ChangedSinceShown: the report is another one now, or a line's person was changed while
                the list was applied; `line` says which.
            Forbidden: the actor's role does not allow it.
            TableError: the list cannot be read.
        """
        report = await self.look(actor, raw)
        if report.digest != shown:
            raise ChangedSinceShown
        idle = (Verdict.NOTHING, Verdict.REFUSED)
        left = iter([each for each in report.planned if each.verdict not in idle])
        while part := list(islice(left, AT_ONCE)):
            await self._apply(actor, part)
        await self._registry.commit(lambda tx: tx.record(self._imported(actor, report)))
        return report

    async def export(self, actor: Actor) -> AsyncIterator[bytes]:
        """Return who works for the organisation, as a list that can be imported again.

        It comes in parts, as it is read; that it was taken is in the log before.  Somebody whose
        name changes meanwhile may stand in it twice, or not.

        Raises:
            Forbidden: the actor's role does not allow it.
        """
        now, ura = self._clock(), actor.ura

        def change(tx: Transaction) -> None:
            allow(tx, Act.EXPORT_CSV, actor, Target.of_organisation(ura), now)
            tx.record(
                PeopleExported(
                    actor=actor.name,
                    object=f"organisation:{ura}",
                    ura=ura,
                    evidence={"people": members.count(tx, ura, now)},
                )
            )

        await self._registry.commit(change)
        return self._exported(ura, now)

    async def _exported(self, ura: str, now: datetime) -> AsyncIterator[bytes]:
        yield write_table(rules.EXPORTED, [])
        after: NamePlace | None = FIRST
        while after is not None:
            page = partial(members.by_name, ura=ura, at=now, after=after, limit=READ_AT_ONCE)
            part, after = await self._registry.read(page)
            yield write_table([], [rules.exported(each) for each in part])

    async def _apply(self, actor: Actor, part: Sequence[Planned]) -> None:
        now = self._clock()

        def change(tx: Transaction) -> None:
            for each in part:
                try:
                    self._do(tx, actor, each, now)
                except Refusal as refusal:
                    raise ChangedSinceShown(line=each.line) from refusal

        await self._linking.with_free_name(change)
        for each in part:
            if each.verdict is Verdict.UNLINK and each.member is not None:
                await self._end_at(each.member.person.id, actor.ura)
            if each.verdict is Verdict.OFFER and each.uzi_number is not None:
                await self._linking.invited(actor.ura, each.uzi_number)

    def _do(self, tx: Transaction, actor: Actor, each: Planned, now: datetime) -> None:
        member, newcomer = each.member, each.newcomer
        if newcomer is not None and each.verdict is Verdict.OFFER:
            number, offer_id = each.uzi_number or "", new_id(self._random)
            linking_record.offer(tx, actor, newcomer, number, offer_id, now)
        elif newcomer is not None and each.born is not None:
            linking_record.invite(tx, actor, newcomer, self._linking.drawn(each.born), now)
        elif member is not None:
            self._check_unchanged(tx, actor, each)
            if each.verdict is Verdict.UNLINK:
                people_record.unlink(tx, actor, member.person.id, now)
            if each.verdict is Verdict.CHANGE and each.wanted is not None:
                person_id = member.person.id
                people_record.change_membership(tx, actor, person_id, each.wanted, now)
                if each.names is not None:
                    people_record.rename(tx, actor, person_id, *each.names, now)

    @staticmethod
    def _check_unchanged(tx: Transaction, actor: Actor, each: Planned) -> None:
        if each.member is None:
            return
        person_id = each.member.person.id
        person = people.get_person_for_update(tx, person_id)
        membership = people.membership(tx, person_id, actor.ura)
        if (person, membership) != (each.member.person, each.member.membership):
            raise ChangedSinceShown(line=each.line)

    @staticmethod
    def _imported(actor: Actor, report: Report) -> PeopleImported:
        counts = {verdict.value: report.count(verdict) for verdict in Verdict}
        return PeopleImported(
            actor=actor.name,
            object=f"organisation:{actor.ura}",
            ura=actor.ura,
            evidence={"digest": report.digest, "lines": counts},
        )
