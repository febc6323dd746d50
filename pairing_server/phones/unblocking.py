"""Unblocking by the administrator and the person together: the strength of a pairing.

The administrator draws a code and tells it; the person types it on the blocked phone, whose own
key signs it.  So nobody unblocks a phone that they do not hold, and no thief one that they do.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pairing_server.audit.events import UnblockingOffered
from pairing_server.errors import Conflict, Expired, NotFound
from pairing_server.keys import status
from pairing_server.keys.ceremony import AuthenticationResponse, evidence_of
from pairing_server.keys.flow import PhoneFlow, record_signed_use
from pairing_server.keys.refusals import InvalidAssertion, NotUnblocked
from pairing_server.keys.status import PhoneStatusFlow, Reason
from pairing_server.phones.details import UNBLOCK, challenge, unblock_details
from pairing_server.phones.refusals import NotOffered, WrongUnblockingCode
from pairing_server.ports import Ports
from pairing_server.registry import Query, Transaction, credentials, people
from pairing_server.registry.credentials import Credential, CredentialStatus
from pairing_server.registry.people import AdministrativeRole, PersonStatus
from pairing_server.registry.phone_notices import PhoneNoticeKind
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import draw_digits

OFFER_LIFETIME = timedelta(minutes=10)
CODE_DIGITS = 6
CODE_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An administrator's word that a phone may be unblocked by who holds it and the code.

    Attributes:
        actor: The administrator, as the audit log names them.
        is_typed: The right code came, well signed; the registry is being told.
        ura: The organisation for which they said it.
        blocked_at: Since when the phone was blocked then: of a later block it says nothing.
    """

    actor: str
    code: str
    expires_at: datetime
    attempts_left: int = CODE_ATTEMPTS
    is_typed: bool = False
    ura: str | None = None
    blocked_at: datetime | None = None


def type_code(offer: Offer, code: str, now: datetime) -> Offer:
    """Compare the code typed on the phone with the administrator's; a wrong one is counted.

    Raises:
        Expired: the time is over.
        NotOffered: too many wrong codes came.
    """
    if now >= offer.expires_at:
        raise Expired
    if not offer.attempts_left:
        raise NotOffered
    if hmac.compare_digest(offer.code.encode(), code.encode()):
        return replace(offer, is_typed=True)
    return replace(offer, attempts_left=offer.attempts_left - 1, is_typed=False)


#: Asked in a commit before a phone is touched.
Permit = Callable[[Transaction, Credential], None]


def permit_all(tx: Transaction, phone: Credential) -> None:
    """Let an operator of the server do it, who is asked nothing."""
    _ = tx, phone


