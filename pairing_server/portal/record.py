"""What a registration reads and writes in the registry, each in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pairing_server.audit.events import (
    NoticeRead,
    OrganisationRegistered,
    Outcome,
    PersonRegistered,
    RegistrationDenied,
)
from pairing_server.errors import NotFound
from pairing_server.phones.offer_record import take_up
from pairing_server.portal import registration as rules
from pairing_server.portal.registration import (
    NotAnAdministrator,
    RecordClosed,
    UnknownOrganisation,
)
from pairing_server.portal.session import BrowserSession, Offer, check_signed_in
from pairing_server.registry import Query, Transaction, notices, organisations, people
from pairing_server.registry.notices import Notice, NoticeKind
from pairing_server.registry.organisations import Organisation, OrganisationStatus
from pairing_server.registry.people import (
    AdministrativeRole,
    Membership,
    MembershipKind,
    Person,
    PersonStatus,
)
from pairing_server.tokens import digest
from pairing_server.uzi.certificate import Card
from pairing_server.uzi.session import Registration

#: 128 of the 256 bits of a digest: as much as any other identifier.
ID_CHARACTERS = 22


@dataclass(frozen=True, slots=True)
class Known:
    """What the registry knows that a card could be about.

    Attributes:
        holder: Who is registered under its UZI number.
        namesakes: Those of its organisation and names without a UZI number, if there is no holder.
    """

    organisation: Organisation
    holder: Person | None
    namesakes: Sequence[Person]


def read_holder(tx: Query, card: Card) -> Person | None:
    """Return who is registered under the card's UZI number.

    Raises:
        RecordClosed: their record was closed.
    """
    return _open(people.by_uzi_number(tx, card.uzi_number))


def read_known(tx: Query, card: Card, now: datetime) -> Known:
    """Return what the card could be about.

    Raises:
        MembershipEnded: the organisation ended the holder's.
        RecordClosed: the holder's record was closed.
        UnknownOrganisation: the organisation is not registered, or not any more.
    """
    organisation = _check_organisation(organisations.get(tx, card.ura))
    holder = read_holder(tx, card)
    if holder is not None:
        _check_membership(people.membership(tx, holder.id, card.ura), now)
        return Known(organisation, holder, ())
    found = people.namesakes(tx, card.ura, card.first_names, card.last_name, now)
    return Known(organisation, None, found)


def write_organisation(
    tx: Transaction, card: Card, statement: dict[str, Any], person_id: str, now: datetime
) -> tuple[Organisation, Person]:
    """Register the card's organisation, with its holder as administrator.

    Args:
        person_id: Of the holder, if there is no record of them.

    Raises:
        AlreadyExistsError: it was registered before.
        RecordClosed: the person's record was closed.
    """
    organisation = Organisation(
        ura=card.ura,
        name=card.organisation_name,
        status=OrganisationStatus.ACTIVE,
        registered_at=now,
    )
    organisations.add(tx, organisation)
    holder = _open(people.by_uzi_number_for_update(tx, card.uzi_number))
    person = _write_person(tx, card, holder, person_id, None, now)
    _write_membership(tx, person, card, AdministrativeRole.ADMINISTRATOR, now)
    tx.record(
        OrganisationRegistered(
            actor=f"person:{person.id}",
            object=f"organisation:{card.ura}",
            ura=card.ura,
            evidence={
                **statement,
                "registered": {"uzi_number": card.uzi_number, "user_name": person.user_name},
            },
        )
    )
    return organisation, person


def write_registration(
    tx: Transaction, card: Card, begun: Registration, evidence: dict[str, Any], now: datetime
) -> str:
    """Register the card's holder, or take the card over into the record they said is theirs.

    All that was matched is matched again, with the rows locked: of many who take over one record
    at once one does, and a record that was closed or unlinked since is not taken over.

    Returns:
        The person's id.

    Raises:
        AlreadyExistsError: another made the same person at this moment.
        ChangedMeanwhile, DetailsDoNotMatch: not any more what it was when they began.
        MembershipEnded: the organisation ended the membership meanwhile.
        RecordClosed: the person's record was closed.
        UnknownOrganisation: the organisation was closed.
    """
    holder = _open(people.by_uzi_number_for_update(tx, card.uzi_number))
    # Locked in the order in which everybody does: person, membership, organisation.
    namesakes: Sequence[Person] = ()
    if holder is None:
        namesakes = people.namesakes_for_update(
            tx, card.ura, card.first_names, card.last_name, now
        )
    else:
        _check_membership(people.membership_for_update(tx, holder.id, card.ura), now)
    _check_organisation(organisations.get_for_share(tx, card.ura))
    known = rules.check_unchanged(begun, holder, namesakes)
    person = _write_person(tx, card, known, begun.person_id, begun.birth_digest, now)
    _write_membership(tx, person, card, None, now, is_first_card=holder is None)
    tx.record(
        PersonRegistered(
            actor=f"person:{person.id}",
            object=f"person:{person.id}",
            ura=card.ura,
            evidence={
                **evidence,
                "registered": {
                    "outcome": rules.Outcome.EXISTING if begun.is_known else rules.Outcome.NEW,
                    "uzi_number": card.uzi_number,
                    "user_name": person.user_name,
                },
            },
        )
    )
    return person.id


def write_denial(tx: Transaction, session: BrowserSession, offer: Offer, now: datetime) -> None:
    """Tell the organisation that a card's holder says that a record is not theirs.

    Raises:
        AlreadyExistsError: it was told.
    """
    card, person = session.card, people.get_person(tx, offer.person_id)
    subject = {
        "card": _of_card(card),
        "people": [] if person is None else [_of_person(person)],
    }
    notices.add(
        tx,
        Notice(
            # One denial, one notice: whoever says no twice at once says it once.
            id=digest(offer.signing)[:ID_CHARACTERS],
            ura=card.ura,
            kind=NoticeKind.REGISTRATION_DENIED,
            at=now,
            subject=subject,
        ),
    )
    tx.record(
        RegistrationDenied(
            actor=f"uzi:{card.uzi_number}",
            object=f"person:{offer.person_id}",
            ura=card.ura,
            outcome=Outcome.REFUSED,
            evidence={
                **session.statement,
                "denied": {
                    "person": offer.person_id,
                    "user_name": offer.user_name,
                    "uzi_number": card.uzi_number,
                },
            },
        )
    )


def write_several(
    tx: Transaction, card: Card, found: Sequence[Person], notice_id: str, now: datetime
) -> None:
    """Tell the organisation, once until somebody reads it, that it has a person twice."""
    notice = Notice(
        id=notice_id,
        ura=card.ura,
        kind=NoticeKind.SEVERAL_RECORDS,
        at=now,
        subject={"card": _of_card(card), "people": [_of_person(person) for person in found]},
    )
    if not notices.is_unread(tx, notice):
        notices.add(tx, notice)


def read_notices(tx: Query, session: BrowserSession, now: datetime) -> list[Notice]:
    """Return what the card's organisation was told.

    Raises:
        NotAnAdministrator: the card's holder does not manage it.
    """
    check_manages(tx, session, now)
    return notices.of_organisation(tx, session.card.ura)


def write_notice_read(
    tx: Transaction, session: BrowserSession, notice_id: str, now: datetime
) -> None:
    """Note that a notice was read, and by whom first.

    Raises:
        NotAnAdministrator: the card's holder does not manage the organisation.
        NotFound: it has no such notice.
    """
    check_manages(tx, session, now)
    actor, ura = f"person:{session.person_id}", session.card.ura
    if not notices.exists(tx, notice_id, ura):
        raise NotFound("notice")
    if notices.mark_read(tx, notice_id, ura, actor, now):
        tx.record(NoticeRead(actor=actor, object=f"notice:{notice_id}", ura=ura))


def check_manages(tx: Query, session: BrowserSession, now: datetime) -> None:
    """Make sure that the card's holder manages the card's organisation.

    Raises:
        NotAnAdministrator: they do not, or not any more.
        Unauthenticated: they were signed out meanwhile.
    """
    check_signed_in(tx, session)
    person = people.get_person(tx, session.person_id or "")
    membership = people.membership(tx, session.person_id or "", session.card.ura)
    if (
        person is None
        or person.status is not PersonStatus.ACTIVE
        or membership is None
        or not membership.is_valid(now)
        or membership.administrative_role is None
    ):
        raise NotAnAdministrator


def _open(person: Person | None) -> Person | None:
    if person is not None and person.status is not PersonStatus.ACTIVE:
        raise RecordClosed
    return person


def _check_organisation(organisation: Organisation | None) -> Organisation:
    if organisation is None or organisation.status is not OrganisationStatus.ACTIVE:
        raise UnknownOrganisation
    return organisation


def _check_membership(known: Membership | None, now: datetime) -> None:
    rules.check_membership(known, is_valid=known is not None and known.is_valid(now))


def _write_person(
    tx: Transaction,
    card: Card,
    known: Person | None,
    person_id: str,
    birth_digest: str | None,
    now: datetime,
) -> Person:
    """Add the card's holder, or take the card's number and names over into their record."""
    if known is None:
        person = Person(
            id=person_id,
            uzi_number=card.uzi_number,
            first_names=card.first_names,
            last_name=card.last_name,
            birth_digest=birth_digest,
            user_name=rules.user_name(card),
            status=PersonStatus.ACTIVE,
            created_at=now,
        )
        people.add_person(tx, person)
        return person
    person = replace(
        known,
        uzi_number=card.uzi_number,
        first_names=card.first_names,
        last_name=card.last_name,
        birth_digest=known.birth_digest or birth_digest,
    )
    people.update_person(tx, person)
    return person


def _write_membership(
    tx: Transaction,
    person: Person,
    card: Card,
    role: AdministrativeRole | None,
    now: datetime,
    *,
    is_first_card: bool = False,
) -> None:
    """Make the card's holder a member in the card's role, beside those that they have by others.

    Args:
        is_first_card: Whether no card of theirs was shown before: what an operator wrote until
            then gives way to what the card says.
    """
    known = people.membership_for_update(tx, person.id, card.ura)
    _check_membership(known, now)
    if known is not None:
        before = replace(known, role_code=card.role_code) if is_first_card else known
        role_of_card = replace(
            before.with_role(card.role_code),
            administrative_role=role or known.administrative_role,
        )
    else:
        role_of_card = Membership(
            person_id=person.id,
            ura=card.ura,
            role_code=card.role_code,
            kind=MembershipKind.EMPLOYEE,
            administrative_role=role,
            valid_until=None,
            created_at=now,
        )
    people.put_membership(tx, take_up(tx, person, role_of_card, now))


def _of_card(card: Card) -> dict[str, Any]:
    return {
        "name": f"{card.first_names} {card.last_name}",
        "uzi_number": card.uzi_number,
        "role_code": card.role_code,
    }


def _of_person(person: Person) -> dict[str, Any]:
    return {"id": person.id, "name": person.name, "user_name": person.user_name}
