"""What a registration by an operator reads and writes, each in one transaction."""

from dataclasses import dataclass, replace
from datetime import datetime

from admin import identity_rules as rules
from admin.access import Act, Target
from admin.acting import allow
from admin.actor import Actor
from admin.identity_fields import Document
from admin.linking_record import Newcomer, add_record
from admin.linking_rules import Invited
from admin.people_record import event, member_for_update
from admin.people_rules import check_linked
from pairing_server.audit.events import IdentityChecked, Outcome, RegistrationSeconded
from pairing_server.errors import NotFound
from pairing_server.registry import Query, Transaction, identity_checks
from pairing_server.registry.credentials import Credential
from pairing_server.registry.identity_checks import CheckStatus, IdentityCheck
from pairing_server.registry.people import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What an operator writes of who stands before them.

    Attributes:
        check_id: Drawn for the check.
        is_seconded: Whether the organisation wants a second administrator for it.
    """

    check_id: str
    document: Document
    is_seconded: bool


def register(
    tx: Transaction,
    actor: Actor,
    newcomer: Newcomer,
    invited: Invited,
    seen: Seen,
    now: datetime,
) -> tuple[Person, IdentityCheck]:
    """Make a record of who stands before the operator, with the check of their document.

    Raises:
        Forbidden: the actor's role does not allow it.
        KnownHere: the organisation has a record of a person of that name, born that day.
    """
    allow(tx, Act.REGISTER_2B, actor, Target.of_organisation(actor.ura), now)
    person = add_record(tx, actor, newcomer, invited, now)
    return person, _write(tx, actor, person, seen, now)


def see_again(
    tx: Transaction,
    actor: Actor,
    person_id: str,
    invited: Invited,
    seen: Seen,
    now: datetime,
) -> tuple[Person, IdentityCheck]:
    """Write a check of who has a record: they were invited, or come with a new phone.

    Args:
        invited: For the date of birth on the document.

    Raises:
        HasCard: they have shown a card.
        NotFound, Forbidden: as `admin.people_record.member_for_update`.
        NotLinked: the membership is over.
        WrongBirthDate: the document has another date of birth.
    """
    member = member_for_update(tx, Act.REGISTER_2B, actor, person_id, now)
    check_linked(member, now)
    rules.check_without_card(member.person)
    rules.check_birth(is_same=invited.births.is_of(member.person, invited.born))
    return member.person, _write(tx, actor, member.person, seen, now)


def second(tx: Transaction, actor: Actor, check_id: str, now: datetime, *, approve: bool) -> None:
    """Approve of a registration as a second administrator, or refuse it.

    Raises:
        CheckNotReady, CheckedByYou, CheckedLongAgo: as `admin.identity_rules.check_second`.
        NotFound, Forbidden, FreshApprovalNeeded: as `of_actor`.
    """
    found = _for_update(tx, Act.APPROVE_AS_SECOND, actor, check_id, now)
    rules.check_second(found, actor, now)
    status = CheckStatus.READY if approve else CheckStatus.REFUSED
    identity_checks.move(tx, found, status, now, actor.person_id)
    said = event(
        RegistrationSeconded,
        actor,
        found.person_id,
        {"check": found.id, "checked_by": found.checked_by},
    )
    tx.record(said if approve else replace(said, outcome=Outcome.REFUSED))


def of_actor(tx: Query, actor: Actor, check_id: str, now: datetime) -> IdentityCheck:
    """Return a check on whose strength the actor may pair a phone.

    Raises:
        CheckNotReady, CheckedLongAgo, OtherOperator: as `admin.identity_rules.check_usable`.
        Forbidden: the actor's role does not allow it.
        NotFound: unknown, or another organisation's.
    """
    found = _checked(tx, Act.REGISTER_2B, actor, identity_checks.get(tx, check_id), now)
    rules.check_usable(found, actor, now)
    return found


def use(tx: Transaction, actor: Actor, check_id: str, bound: Credential, now: datetime) -> None:
    """Spend a check in the commit that binds the phone: one check, one phone.

    Raises:
        as `of_actor`; also NotFound where the phone is not that person's.
    """
    found = _for_update(tx, Act.REGISTER_2B, actor, check_id, now)
    rules.check_usable(found, actor, now)
    if bound.person_id != found.person_id:
        raise NotFound("another person's check")
    identity_checks.move(tx, found, CheckStatus.USED, now)


def _write(
    tx: Transaction, actor: Actor, person: Person, seen: Seen, now: datetime
) -> IdentityCheck:
    document = seen.document
    made = IdentityCheck(
        id=seen.check_id,
        person_id=person.id,
        ura=actor.ura,
        document_kind=document.kind,
        document_ending=document.ending,
        document_country=document.country,
        checked_on=document.checked_on,
        checked_by=actor.person_id or "",
        made_at=now,
        status=CheckStatus.AWAITS_SECOND if seen.is_seconded else CheckStatus.READY,
    )
    identity_checks.add(tx, made)
    evidence = {
        "check": made.id,
        "document": {
            "kind": document.kind,
            "ending": document.ending,
            "country": document.country,
            "checked_on": document.checked_on.isoformat(),
        },
        "name": person.name,
        "status": made.status,
    }
    tx.record(event(IdentityChecked, actor, person.id, evidence))
    return made


def _for_update(
    tx: Transaction, act: Act, actor: Actor, check_id: str, now: datetime
) -> IdentityCheck:
    return _checked(tx, act, actor, identity_checks.get_for_update(tx, check_id), now)


def _checked(
    tx: Query, act: Act, actor: Actor, found: IdentityCheck | None, now: datetime
) -> IdentityCheck:
    uras = frozenset({found.ura}) if found is not None else frozenset[str]()
    allow(tx, act, actor, Target(linked=uras), now)
    if found is None:
        raise NotFound("no such check")
    return found
