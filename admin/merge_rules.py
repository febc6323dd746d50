"""Rules of making one record of two of the same person."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from admin.people_refusals import NotMerged
from pairing_server.languages import N_
from pairing_server.portal.birth_date import BirthDates
from pairing_server.registry.members import Member
from pairing_server.registry.people import Membership, Person


def check_mergeable(kept: Member, absorbed: Member, elsewhere: Sequence[Membership]) -> None:
    """Make sure that the organisation may make one of them.

    Args:
        elsewhere: What the absorbed one is, or was, at other organisations.

    Raises:
        NotMerged: they have two UZI numbers, the one with a number would go, or the record is
            another organisation's too.
    """
    if kept.person.id == absorbed.person.id:
        raise NotMerged(N_("This is one record: choose another one to merge with it."))
    if absorbed.person.uzi_number is not None:
        if kept.person.uzi_number is not None:
            raise NotMerged(
                N_(
                    "These records have two UZI numbers, so they are two people: unlink the one "
                    "who does not work here."
                )
            )
        raise NotMerged(
            N_("Keep the record with the UZI number, and merge the other one into it.")
        )
    if elsewhere:
        # What another organisation knows of them is not this one's to give away.
        raise NotMerged(
            N_(
                "The record to be merged belongs to another organisation too: let the person "
                "register with their card, or unlink that record."
            )
        )


def check_same_birth(one: Person, other: Person, births: BirthDates, born: date) -> None:
    """Make sure that both were born on the day that was read from an identity document.

    Raises:
        NotMerged: one was not, or of neither it is known.
    """
    known = [person for person in (one, other) if person.birth_digest is not None]
    if not known:
        raise NotMerged(
            N_(
                "Of neither record the date of birth is known: let the person register with their "
                "card."
            )
        )
    if not all(births.is_of(person, born) for person in known):
        raise NotMerged(
            N_(
                "This is not the date of birth of both records: check it on the identity "
                "document. If it is right, they are two people."
            )
        )


def merged(kept: Membership, absorbed: Membership, now: datetime) -> Membership:
    """Return the membership of the record that stays: it keeps its role in the administration."""
    if kept.is_valid(now) or not absorbed.is_valid(now):
        return kept
    return replace(kept, kind=absorbed.kind, valid_until=absorbed.valid_until)
