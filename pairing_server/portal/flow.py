"""The steps of registering an organisation and a person with a UZI-pas."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta

from pairing_server.errors import Conflict, InvalidRequest, TooManyRequests, Unauthenticated
from pairing_server.portal import record
from pairing_server.portal import registration as rules
from pairing_server.portal.birth_date import BirthDates, is_plausible
from pairing_server.portal.registration import (
    ChangedMeanwhile,
    NotForThisSession,
    NothingOffered,
    OrganisationExists,
    Outcome,
    SeveralRecords,
    Shown,
    UnknownOrganisation,
)
from pairing_server.portal.session import (
    BrowserSession,
    BrowserSessions,
    Offer,
    check_signed_in,
)
from pairing_server.ports import Ports
from pairing_server.registry import AlreadyExistsError, Transaction, people
from pairing_server.registry.notices import Notice
from pairing_server.registry.organisations import Organisation
from pairing_server.registry.people import Person
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import new_id
from pairing_server.uzi.certificate import Card
from pairing_server.uzi.flow import UziFlow
from pairing_server.uzi.session import Purpose, Registration, UziSession, signed_statement

ATTEMPTS_MEMORY = timedelta(hours=1)
DENIALS_MEMORY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A registration that waits for its signature.

    Attributes:
        person: For `EXISTING`, the record as it is known: "is this you?"
        signing: The session in which it is signed.
    """

    outcome: Outcome
    person: Shown
    signing: UziSession


