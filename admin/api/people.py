"""What is read of an organisation's people for programs, each with its entity tag."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from admin.actor import Actor
from admin.api.conditions import tag_of
from admin.api.people_bodies import PersonTold, person_told
from pairing_server.errors import NotFound
from pairing_server.ports import Ports
from pairing_server.registry import Query, Transaction, mail_outbox, members, people
from pairing_server.registry.members import Member, Wanted
from pairing_server.registry.people import PersonStatus


@dataclass(frozen=True, slots=True)
class Tagged:
    """What is told of somebody, and the tag of all that there is to know."""

    told: PersonTold
    tag: str


class PeopleReader:
    """Reads one person, or a page of them."""

    def __init__(self, ports: Ports, tag_key: bytes) -> None:
        """Build it.

        Args:
            tag_key: What entity tags are made with, at all nodes the same.
        """
        self._registry = ports.registry
        self._clock = ports.clock
        self._tag_key = tag_key

    async def page(self, actor: Actor, wanted: Wanted, after: str, limit: int) -> list[PersonTold]:
        """Return a page of people; see `pairing_server.registry.members.page`."""
        now = self._clock()

        def read(tx: Query) -> list[PersonTold]:
            found = members.page(tx, actor.ura, wanted, now, after, limit)
            mailed = mail_outbox.who_is_mailed(tx, [each.person.id for each in found])
            return [
                person_told(each, now, has_mail_address=each.person.id in mailed) for each in found
            ]

        return await self._registry.read(read)

    async def one(self, actor: Actor, person_id: str) -> Tagged:
        """Return somebody who works for the organisation, or did.

        Raises:
            NotFound: nobody, or nobody of this organisation.
        """
        now = self._clock()
        found = await self._registry.read(lambda tx: self._tagged(tx, actor, person_id, now))
        if found is None:
            raise NotFound("member")
        return found

    def tag(self, actor: Actor, person_id: str) -> Callable[[Transaction], str | None]:
        """Return what reads the tag of somebody whom nobody else changes until the commit."""
        now = self._clock()

        def read(tx: Transaction) -> str | None:
            # All that changes a member locks the person first.
            people.get_person_for_update(tx, person_id)
            found = self._tagged(tx, actor, person_id, now)
            return None if found is None else found.tag

        return read

    def _tagged(self, tx: Query, actor: Actor, person_id: str, now: datetime) -> Tagged | None:
        person = people.get_person(tx, person_id)
        membership = people.membership(tx, person_id, actor.ura)
        if person is None or membership is None or person.status is not PersonStatus.ACTIVE:
            return None
        address = mail_outbox.address_of(tx, person_id)
        told = person_told(Member(person, membership), now, has_mail_address=address is not None)
        return Tagged(told, tag_of(self._tag_key, actor.ura, told, address))
