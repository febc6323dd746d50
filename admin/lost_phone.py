"""The lost phone: find whose it is, look, block, revoke, unblock, each in one commit.

What a phone lives through is `pairing_server.keys.status`, and that somebody holds the phone that
is unblocked is `pairing_server.phones.unblocking`; here is who may, and who is told.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from admin import phone_record
from admin.access import Act, Target, check
from admin.actor import Actor
from admin.phone_record import LATELY, SeenPerson, Still, check_alone, evidence_of, permitted, see
from admin.targets import linked, target_of_phone
from admin.within import Within, alone
from pairing_server.audit.admin_events import PhoneUseViewed
from pairing_server.clock import wire_time
from pairing_server.keys import status
from pairing_server.keys.status import PhoneStatusFlow, tell_organisations
from pairing_server.phones.unblocking import Offer, UnblockingFlow
from pairing_server.ports import Ports
from pairing_server.registry import Transaction, people_search, phone_acts
from pairing_server.registry.credentials import Credential
from pairing_server.registry.notices import NoticeKind
from pairing_server.registry.people_search import Page
from pairing_server.registry.phone_acts import DoneAct
from pairing_server.registry.phone_notices import PhoneNoticeKind


class LostPhoneFlow:
    """Find, look, block, revoke, unblock."""

    def __init__(
        self, ports: Ports, statuses: PhoneStatusFlow, unblocking: UnblockingFlow
    ) -> None:
        self._registry = ports.registry
        self._clock = ports.clock
        self._random = ports.random
        self._statuses = statuses
        self._unblocking = unblocking

    async def find(
        self, actor: Actor, typed: str, after: str = "", limit: int = people_search.LISTED
    ) -> Page:
        """Return the people of the actor's organisation whom a text fits, behind a person."""
        now = self._clock()
        return await self._registry.read(
            lambda tx: people_search.find(tx, actor.ura, typed, now, after, limit)
        )

    async def look(
        self, still: Still, person_id: str, lost_at: datetime | None = None
    ) -> SeenPerson:
        """Return a person with their phones and their last use; who looks is written down.

        Args:
            lost_at: After which moment use is asked for.

        Raises:
            as `admin.access.check`.
        """
        now = self._clock()

        def change(tx: Transaction) -> SeenPerson:
            actor = still(tx, now)
            check(Act.SEE_PERSON, actor, Target(linked=linked(tx, person_id, now)), now)
            seen = see(tx, actor.ura, person_id, lost_at, now)
            asked = {"lost_at": wire_time(lost_at)} if lost_at is not None else {}
            tx.record(
                PhoneUseViewed(
                    actor=actor.name,
                    object=f"person:{person_id}",
                    ura=actor.ura,
                    evidence={"person": person_id, **asked},
                )
            )
            return seen

        return await self._registry.commit(change)

    async def acts(self, actor: Actor, person_id: str) -> list[DoneAct]:
        """Return what was done with a person's phones lately, by whom, newest first."""
        now = self._clock()
        return await self._registry.read(
            lambda tx: phone_acts.of_person(tx, person_id, actor.ura, now - LATELY)
        )

    async def block(
        self,
        still: Still,
        credential_id: str,
        seen: Mapping[str, Any],
        within: Within = alone,
    ) -> None:
        """Block a phone at all organisations: from the moment this returns it opens nothing.

        Args:
            seen: What the administrator had before them, as evidence.

        Raises:
            Conflict: it is not active.
            as `admin.access.check`.
        """

        def change(tx: Transaction, now: datetime) -> Credential:
            actor = still(tx, now)
            phone = permitted(tx, Act.BLOCK_PHONE, actor, credential_id, now)
            evidence = evidence_of(actor, phone, seen)
            before = status.block(tx, phone.id, actor.name, now, evidence, actor.ura)
            tell_organisations(tx, phone, NoticeKind.PHONE_BLOCKED, now, but=actor.ura)
            return before

        await self._statuses.apply(
            lambda tx, now: within(tx, lambda tx: change(tx, now)), PhoneNoticeKind.BLOCKED
        )

    async def revoke(self, still: Still, credential_id: str, seen: Mapping[str, Any]) -> None:
        """Revoke a phone for good; its holder pairs another one, or this one anew.

        Raises:
            Conflict: it is revoked already.
            SecondNeeded: by the organisation's policy it is asked for instead.
            as `admin.access.check`.
        """

        def change(tx: Transaction, now: datetime) -> Credential:
            actor = still(tx, now)
            phone = permitted(tx, Act.REVOKE_PHONE, actor, credential_id, now)
            check_alone(tx, actor, Act.REVOKE_PHONE)
            return phone_record.revoke(tx, actor, phone, evidence_of(actor, phone, seen), now)

        await self._statuses.apply(change, PhoneNoticeKind.REVOKED)

    async def offer_unblocking(self, still: Still, credential_id: str) -> Offer:
        """Draw the code that who holds the phone types on it, whom the administrator sees.

        Raises:
            Conflict: it is not blocked.
            NotUnblocked: its key may have been copied.
            SecondNeeded: as `revoke`.
            as `admin.access.check`.
        """
        actor = await self._registry.read(lambda tx: still(tx, self._clock()))

        def permit(tx: Transaction, phone: Credential) -> None:
            now = self._clock()
            check(Act.UNBLOCK_PHONE, still(tx, now), target_of_phone(tx, phone, now), now)
            check_alone(tx, actor, Act.UNBLOCK_PHONE)

        return await self._unblocking.offer(credential_id, actor.name, actor.ura, permit)
