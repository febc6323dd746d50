"""Rules of what becomes of a membership."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from admin.people_refusals import AskedFirst, GuestMustAccept, NameIsOfTheCard, NotLinked
from pairing_server.clock import wire_time
from pairing_server.registry.members import Member
from pairing_server.registry.people import Membership, MembershipKind, Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a membership is to be; each `role_codes` first the one that is offered first."""

    role_codes: tuple[str, ...]
    valid_until: datetime | None


def check_linked(member: Member, now: datetime) -> None:
    """Make sure that the membership holds.

    Raises:
        NotLinked: it does not.
    """
    if not member.membership.is_valid(now):
        raise NotLinked


def check_may_rename(person: Person) -> None:
    """Make sure that the organisation knows the name best.

    Raises:
        NameIsOfTheCard: a card says it, at all of the person's organisations.
    """
    if person.uzi_number is not None:
        raise NameIsOfTheCard


def changed(membership: Membership, wanted: Wanted, now: datetime) -> Membership:
    """Return the membership as it is wanted; an employee's that is over begins again.

    Raises:
        GuestMustAccept: a guest's that is over does not.
    """
    if membership.kind is MembershipKind.GUEST and not membership.is_valid(now):
        raise GuestMustAccept
    return with_roles(replace(membership, valid_until=wanted.valid_until), wanted.role_codes)


def check_may_begin_again(membership: Membership, now: datetime, *, works_elsewhere: bool) -> None:
    """Make sure that nobody is linked again who left for another organisation.

    What their phones did there, and a block of them, would be this one's again unasked.

    Raises:
        AskedFirst: they did.
    """
    if works_elsewhere and not membership.is_valid(now):
        raise AskedFirst


def with_roles(membership: Membership, role_codes: tuple[str, ...]) -> Membership:
    """Return the membership with these roles, the first one in the first place."""
    return replace(membership, role_code=role_codes[0], other_role_codes=role_codes[1:])


def facts(membership: Membership) -> dict[str, Any]:
    """Return what a membership is, as JSON values for the audit log."""
    until = membership.valid_until
    return {
        "role_codes": list(membership.role_codes),
        "kind": membership.kind,
        "administrative_role": membership.administrative_role,
        "valid_until": None if until is None else wire_time(until),
    }
