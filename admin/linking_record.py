"""How somebody comes to work for an organisation, each way in one transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from admin import linking_rules as rules
from admin.access import Act, Target
from admin.acting import allow
from admin.actor import Actor
from admin.people_refusals import AlreadyLinked, GuestIsAsked, KnownHere
from admin.people_rules import with_roles
from pairing_server.audit.events import (
    MembershipOffered,
    MembershipOfferWithdrawn,
    PersonInvited,
)
from pairing_server.errors import NotFound
from pairing_server.phones.offer_record import facts
from pairing_server.registry import Query, Transaction, offers, people
from pairing_server.registry.offers import MembershipOffer, OfferStatus
from pairing_server.registry.people import Membership, MembershipKind, Person, PersonStatus

#: How long an offer can be accepted.
OFFER_LIFETIME = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """Whom an organisation wants, and as what."""

    first_names: str
    last_name: str
    kind: MembershipKind
    role_codes: tuple[str, ...]
    valid_until: datetime | None


def offer(
    tx: Transaction,
    actor: Actor,
    newcomer: Newcomer,
    uzi_number: str,
    offer_id: str,
    now: datetime,
) -> MembershipOffer:
    """Offer a membership to whoever has the number; a new offer takes the place of an open one.

    Raises:
        AlreadyLinked: they work there; of others nothing is told.
        Forbidden: the actor's role does not allow it.
    """
    act = Act.LINK if newcomer.kind is MembershipKind.GUEST else Act.INVITE
    allow(tx, act, actor, Target.of_organisation(actor.ura), now)
    known = people.by_uzi_number(tx, uzi_number)
    membership = None if known is None else people.membership(tx, known.id, actor.ura)
    if membership is not None and membership.is_valid(now):
        raise AlreadyLinked
    replaced = offers.unsettled_for_update(tx, actor.ura, uzi_number)
    if replaced is not None:
        offers.settle(tx, replaced.id, OfferStatus.WITHDRAWN, now)
    offered = MembershipOffer(
        id=offer_id,
        ura=actor.ura,
        uzi_number=uzi_number,
        first_names=newcomer.first_names,
        last_name=newcomer.last_name,
        kind=newcomer.kind,
        role_codes=newcomer.role_codes,
        valid_until=newcomer.valid_until,
        offered_by=actor.name,
        offered_at=now,
        expires_at=now + OFFER_LIFETIME,
    )
    offers.add(tx, offered)
    tx.record(
        MembershipOffered(
            actor=actor.name,
            object=f"offer:{offered.id}",
            ura=actor.ura,
            evidence={**facts(offered), "name": offered.name, "in_place_of": _id(replaced)},
        )
    )
    return offered


def withdraw(tx: Transaction, actor: Actor, offer_id: str, now: datetime) -> None:
    """Take back what was offered and not answered.

    Raises:
        Forbidden: the actor's role does not allow it.
        NotFound: unknown, another organisation's, or settled.
    """
    found = offers.get_for_update(tx, offer_id)
    uras = frozenset({found.ura}) if found is not None else frozenset[str]()
    allow(tx, Act.LINK, actor, Target(linked=uras), now)
    if not offers.settle(tx, offer_id, OfferStatus.WITHDRAWN, now):
        raise NotFound("settled")
    tx.record(
        MembershipOfferWithdrawn(
            actor=actor.name, object=f"offer:{offer_id}", ura=actor.ura, evidence={}
        )
    )


def invite(
    tx: Transaction,
    actor: Actor,
    newcomer: Newcomer,
    invited: rules.Invited,
    now: datetime,
) -> Person:
    """Make a record of somebody who is to come with their card, or by option 2B.

    It opens nothing until then: a card of this organisation with this name, whose holder gives
    this date of birth, takes it over.

    Raises:
        Forbidden: the actor's role does not allow it.
        GuestIsAsked: a guest's membership begins with their own yes.
        KnownHere: the organisation has a record of a person of that name, born that day.
    """
    allow(tx, Act.INVITE, actor, Target.of_organisation(actor.ura), now)
    if newcomer.kind is MembershipKind.GUEST:
        raise GuestIsAsked
    return add_record(tx, actor, newcomer, invited, now)


def add_record(
    tx: Transaction, actor: Actor, newcomer: Newcomer, invited: rules.Invited, now: datetime
) -> Person:
    """Make a record without a UZI number, for an act that was allowed.

    Raises:
        KnownHere: the organisation has a record of a person of that name, born that day.
    """
    known = find_known(tx, actor.ura, newcomer, invited)
    if known is not None:
        raise KnownHere(person_id=known.id)
    person = Person(
        id=invited.person_id,
        uzi_number=None,
        first_names=newcomer.first_names,
        last_name=newcomer.last_name,
        birth_digest=invited.birth_digest,
        user_name=rules.user_name(newcomer.first_names, newcomer.last_name, invited.ending),
        status=PersonStatus.ACTIVE,
        created_at=now,
    )
    people.add_person(tx, person)
    membership = Membership(
        person_id=person.id,
        ura=actor.ura,
        role_code=newcomer.role_codes[0],
        kind=newcomer.kind,
        administrative_role=None,
        valid_until=newcomer.valid_until,
        created_at=now,
    )
    people.put_membership(tx, with_roles(membership, newcomer.role_codes))
    tx.record(
        PersonInvited(
            actor=actor.name,
            object=f"person:{person.id}",
            ura=actor.ura,
            evidence=_invited(person, newcomer),
        )
    )
    return person


def find_known(tx: Query, ura: str, newcomer: Newcomer, invited: rules.Invited) -> Person | None:
    """Return whom the organisation has of that name, born that day, with a card or without."""
    found = people.of_name(tx, ura, newcomer.first_names, newcomer.last_name)
    return next((each for each in found if invited.births.is_of(each, invited.born)), None)


def _invited(person: Person, newcomer: Newcomer) -> dict[str, Any]:
    return {
        "name": person.name,
        "user_name": person.user_name,
        "kind": newcomer.kind,
        "role_codes": list(newcomer.role_codes),
    }


def _id(replaced: MembershipOffer | None) -> str | None:
    return None if replaced is None else replaced.id