class RegistrationFlow:
    """Register an organisation, register oneself, sign it or deny it; tell the organisation."""

    def __init__(
        self,
        ports: Ports,
        uzi: UziFlow,
        sessions: BrowserSessions,
        births: BirthDates,
        *,
        contact: str | None = None,
    ) -> None:
        """Build the flow.

        Args:
            contact: Whom the card holder of an unknown organisation is told to ask.
        """
        self._registry = ports.registry
        self._uzi = uzi
        self._sessions = sessions
        self._births = births
        self._contact = contact
        self._clock = ports.clock
        self._random = ports.random
        self._attempts = Shelf(ports.store, "wrong-birth-dates", int)
        self._denials = Shelf(ports.store, "registration-denials", int)

    async def holder(self, session: UziSession, card: Card) -> str | None:
        """Return who the card's holder is, registering them when they just signed for it.

        Raises:
            ChangedMeanwhile, DetailsDoNotMatch, MembershipEnded, UnknownOrganisation: not any more
                what it was when they began.
            RecordClosed: the person's record was closed.
        """
        if session.registration is None:
            return await self.holder_of(card)
        begun, now = session.registration, self._clock()
        evidence = signed_statement(session, self._uzi.origin)
        try:
            with self._naming_contact():
                return await self._registry.commit(
                    lambda tx: record.write_registration(tx, card, begun, evidence, now)
                )
        except AlreadyExistsError as error:
            raise ChangedMeanwhile("the number or the user name is taken") from error

    async def holder_of(self, card: Card) -> str | None:
        """Return who the card's holder is, if they are registered.

        Raises:
            RecordClosed: the person's record was closed.
        """
        person = await self._registry.read(lambda tx: record.read_holder(tx, card))
        return person.id if person else None

    async def register_organisation(self, session: BrowserSession) -> tuple[Organisation, Person]:
        """Register the organisation of the card, with its holder as administrator.

        Raises:
            NotForThisSession: the card was proved for something else.
            RecordClosed: the person's record was closed.
            OrganisationExists: it was registered before; of many at once one gets through.
            Unauthenticated: the person was signed out meanwhile.
        """
        if session.purpose is not Purpose.REGISTER_ORGANISATION:
            raise NotForThisSession
        card, statement = session.card, session.statement
        person_id, now = new_id(self._random), self._clock()

        def write(tx: Transaction) -> tuple[Organisation, Person]:
            check_signed_in(tx, session)
            return record.write_organisation(tx, card, statement, person_id, now)

        try:
            return await self._registry.commit(write)
        except AlreadyExistsError as error:
            raise OrganisationExists from error

    async def begin(self, session: BrowserSession, browser: str, date_of_birth: date) -> Begun:
        """Match the person, and start the session in which they sign their registration.

        What the same browser session was offered before can be signed no more.

        Args:
            browser: Digest of the cookie of the browser that is to finish it.

        Raises:
            DetailsDoNotMatch: another date of birth is known.
            InvalidRequest: nobody who works is that old or that young.
            MembershipEnded: the organisation ended this person's membership.
            SeveralRecords: two records match; the organisation is told.
            TooManyDates, TooManyDenials: too many wrong dates for this card, or records denied.
            RecordClosed: the person's record was closed.
            Unauthenticated: the browser session has ended.
            UnknownOrganisation: the card's organisation is not registered.
        """
        card, now = session.card, self._clock()
        if not is_plausible(date_of_birth, now.date()):
            raise InvalidRequest("Check the year of the date of birth.")
        with self._naming_contact():
            found = await self._registry.read(lambda tx: record.read_known(tx, card, now))
        known = await self._match(card, found, date_of_birth)
        outcome = rules.outcome(known)
        if outcome is Outcome.EXISTING:
            await self._check_denials(card)
        membership = await self._registry.read(
            lambda tx: people.membership(tx, known.id, card.ura) if known else None
        )
        person = rules.shown(known, membership, card, found.organisation)
        person_id = known.id if known else new_id(self._random)
        begun = Registration(
            uzi_number=card.uzi_number,
            ura=card.ura,
            person_id=person_id,
            is_known=known is not None,
            birth_digest=self._births.digest(person_id, date_of_birth),
            passed_over=tuple(
                other.birth_digest
                for other in found.namesakes
                if other.birth_digest is not None and other.id != person_id
            ),
        )
        words = rules.words(card, found.organisation, person.user_name)
        signing = await self._uzi.start(Purpose.SIGN_REGISTRATION, browser, begun, words)
        await self._offer(session, signing, begun, outcome, person.user_name)
        return Begun(outcome=outcome, person=person, signing=signing)

    async def deny(self, session: BrowserSession) -> None:
        """Take it that the record which was shown is somebody else's: tell the organisation, stop.

        The signing session is spent first: of a signature and a denial at once one gets through.
        The browser session ends when the organisation has been told, so that whom a failure keeps
        from it can say it again.

        Raises:
            Conflict: it has been signed.
            NothingOffered: no known record was shown.
            TooManyRequests: this card said so too often today; it is stopped all the same.
        """
        offer = await self._sessions.deny_offer(session)
        if offer is None:
            raise NothingOffered
        await self._uzi.withdraw(offer.signing)
        now = self._clock()
        try:
            await self._count(self._denials, session.card, rules.count_denial, DENIALS_MEMORY)
            await self._registry.commit(lambda tx: record.write_denial(tx, session, offer, now))
        except (AlreadyExistsError, TooManyRequests) as stopped:
            await self._sessions.end(session)
            if isinstance(stopped, TooManyRequests):
                raise
        await self._sessions.end(session)

    async def notices(self, session: BrowserSession) -> list[Notice]:
        """Return what the organisation of the card was told, newest first.

        Raises:
            NotAnAdministrator: the card's holder does not manage it.
        """
        now = self._clock()
        return await self._registry.read(lambda tx: record.read_notices(tx, session, now))

    async def read_notice(self, session: BrowserSession, notice_id: str) -> None:
        """Note that a notice was read; who reads it again changes nothing.

        Raises:
            NotAnAdministrator: the card's holder does not manage the organisation.
            NotFound: the organisation has no such notice.
        """
        now = self._clock()
        await self._registry.commit(
            lambda tx: record.write_notice_read(tx, session, notice_id, now)
        )

    @contextmanager
    def _naming_contact(self) -> Iterator[None]:
        """Say whom to ask, where the server's operator has named somebody."""
        try:
            yield
        except UnknownOrganisation as error:
            if self._contact is None:
                raise
            raise UnknownOrganisation(contact=self._contact) from error

    async def _match(self, card: Card, found: record.Known, born: date) -> Person | None:
        # Counted before it is compared: of many dates sent at once no more are compared.
        await self._count(self._attempts, card, rules.count_attempt, ATTEMPTS_MEMORY)
        try:
            known = rules.match(found.holder, found.namesakes, self._births, born)
        except SeveralRecords:
            twice = [one for one in found.namesakes if self._births.is_of(one, born)]
            notice_id, now = new_id(self._random), self._clock()
            await self._registry.commit(
                lambda tx: record.write_several(tx, card, twice, notice_id, now)
            )
            raise
        if not rules.is_wrong(known, found.namesakes):
            await self._attempts.change(card.uzi_number, lambda counted: max(counted - 1, 0))
        return known

    async def _offer(
        self,
        session: BrowserSession,
        signing: UziSession,
        begun: Registration,
        outcome: Outcome,
        user_name: str,
    ) -> None:
        offer = Offer(
            signing=signing.id,
            person_id=begun.person_id,
            user_name=user_name,
            is_known=outcome is Outcome.EXISTING,
        )
        try:
            replaced = await self._sessions.note_offer(session, offer)
        except Unauthenticated:
            await self._uzi.withdraw(signing.id)
            raise
        if replaced is not None:
            # One that was signed meanwhile has registered them: what is signed now adds nothing.
            with suppress(Conflict):
                await self._uzi.withdraw(replaced.signing)

    async def _check_denials(self, card: Card) -> None:
        denied = await self._denials.get(card.uzi_number)
        rules.check_denials(denied.value if denied is not None else 0)

    async def _count(
        self, shelf: Shelf[int], card: Card, rule: Callable[[int], int], memory: timedelta
    ) -> None:
        key, counted = card.uzi_number, None
        while counted is None and not await shelf.create(key, 1, memory):
            counted = await shelf.change(key, rule)