class UnblockingFlow:
    """Offer, and unblock."""

    def __init__(self, ports: Ports, phones: PhoneFlow, statuses: PhoneStatusFlow) -> None:
        self._registry = ports.registry
        self._store = ports.store
        self._offers = Shelf(ports.store, "unblocking", Offer)
        self._clock = ports.clock
        self._random = ports.random
        self._phones = phones
        self._statuses = statuses

    async def offer(
        self, credential_id: str, actor: str, ura: str | None = None, permit: Permit = permit_all
    ) -> Offer:
        """Offer to unblock a phone; a newer offer takes the place of the older one.

        Args:
            ura: The organisation whose administrator does.
            permit: Asked in the commit whether they may; raises what they are told if not.

        Raises:
            Conflict: it is not blocked.
            NotFound: there is no such phone.
            NotUnblocked: its key may have been copied.
        """
        offer = Offer(
            actor=actor,
            code=draw_digits(self._random, CODE_DIGITS),
            expires_at=self._clock() + OFFER_LIFETIME,
        )

        def change(tx: Transaction) -> Credential:
            phone = credentials.get(tx, credential_id)
            if phone is None:
                raise NotFound
            permit(tx, phone)
            check_unblockable(phone)
            tx.record(
                UnblockingOffered(
                    actor=actor,
                    object=f"credential:{credential_id}",
                    ura=ura or phone.bound_ura,
                )
            )
            return phone

        phone = await self._registry.commit(change)
        offer = replace(offer, ura=ura, blocked_at=phone.status_at)
        await self._offers.delete(credential_id)
        await self._offers.create(credential_id, offer, OFFER_LIFETIME)
        return offer

    async def wait(self, credential_id: str, wait: timedelta) -> bool:
        """Return whether the phone was unblocked, as soon as it is or after `wait`."""
        deadline = self._clock() + wait
        async with self._store.listen(self._offers.key(credential_id)) as listener:
            while True:
                phone = await self._registry.read(lambda tx: credentials.get(tx, credential_id))
                is_active = phone is not None and phone.status is CredentialStatus.ACTIVE
                left = deadline - self._clock()
                if is_active or left <= timedelta(0):
                    return is_active
                await listener.wait(left)

    async def complete(
        self, challenge_id: str, code: str, assertion: AuthenticationResponse
    ) -> None:
        """Unblock the phone whose key signed the code as typed.

        Raises:
            Conflict: the phone is not blocked any more.
            Expired: the challenge or the offer is over.
            InvalidAssertion: the phone's key did not sign this; nothing is counted.
            NotFound: the challenge is unknown or was used.
            NotOffered: no administrator offers it.
            NotUnblocked: the key may have been copied.
            WrongUnblockingCode: well signed, but the wrong code; an attempt is gone.
        """
        issued = await self._phones.take_challenge(challenge_id)
        phone = await self._phones.phone_of(assertion.id)
        credential_id = phone.credential.id
        details = unblock_details(challenge=issued, credential=credential_id, code=code)
        verified = await self._phones.verify(phone, assertion, challenge(UNBLOCK, details))
        now = self._clock()
        offer = await self._offers.change(credential_id, lambda held: type_code(held, code, now))
        if offer is None:
            raise NotOffered
        if not offer.is_typed:
            raise WrongUnblockingCode(attempts_left=offer.attempts_left)
        evidence: dict[str, object] = {
            "offered_by": offer.actor,
            "signed": details,
            "assertion": evidence_of(assertion),
        }

        def unblock(tx: Transaction, now: datetime) -> Credential:
            if phone.person.status is not PersonStatus.ACTIVE:
                raise InvalidAssertion(None, "the person is closed")
            actor = f"person:{phone.person.id}"
            before = status.unblock(tx, credential_id, actor, now, evidence)
            check_stands(tx, offer, before, now)
            record_signed_use(tx, phone, verified, now)
            return before

        await self._statuses.apply(unblock, PhoneNoticeKind.UNBLOCKED)
        await self._offers.delete(credential_id)
        await self._store.signal(self._offers.key(credential_id))


def check_stands(tx: Query, offer: Offer, phone: Credential, now: datetime) -> None:
    """Make sure that the word of an administrator still counts, for this block of the phone.

    Raises:
        NotOffered: the phone was blocked anew since, or who offered manages nothing any more.
    """
    if phone.status_at != offer.blocked_at:
        raise NotOffered
    kind, _, person_id = offer.actor.partition(":")
    if kind != "person" or offer.ura is None:
        return
    person, held = people.get_person(tx, person_id), people.membership(tx, person_id, offer.ura)
    if (
        person is None
        or person.status is not PersonStatus.ACTIVE
        or held is None
        or not held.is_valid(now)
        or held.administrative_role in (None, AdministrativeRole.SERVICE_DESK)
    ):
        raise NotOffered


def check_unblockable(phone: Credential) -> None:
    """Make sure that the phone is blocked, and not because there may be a copy of its key.

    Raises:
        Conflict: it is not blocked.
        NotUnblocked: its key may have been copied.
    """
    if phone.status is not CredentialStatus.BLOCKED:
        raise Conflict(status=phone.status)
    if phone.status_reason == Reason.SIGN_COUNT:
        raise NotUnblocked(status=phone.status)
