"""Rules of a registration by an operator (option 2B)."""

from datetime import datetime, timedelta

from admin.actor import Actor
from admin.identity_refusals import (
    CheckedByYou,
    CheckedLongAgo,
    CheckNotReady,
    HasCard,
    OtherOperator,
    WrongBirthDate,
)
from pairing_server.registry.identity_checks import CheckStatus, IdentityCheck
from pairing_server.registry.people import Person

#: How long after the document was looked at the phone has to be paired: that same day's shift.
CHECK_LIFETIME = timedelta(hours=12)


def check_without_card(person: Person) -> None:
    """Make sure that nobody takes an operator's word in the place of a card.

    Raises:
        HasCard: the person has shown one.
    """
    if person.uzi_number is not None:
        raise HasCard


def check_birth(*, is_same: bool) -> None:
    """Make sure that the document is that of the record's person.

    Raises:
        WrongBirthDate: it has another date of birth.
    """
    if not is_same:
        raise WrongBirthDate


def check_second(check: IdentityCheck, actor: Actor, now: datetime) -> None:
    """Make sure that this administrator may approve of a check, or refuse it.

    Raises:
        CheckNotReady: nobody has to, or somebody did.
        CheckedByYou: it is their own.
        CheckedLongAgo: it is of no use any more.
    """
    if check.status is not CheckStatus.AWAITS_SECOND:
        raise CheckNotReady
    if check.checked_by == actor.person_id:
        raise CheckedByYou
    _check_age(check, now)


def check_usable(check: IdentityCheck, actor: Actor, now: datetime) -> None:
    """Make sure that a phone may be paired on the strength of a check.

    Raises:
        CheckNotReady: it waits for a second administrator, was refused, or a phone was paired.
        CheckedLongAgo: it is of no use any more.
        OtherOperator: another operator saw the person.
    """
    if check.status is not CheckStatus.READY:
        raise CheckNotReady(status=check.status)
    if check.checked_by != actor.person_id:
        raise OtherOperator
    _check_age(check, now)


def _check_age(check: IdentityCheck, now: datetime) -> None:
    if now >= check.made_at + CHECK_LIFETIME:
        raise CheckedLongAgo
