"""A card holder's own phones: their card has the strength of a pairing, so it may do all of this.

What is done is written down with what the card signed when the session began.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pairing_server.audit.events import PhoneRenamed
from pairing_server.audit.search import NEWEST, Place
from pairing_server.errors import NotFound
from pairing_server.keys import status
from pairing_server.keys.status import PhoneStatusFlow, Reason
from pairing_server.phones.events import OwnEvents, OwnPage
from pairing_server.phones.offer_record import (
    OfferShown,
    read_offers,
    write_acceptance,
    write_decline,
)
from pairing_server.phones.overview import Overview, PastEvent, Sibling
from pairing_server.portal.registration import RecordClosed
from pairing_server.portal.session import BrowserSession, check_signed_in
from pairing_server.ports import Ports
from pairing_server.qr.refusals import NotRegistered
from pairing_server.registry import Query, Transaction, credentials, people
from pairing_server.registry.credentials import Credential, CredentialStatus
from pairing_server.registry.people import Person, PersonStatus
from pairing_server.registry.phone_notices import PhoneNoticeKind

#: Whose word an act in a session is, as `bound_by` has it of a phone that was paired in one.
BY_CARD = "uzi-pas"

#: An act on one phone in a transaction: on which, by whom, when, with what evidence.
Act = Callable[[Transaction, Credential, str, datetime, dict[str, object]], Credential]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPhones:
    """The phones of who is logged in, oldest first, but those that were revoked.

    Attributes:
        default_phone: The credential that is woken, where the person chose one.
        at: As of when they were read.
    """

    phones: list[Sibling]
    default_phone: str | None
    at: datetime


class OwnPhonesFlow:
    """Reads, blocks, unblocks, revokes and renames the phones of who is logged in."""

    def __init__(self, ports: Ports, statuses: PhoneStatusFlow) -> None:
        self._registry = ports.registry
        self._clock = ports.clock
        self._statuses = statuses
        self._overview = Overview(ports)
        self._events = OwnEvents(ports)

    async def phones(self, session: BrowserSession) -> OwnPhones:
        """Return the person's phones with their last use.

        Raises:
            NotRegistered: nobody is registered with the session's card.
            RecordClosed: the person's record was closed.
        """
        person = await self._registry.read(lambda tx: _person(tx, session))
        return OwnPhones(
            phones=await self._overview.siblings(person.id),
            default_phone=person.default_phone,
            at=self._clock(),
        )

    async def phone(self, session: BrowserSession, credential_id: str) -> Sibling:
        """Return one of the person's phones.

        Raises:
            NotFound: they have no such phone, or not any more.
            NotRegistered, RecordClosed: as `phones`.
        """
        own = await self.phones(session)
        for each in own.phones:
            if each.credential.id == credential_id:
                return each
        raise NotFound("no such phone")

    async def history(self, session: BrowserSession) -> list[PastEvent]:
        """Return what happened with the person's phones, newest first.

        Raises:
            NotRegistered, RecordClosed: as `phones`.
        """
        person = await self._registry.read(lambda tx: _person(tx, session))
        return await self._overview.history(person.id)

    async def events(self, session: BrowserSession, before: Place = NEWEST) -> OwnPage:
        """Return a page of all that the audit log has of the person.

        Raises:
            NotRegistered, RecordClosed: as `phones`.
        """
        person = await self._registry.read(lambda tx: _person(tx, session))
        return await self._events.page(person.id, before)

    async def block(self, session: BrowserSession, credential_id: str) -> None:
        """Block a phone everywhere: from the moment this returns it opens nothing.

        Raises:
            Conflict: it is not active.
            NotFound: unknown, somebody else's, or revoked.
            NotRegistered, RecordClosed: as `phones`.
            Unauthenticated: the person was signed out meanwhile.
        """
        await self._act(
            session,
            credential_id,
            PhoneNoticeKind.BLOCKED,
            lambda tx, phone, *by: status.block(tx, phone.id, *by),
        )

    async def unblock(self, session: BrowserSession, credential_id: str) -> None:
        """Let a blocked phone work again.

        Raises:
            Conflict: it is not blocked.
            NotUnblocked: its key may have been copied.
            NotFound, NotRegistered, RecordClosed, Unauthenticated: as `block`.
        """
        await self._act(
            session,
            credential_id,
            PhoneNoticeKind.UNBLOCKED,
            lambda tx, phone, *by: status.unblock(tx, phone.id, *by),
        )

    async def revoke(self, session: BrowserSession, credential_id: str) -> datetime | None:
        """Revoke a phone for good, and all that was derived from it, this session included.

        Returns:
            The moment of the sign-out, by which the caller lets the person go on.

        Raises:
            NotFound, NotRegistered, RecordClosed, Unauthenticated: as `block`.
        """
        signed_out_at: datetime | None = None

        def revoke(
            tx: Transaction,
            phone: Credential,
            actor: str,
            now: datetime,
            evidence: dict[str, object],
        ) -> Credential:
            nonlocal signed_out_at
            before = status.revoke(tx, phone.id, actor, now, Reason.LOST, evidence)
            # Of this very commit: another sign-out after it is to end what follows, too.
            signed_out_at = _person(tx, session).signed_out_at
            return before

        await self._act(session, credential_id, PhoneNoticeKind.REVOKED, revoke)
        return signed_out_at

    async def rename(self, session: BrowserSession, credential_id: str, name: str) -> None:
        """Call a phone otherwise.

        Raises:
            NotFound, NotRegistered, RecordClosed, Unauthenticated: as `block`.
        """

        def rename(
            tx: Transaction,
            phone: Credential,
            actor: str,
            now: datetime,
            evidence: dict[str, object],
        ) -> Credential:
            _ = now
            credentials.rename(tx, phone.id, name)
            shown = {**evidence, "renamed": {"from": phone.device_name, "to": name}}
            tx.record(
                PhoneRenamed(
                    actor=actor,
                    object=f"credential:{phone.id}",
                    ura=phone.bound_ura,
                    evidence=shown,
                )
            )
            return phone

        await self._act(session, credential_id, None, rename)

    async def offers(self, session: BrowserSession) -> list[OfferShown]:
        """Return the memberships that the person can accept or decline, oldest first.

        Raises:
            NotRegistered, RecordClosed: as `phones`.
        """
        now = self._clock()
        return await self._registry.read(lambda tx: read_offers(tx, _person(tx, session).id, now))

    async def settle_offer(self, session: BrowserSession, offer_id: str, *, accept: bool) -> None:
        """Let a membership begin, or not.

        Raises:
            NotFound: unknown, somebody else's, settled, or over.
            NotRegistered, RecordClosed, Unauthenticated: as `block`.
        """
        write, now = write_acceptance if accept else write_decline, self._clock()
        evidence = {**session.statement, "by": BY_CARD}

        def change(tx: Transaction) -> None:
            check_signed_in(tx, session)
            write(tx, _person(tx, session).id, offer_id, evidence, now)

        await self._registry.commit(change)

    async def _act(
        self,
        session: BrowserSession,
        credential_id: str,
        kind: PhoneNoticeKind | None,
        act: Act,
    ) -> None:
        def change(tx: Transaction, now: datetime) -> Credential:
            check_signed_in(tx, session)
            person = _person(tx, session)
            phone = credentials.get_for_update(tx, credential_id)
            if (
                phone is None
                or phone.person_id != person.id
                or phone.status is CredentialStatus.REVOKED
            ):
                raise NotFound("no such phone")
            return act(tx, phone, f"person:{person.id}", now, _evidence(session, phone))

        await self._statuses.apply(change, kind)


def _person(tx: Query, session: BrowserSession) -> Person:
    person = people.get_person(tx, session.person_id or "")
    if person is None:
        raise NotRegistered
    if person.status is not PersonStatus.ACTIVE:
        raise RecordClosed
    return person


def _evidence(session: BrowserSession, phone: Credential) -> dict[str, object]:
    """Return what authorises an act: the card's signature under the login, and who did what."""
    return {
        **session.statement,
        "by": BY_CARD,
        "changed": {"credential": phone.id, "uzi_number": session.card.uzi_number},
    }
