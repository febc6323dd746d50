"""What the administration of people reads and writes in the registry, each in one transaction."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from admin import people_rules as rules
from admin.access import Act
from admin.acting import allow
from admin.actor import Actor
from admin.people_refusals import LastAdministrator, NotRegisteredYet
from admin.targets import of_membership
from pairing_server.audit.events import (
    AdministratorAppointed,
    AdministratorDismissed,
    Event,
    MembershipChanged,
    MemberUnlinked,
    PersonRenamed,
)
from pairing_server.errors import NotFound
from pairing_server.registry import (
    Query,
    Transaction,
    credentials,
    mail_outbox,
    members,
    people,
    sessions,
)
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.members import Member
from pairing_server.registry.people import AdministrativeRole


def member_for_update(
    tx: Transaction, act: Act, actor: Actor, person_id: str, now: datetime
) -> Member:
    """Return whom an act is done to, also when their membership is over; nobody else changes them.

    Raises:
        Forbidden, FreshApprovalNeeded: as `admin.access.check`.
        NotFound: nobody, or nobody of this organisation.
    """
    person = people.get_person_for_update(tx, person_id)
    membership = people.membership_for_update(tx, person_id, actor.ura)
    allow(tx, act, actor, of_membership(person, membership), now)
    if person is None or membership is None:
        raise NotFound("member")
    return Member(person, membership)


@contextmanager
def keeping_an_administrator(tx: Transaction, ura: str, *person_ids: str) -> Iterator[None]:
    """Lock an organisation's administrators, and undo what leaves it without one.

    Entered before anything else is locked.  All lock in the order in which a redemption does:
    people, then memberships.

    Args:
        person_ids: Those who are changed.

    Raises:
        LastAdministrator: none would be left who stays.
    """
    for person_id in sorted(person_ids):
        people.get_person_for_update(tx, person_id)
    before = members.administrators_for_update(tx, ura)
    yield
    if before and not members.administrators(tx, ura):
        raise LastAdministrator


def unlink(tx: Transaction, actor: Actor, person_id: str, now: datetime) -> None:
    """End a membership now; keys and identity stay the person's.

    Raises:
        LastAdministrator: they are.
        NotFound, Forbidden, FreshApprovalNeeded: as `member_for_update`.
        NotLinked: it is over already.
    """
    with keeping_an_administrator(tx, actor.ura, person_id):
        member = member_for_update(tx, Act.UNLINK, actor, person_id, now)
        rules.check_linked(member, now)
        ended = replace(member.membership, valid_until=now, administrative_role=None)
        people.put_membership(tx, ended)
    sessions.end_of_member(tx, person_id, actor.ura, now)
    was = rules.facts(member.membership)
    tx.record(event(MemberUnlinked, actor, person_id, {"was": was}))


def change_membership(
    tx: Transaction,
    actor: Actor,
    person_id: str,
    wanted: rules.Wanted,
    now: datetime,
) -> bool:
    """Write roles and end of a membership.  Returns whether they are others now.

    Raises:
        AskedFirst: it is over, and they work elsewhere.
        Forbidden, FreshApprovalNeeded: it is of who manages, and would end at another time.
        GuestMustAccept: it is a guest's that is over.
        LastAdministrator: their time would be over one day.
        NotFound, Forbidden: as `member_for_update`.
    """
    with keeping_an_administrator(tx, actor.ura, person_id):
        member = member_for_update(tx, Act.SET_ROLES, actor, person_id, now)
        changed = rules.changed(member.membership, wanted, now)
        elsewhere = works_elsewhere(tx, actor, person_id, now)
        rules.check_may_begin_again(member.membership, now, works_elsewhere=elsewhere)
        if changed == member.membership:
            return False
        target = of_membership(member.person, member.membership)
        if target.manages and changed.valid_until != member.membership.valid_until:
            # Until when somebody manages, who appoints and dismisses says.
            allow(tx, Act.DISMISS, actor, target, now)
        people.put_membership(tx, changed)
    evidence = {"was": rules.facts(member.membership), "is": rules.facts(changed)}
    tx.record(event(MembershipChanged, actor, person_id, evidence))
    return True


def rename(
    tx: Transaction, actor: Actor, person_id: str, first_names: str, last_name: str, now: datetime
) -> bool:
    """Correct the name of who has shown no card; the user name stays.  Returns whether it did.

    Raises:
        NameIsOfTheCard: the person has shown one.
        NotFound, Forbidden: as `member_for_update`.
        NotLinked: the membership is over.
    """
    member = member_for_update(tx, Act.RENAME, actor, person_id, now)
    rules.check_linked(member, now)
    rules.check_may_rename(member.person)
    renamed = replace(member.person, first_names=first_names, last_name=last_name)
    if renamed == member.person:
        return False
    people.update_person(tx, renamed)
    names = {"was": member.person.name, "is": renamed.name, "user_name": renamed.user_name}
    tx.record(event(PersonRenamed, actor, person_id, names))
    return True


def set_address(
    tx: Transaction, actor: Actor, person_id: str, address: str | None, now: datetime
) -> bool:
    """Say where a person is mailed about their phones.  Returns whether it is elsewhere now.

    Raises:
        NotFound, Forbidden: as `member_for_update`.
        NotLinked: the membership is over.
    """
    member = member_for_update(tx, Act.SET_CONTACT, actor, person_id, now)
    rules.check_linked(member, now)
    if mail_outbox.address_of(tx, person_id) == address:
        return False
    return mail_outbox.set_address(tx, person_id, address, actor=actor.name, ura=actor.ura)


def appoint(
    tx: Transaction, actor: Actor, person_id: str, role: AdministrativeRole, now: datetime
) -> bool:
    """Let a person manage the organisation, in another way if they do already.

    Returns:
        Whether they did not do so already.

    Raises:
        LastAdministrator: they are the last one, and would be one no more.
        NotFound, Forbidden, FreshApprovalNeeded: as `member_for_update`.
        NotLinked: the membership is over.
        NotRegisteredYet: nobody can log in as this person.
    """
    with keeping_an_administrator(tx, actor.ura, person_id):
        member = member_for_update(tx, Act.APPOINT, actor, person_id, now)
        rules.check_linked(member, now)
        before = member.membership.administrative_role
        if before is role:
            return False
        if not is_registered(tx, member):
            raise NotRegisteredYet
        people.put_membership(tx, replace(member.membership, administrative_role=role))
    tx.record(event(AdministratorAppointed, actor, person_id, {"was": before, "is": role}))
    return True


def dismiss(tx: Transaction, actor: Actor, person_id: str, now: datetime) -> bool:
    """Let a person manage the organisation no more.  Returns whether they did.

    Raises:
        LastAdministrator: nobody would be left.
        NotFound, Forbidden, FreshApprovalNeeded: as `member_for_update`.
    """
    with keeping_an_administrator(tx, actor.ura, person_id):
        member = member_for_update(tx, Act.DISMISS, actor, person_id, now)
        before = member.membership.administrative_role
        if before is None:
            return False
        people.put_membership(tx, replace(member.membership, administrative_role=None))
    tx.record(event(AdministratorDismissed, actor, person_id, {"was": before}))
    return True


def works_elsewhere(tx: Query, actor: Actor, person_id: str, now: datetime) -> bool:
    """Tell whether somebody works for another organisation than the actor's."""
    held = people.memberships(tx, person_id)
    return any(each.ura != actor.ura and each.is_valid(now) for each in held)


def is_registered(tx: Query, member: Member) -> bool:
    """Tell whether somebody proved to be this person: by a card, or with a phone."""
    return member.person.uzi_number is not None or any(
        phone.status is not CredentialStatus.REVOKED
        for phone in credentials.of_person(tx, member.person.id)
    )


def event(kind: type[Event], actor: Actor, person_id: str, evidence: Mapping[str, Any]) -> Event:
    """Say what an actor did to a person of their organisation."""
    return kind(
        actor=actor.name,
        object=f"person:{person_id}",
        ura=actor.ura,
        evidence={"role": actor.role, **evidence},
    )
