"""The steps of registering an organisation and a person with a UZI-pas."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from pairing_server.audit.events import OrganisationRegistered, PersonRegistered
from pairing_server.errors import InvalidRequest, Unauthenticated
from pairing_server.portal import registration as rules
from pairing_server.portal.registration import (
    NotForThisSession,
    OrganisationExists,
    Outcome,
    UnknownOrganisation,
)
from pairing_server.portal.session import BrowserSession
from pairing_server.ports import Ports
from pairing_server.registry import (
    AlreadyExistsError,
    Query,
    Transaction,
    organisations,
    people,
)
from pairing_server.registry.organisations import Organisation, OrganisationStatus
from pairing_server.registry.people import (
    AdministrativeRole,
    Membership,
    MembershipKind,
    Person,
    PersonStatus,
)
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import new_id
from pairing_server.uzi.certificate import Card
from pairing_server.uzi.flow import UziFlow
from pairing_server.uzi.session import Purpose, Registration, UziSession

ATTEMPTS_MEMORY = timedelta(hours=1)


class RegistrationFlow:
    """Register an organisation, register oneself, sign it."""

    def __init__(self, ports: Ports, uzi: UziFlow) -> None:
        self._registry = ports.registry
        self._uzi = uzi
        self._clock = ports.clock
        self._random = ports.random
        self._attempts = Shelf(ports.store, "wrong-birth-dates", int)

    async def holder(self, session: UziSession, card: Card) -> str | None:
        """Return who the card's holder is, registering them when they just signed for it.

        Raises:
            DetailsDoNotMatch, UnknownOrganisation: not any more what it was when they began.
            Unauthenticated: the person's record was closed.
        """
        if session.registration is not None:
            begun = session.registration
            return await self._registry.commit(
                lambda tx: self._write_person(tx, session, card, begun)
            )
        person = await self._registry.read(lambda tx: _holder(tx, card))
        return person.id if person else None

    async def register_organisation(self, session: BrowserSession) -> tuple[Organisation, Person]:
        """Register the organisation of the card, with its holder as administrator.

        Raises:
            NotForThisSession: the card was proved for something else.
            Unauthenticated: the person's record was closed.
            OrganisationExists: it was registered before; of many at once one gets through.
        """
        if session.purpose is not Purpose.REGISTER_ORGANISATION:
            raise NotForThisSession
        card = session.card
        try:
            return await self._registry.commit(
                lambda tx: self._write_organisation(tx, card, session.statement)
            )
        except AlreadyExistsError as error:
            raise OrganisationExists from error

    async def begin(
        self, session: BrowserSession, browser: str, date_of_birth: date
    ) -> tuple[Outcome, UziSession]:
        """Match the person, and start the session in which they sign their registration.

        Raises:
            DetailsDoNotMatch: another date of birth is known.
            InvalidRequest: nobody who works is that old or that young.
            TooManyRequests: too many wrong dates for this card.
            Unauthenticated: the person's record was closed.
            UnknownOrganisation: the card's organisation is not registered.
        """
        card, today = session.card, self._clock().date()
        if not rules.check_birth_date(date_of_birth, today):
            raise InvalidRequest("Check the year of the date of birth.")
        organisation, known = await self._registry.read(lambda tx: _read_known(tx, card))
        # Counted before it is compared: of many dates sent at once no more are compared.
        await self._count_attempt(card)
        outcome = rules.match(known, card, date_of_birth)
        await self._attempts.change(card.uzi_number, lambda counted: max(counted - 1, 0))
        name = known.user_name if known else rules.user_name(card)
        words = (
            f"{card.first_names} {card.last_name}, UZI-nummer {card.uzi_number}, "
            f"rolcode {card.role_code}, bij {organisation.name} (URA {card.ura}), "
            f"als gebruiker {name}"
        )
        begun = Registration(uzi_number=card.uzi_number, ura=card.ura, date_of_birth=date_of_birth)
        signing = await self._uzi.start(Purpose.SIGN_REGISTRATION, browser, begun, words)
        return outcome, signing

    def _write_organisation(
        self, tx: Transaction, card: Card, statement: dict[str, Any]
    ) -> tuple[Organisation, Person]:
        now = self._clock()
        organisation = Organisation(
            ura=card.ura,
            name=card.organisation_name,
            status=OrganisationStatus.ACTIVE,
            registered_at=now,
        )
        organisations.add(tx, organisation)
        person = self._write_holder(tx, card, None)
        people.put_membership(
            tx, self._membership(tx, person, card, AdministrativeRole.ADMINISTRATOR)
        )
        tx.record(
            OrganisationRegistered(
                actor=f"person:{person.id}",
                object=f"organisation:{card.ura}",
                ura=card.ura,
                evidence=statement,
            )
        )
        return organisation, person

    def _write_person(
        self, tx: Transaction, session: UziSession, card: Card, begun: Registration
    ) -> str:
        # Asked again, for both may have changed since the registration was begun.
        _, known = _read_known(tx, card)
        rules.match(known, card, begun.date_of_birth)
        person = self._write_holder(tx, card, begun.date_of_birth)
        people.put_membership(tx, self._membership(tx, person, card, None))
        tx.record(
            PersonRegistered(
                actor=f"person:{person.id}",
                object=f"person:{person.id}",
                ura=card.ura,
                evidence=signed_statement(session, self._uzi.origin),
            )
        )
        return person.id

    def _write_holder(self, tx: Transaction, card: Card, date_of_birth: date | None) -> Person:
        """Add the card's holder, or take the card's names over into their record."""
        known = _holder(tx, card)
        if known is None:
            person = Person(
                id=new_id(self._random),
                uzi_number=card.uzi_number,
                first_names=card.first_names,
                last_name=card.last_name,
                date_of_birth=date_of_birth,
                user_name=rules.user_name(card),
                status=PersonStatus.ACTIVE,
                created_at=self._clock(),
            )
            people.add_person(tx, person)
            return person
        person = replace(
            known,
            first_names=card.first_names,
            last_name=card.last_name,
            date_of_birth=known.date_of_birth or date_of_birth,
        )
        people.update_person(tx, person)
        return person

    def _membership(
        self, tx: Query, person: Person, card: Card, role: AdministrativeRole | None
    ) -> Membership:
        known = people.membership(tx, person.id, card.ura)
        if known is not None:
            return replace(
                known,
                role_code=card.role_code,
                administrative_role=role or known.administrative_role,
            )
        return Membership(
            person_id=person.id,
            ura=card.ura,
            role_code=card.role_code,
            kind=MembershipKind.EMPLOYEE,
            administrative_role=role,
            valid_until=None,
            created_at=self._clock(),
        )

    async def _count_attempt(self, card: Card) -> None:
        key, counted = card.uzi_number, None
        while counted is None and not await self._attempts.create(key, 1, ATTEMPTS_MEMORY):
            counted = await self._attempts.change(key, rules.count_attempt)


def _holder(tx: Query, card: Card) -> Person | None:
    """Return who is registered under the card's UZI number.

    Raises:
        Unauthenticated: their record was closed.
    """
    person = people.by_uzi_number(tx, card.uzi_number)
    if person is not None and person.status is not PersonStatus.ACTIVE:
        raise Unauthenticated("closed")
    return person


def _read_known(tx: Query, card: Card) -> tuple[Organisation, Person | None]:
    """Return the card's organisation, and its holder if they are known.

    Raises:
        Unauthenticated: the person's record was closed.
        UnknownOrganisation: the organisation is not registered, or not any more.
    """
    organisation = organisations.get(tx, card.ura)
    if organisation is None or organisation.status is not OrganisationStatus.ACTIVE:
        raise UnknownOrganisation
    return organisation, _holder(tx, card)


def signed_statement(session: UziSession, origin: str) -> dict[str, Any]:
    """Return what proves a statement to somebody who has only this."""
    proof = session.proof
    return {
        "origin": origin,
        "id": session.id,
        "nonce": session.nonce,
        "purpose": session.purpose,
        "statement": session.statement,
        "certificate": proof.certificate if proof else "",
        "chain": list(proof.chain) if proof else [],
        "signature": proof.signature if proof else "",
        "algorithm": proof.algorithm if proof else "",
    }
