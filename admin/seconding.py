"""What one administrator asks for and another one does, where their organisation wants two."""

from datetime import datetime

from admin import phone_record, policy_record
from admin.access import Act, check
from admin.actor import Actor
from admin.phone_record import (
    LIFETIME,
    Still,
    check_asker,
    check_second,
    evidence_of,
    permitted,
    waiting_for,
    wants_second,
)
from admin.targets import target_of_phone
from pairing_server.audit.admin_events import ActAsked, ActWithdrawn
from pairing_server.errors import Conflict, NotFound
from pairing_server.keys.status import PhoneStatusFlow
from pairing_server.phones.unblocking import Offer, UnblockingFlow
from pairing_server.ports import Ports
from pairing_server.registry import Transaction, credentials, pending_acts, people
from pairing_server.registry.credentials import Credential
from pairing_server.registry.pending_acts import PendingAct, PendingStatus
from pairing_server.registry.phone_notices import PhoneNoticeKind
from pairing_server.tokens import new_id


class SecondFlow:
    """Ask, do as the second one, withdraw."""

    def __init__(
        self, ports: Ports, statuses: PhoneStatusFlow, unblocking: UnblockingFlow
    ) -> None:
        self._registry = ports.registry
        self._clock = ports.clock
        self._random = ports.random
        self._statuses = statuses
        self._unblocking = unblocking

    async def ask(self, still: Still, act: Act, credential_id: str) -> PendingAct:
        """Ask for an act that another administrator does within a day.

        Raises:
            Conflict: the organisation wants no second one for it, or it was asked for already.
            as `admin.access.check`.
        """
        now, identifier = self._clock(), new_id(self._random)

        def change(tx: Transaction) -> PendingAct:
            actor = still(tx, now)
            phone = permitted(tx, act, actor, credential_id, now)
            is_waiting = waiting_for(tx, actor.ura, phone.id, act, now)
            if is_waiting or not wants_second(tx, actor.ura, act):
                raise Conflict("needs no second, or was asked for")
            person = people.get_person(tx, phone.person_id)
            asked = PendingAct(
                id=identifier,
                ura=actor.ura,
                act=act.value,
                subject={
                    "person": phone.person_id,
                    "credential": phone.id,
                    "name": person.name if person is not None else "",
                    "phone": phone.device_name,
                },
                asked_by=actor.person_id or "",
                asked_at=now,
                expires_at=now + LIFETIME,
            )
            pending_acts.add(tx, asked)
            tx.record(
                ActAsked(
                    actor=actor.name,
                    object=f"credential:{phone.id}",
                    ura=actor.ura,
                    evidence={"act": act.value, "person": phone.person_id, "pending": asked.id},
                )
            )
            return asked

        return await self._registry.commit(change)

    async def do_as_second(self, still: Still, pending_id: str) -> tuple[PendingAct, Offer | None]:
        """Do what another administrator asked for.  Returns it, and the code of an unblocking.

        Raises:
            Conflict: it does not wait any more, the phone is not what it was, or who asked may
                not do so any more.
            Forbidden: the one who asked does not do it.
            NotFound: another organisation's, or nobody's.
            as `admin.access.check`.
        """
        found = await self._registry.read(lambda tx: pending_acts.get(tx, pending_id))
        if found is None:
            raise NotFound("no such act")
        if found.act == Act.SET_POLICY.value:
            now = self._clock()
            await self._registry.commit(
                lambda tx: policy_record.loosen(tx, still(tx, now), found, now)
            )
            return found, None
        credential_id = str(found.subject["credential"])

        def judge(tx: Transaction, actor: Actor, phone: Credential, now: datetime) -> None:
            check_second(actor, found, now)
            check_asker(tx, found, now)
            check(Act(found.act), actor, target_of_phone(tx, phone, now), now)
            phone_record.settle(tx, found, actor, now)

        if found.act == Act.UNBLOCK_PHONE.value:
            actor = await self._registry.read(lambda tx: still(tx, self._clock()))

            def permit(tx: Transaction, phone: Credential) -> None:
                now = self._clock()
                judge(tx, still(tx, now), phone, now)

            offer = await self._unblocking.offer(credential_id, actor.name, actor.ura, permit)
            return found, offer

        def change(tx: Transaction, now: datetime) -> Credential:
            actor = still(tx, now)
            phone = credentials.get_for_update(tx, credential_id)
            if phone is None:
                raise NotFound("phone")
            judge(tx, actor, phone, now)
            asked = {"asked_by": f"person:{found.asked_by}", "pending": found.id}
            return phone_record.revoke(tx, actor, phone, evidence_of(actor, phone, asked), now)

        await self._statuses.apply(change, PhoneNoticeKind.REVOKED)
        return found, None

    async def withdraw(self, still: Still, pending_id: str) -> None:
        """Withdraw what was asked for: who asked, or who could have done it.

        Raises:
            Conflict: it does not wait any more.
            NotFound: another organisation's, or nobody's.
        """
        now = self._clock()

        def change(tx: Transaction) -> None:
            actor = still(tx, now)
            found = pending_acts.get(tx, pending_id)
            if found is None or found.ura != actor.ura:
                raise NotFound("no such act")
            if not pending_acts.settle(tx, pending_id, PendingStatus.WITHDRAWN, actor.name, now):
                raise Conflict("does not wait any more")
            tx.record(
                ActWithdrawn(
                    actor=actor.name,
                    object=_object(found),
                    ura=actor.ura,
                    evidence={"act": found.act, "pending": found.id},
                )
            )

        await self._registry.commit(change)


def _object(pending: PendingAct) -> str:
    """Return what it would be done to, as events name it."""
    if pending.act == Act.SET_POLICY.value:
        return f"organisation:{pending.ura}"
    return f"credential:{pending.subject['credential']}"
