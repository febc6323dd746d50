"""What the registry reads and writes of a lost phone, in the caller's transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from admin import policy
from admin.access import TABLE, Act, Target, check
from admin.actor import Actor, Role
from admin.loss import Judged, judge
from admin.refusals import Forbidden, SecondNeeded
from admin.targets import target_of_phone
from pairing_server.errors import Conflict, NotFound
from pairing_server.keys import status
from pairing_server.keys.status import Reason, tell_organisations
from pairing_server.registry import (
    Query,
    Transaction,
    credentials,
    organisations,
    pending_acts,
    people,
    phone_uses,
)
from pairing_server.registry.credentials import Credential
from pairing_server.registry.notices import NoticeKind
from pairing_server.registry.pending_acts import PendingAct
from pairing_server.registry.people import Membership, Person, PersonStatus
from pairing_server.registry.phone_uses import PhoneUse

#: How far back uses are shown where nobody has said when a phone was lost.
LATELY = timedelta(days=7)

#: What was asked for is done by then, or asked for anew.
LIFETIME = timedelta(hours=24)

#: Reads in a transaction who acts, as they are at this moment.
Still = Callable[[Query, datetime], Actor]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPhone:
    """A phone as an administrator sees it.

    Attributes:
        target: Whose it is.
        used_at_organisation: The name of where it was used last.
        judged: Whether it was used after the loss, if somebody said when that was.
        pending: What was asked for and waits for a second administrator.
    """

    credential: Credential
    target: Target
    used_at_organisation: str
    bound_for: str
    judged: Judged | None
    uses: tuple[PhoneUse, ...]
    pending: PendingAct | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPerson:
    """A person as an administrator sees them, as of one moment."""

    person: Person
    membership: Membership
    phones: tuple[SeenPhone, ...]
    at: datetime


def see(
    tx: Query, ura: str, person_id: str, lost_at: datetime | None, now: datetime
) -> SeenPerson:
    """Read a person with their phones, and whether these were used after a moment.

    Raises:
        NotFound: nobody of that organisation.
    """
    person, membership = people.get_person(tx, person_id), people.membership(tx, person_id, ura)
    if person is None or membership is None:
        raise NotFound("no such person")
    since = now - LATELY if lost_at is None else lost_at
    uses = phone_uses.of_person(tx, person_id, since)
    waiting = {
        str(each.subject["credential"]): each for each in pending_acts.open_of(tx, ura, now)
    }
    phones = tuple(
        SeenPhone(
            credential=phone,
            target=target_of_phone(tx, phone, now),
            used_at_organisation=_name(tx, phone.last_used_ura),
            bound_for=_name(tx, phone.bound_ura),
            judged=None if lost_at is None else judge(uses, phone.id, lost_at),
            uses=tuple(use for use in uses if use.credential_id == phone.id),
            pending=waiting.get(phone.id),
        )
        for phone in credentials.of_person(tx, person_id)
    )
    return SeenPerson(person=person, membership=membership, phones=phones, at=now)


def permitted(
    tx: Transaction, act: Act, actor: Actor, credential_id: str, now: datetime
) -> Credential:
    """Return a phone that nobody else changes until this commit, if the actor may do the act.

    Raises:
        as `admin.access.check`.
    """
    phone = credentials.get_for_update(tx, credential_id)
    # The role first, and nobody's phone is another organisation's: one answer.
    target = Target(linked=frozenset()) if phone is None else target_of_phone(tx, phone, now)
    check(act, actor, target, now)
    if phone is None:
        raise NotFound("no such phone")
    return phone


def revoke(
    tx: Transaction, actor: Actor, phone: Credential, evidence: Mapping[str, Any], now: datetime
) -> Credential:
    """Revoke a phone, and tell the other organisations.  Returns it as it was.

    Raises:
        Conflict: it is revoked already.
    """
    before = status.revoke(tx, phone.id, actor.name, now, Reason.LOST, evidence)
    tell_organisations(tx, phone, NoticeKind.PHONE_REVOKED, now, but=actor.ura)
    return before


def evidence_of(actor: Actor, phone: Credential, seen: Mapping[str, Any]) -> dict[str, Any]:
    """Return why an administrator did something: for whom, and what was before them."""
    return {"by": "administrator", "for_ura": actor.ura, "person": phone.person_id, **seen}


def wants_second(tx: Query, ura: str, act: Act) -> bool:
    """Tell whether an organisation wants two people for an act."""
    organisation = organisations.get(tx, ura)
    return organisation is not None and policy.needs_second(organisation.admin_policy, act)


def check_alone(tx: Query, actor: Actor, act: Act) -> None:
    """Make sure that one does it alone.

    Raises:
        SecondNeeded: the organisation wants two.
    """
    if wants_second(tx, actor.ura, act):
        raise SecondNeeded(act.value)


def check_second(actor: Actor, pending: PendingAct, now: datetime) -> None:
    """Make sure that an actor does what a colleague asked for.

    Raises:
        Forbidden: they asked for it themselves.
        NotFound: another organisation's.
        as `admin.access.check`.
    """
    check(Act.APPROVE_AS_SECOND, actor, Target.of_organisation(pending.ura), now)
    if actor.person_id == pending.asked_by:
        raise Forbidden("asked for it themselves")


def check_asker(tx: Query, pending: PendingAct, now: datetime) -> None:
    """Make sure that who asked still may: else one does what two are wanted for.

    Raises:
        Conflict: they were dismissed, unlinked or closed since.
    """
    person = people.get_person(tx, pending.asked_by)
    held = people.membership(tx, pending.asked_by, pending.ura)
    role = held.administrative_role if held is not None and held.is_valid(now) else None
    is_open = person is not None and person.status is PersonStatus.ACTIVE
    if not is_open or role is None or Role(role.value) not in TABLE[Act(pending.act)].roles:
        raise Conflict("who asked may not any more")


def waiting_for(tx: Query, ura: str, credential_id: str, act: Act, now: datetime) -> bool:
    """Tell whether an act on a phone was asked for and waits."""
    return any(
        each.subject["credential"] == credential_id and each.act == act.value
        for each in pending_acts.open_of(tx, ura, now)
    )


def settle(tx: Transaction, pending: PendingAct, actor: Actor, now: datetime) -> None:
    """Note that a second one does what was asked for, once.

    Raises:
        Conflict: it does not wait any more.
    """
    if not pending_acts.settle(tx, pending.id, pending_acts.PendingStatus.DONE, actor.name, now):
        raise Conflict("does not wait any more")


def _name(tx: Query, ura: str | None) -> str:
    organisation = None if ura is None else organisations.get(tx, ura)
    return "" if organisation is None else organisation.name
