"""Rules of registration with a UZI-pas (ZORG-ID use case ZID-UC-EU-005)."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pairing_server.errors import Conflict, Refusal, TooManyRequests
from pairing_server.portal.birth_date import BirthDates
from pairing_server.registry.organisations import Organisation
from pairing_server.registry.people import Membership, Person
from pairing_server.uzi.certificate import Card
from pairing_server.uzi.session import Registration, holder_words

#: How many dates of birth that are not theirs one card may try in an hour.
WRONG_BIRTH_DATES = 5
#: How often in a day one card may say that the record it is shown is not its holder's.
DENIALS = 3


class Outcome(StrEnum):
    """Whether the person is known."""

    NEW = "new"
    EXISTING = "existing"


class UnknownOrganisation(Refusal):
    """The card's organisation is not registered; ZID-UC-EU-005 stops here.

    The member `contact` names whom to ask, where the operator has set one.
    """

    code = "unknown_organisation"
    status = 403
    description = (
        "Your organisation is not registered here yet. Ask who manages it to register it with "
        "their UZI card first."
    )


class DetailsDoNotMatch(Refusal):
    """Somebody is registered with this UZI number and other details."""

    code = "details_do_not_match"
    status = 422
    description = (
        "These details are not the ones we have. Check the date of birth you typed; if it is "
        "right, ask who manages the registrations in your organisation."
    )


class TooManyDates(TooManyRequests):
    """One card tried too many dates of birth that are not its holder's."""

    description = (
        "A date of birth that does not fit was given too often with this card. Wait an hour, then "
        "try again, or ask who manages the registrations in your organisation."
    )


class TooManyDenials(TooManyRequests):
    """One card said too often today that a record is not its holder's."""

    description = (
        "It was said too often today with this card that a registration is somebody else's. Ask "
        "who manages the registrations in your organisation to put this right."
    )


class SeveralRecords(Refusal):
    """More than one record has these details; which is theirs is for the organisation to say."""

    code = "several_records"
    status = 409
    description = (
        "More than one registration of your organisation has these details. Your organisation "
        "has been told: ask who manages it to put that right, then start again."
    )


class MembershipEnded(Refusal):
    """The organisation ended this person's membership, and a card does not undo that."""

    code = "membership_ended"
    status = 403
    description = (
        "Your organisation has ended your registration there. Ask who manages it if that is wrong."
    )


class RecordClosed(Refusal):
    """The record of the card's holder was closed, and a card does not undo that."""

    code = "record_closed"
    status = 403
    description = (
        "Your registration here has been closed. Ask who manages the registrations in your "
        "organisation if that is wrong."
    )


class ChangedMeanwhile(Conflict):
    """What is known of the person is not what it was when they began to register."""

    code = "changed_meanwhile"
    description = "Your registration was changed in the meantime: start again and look once more."


class NothingOffered(Conflict):
    """No known record was shown that could be somebody else's."""

    code = "nothing_offered"
    description = "You were not shown an existing registration, so there is nothing to deny."


class OrganisationExists(Conflict):
    """The organisation was registered before."""

    code = "organisation_exists"
    description = "This organisation is registered already: log in instead."


class NotForThisSession(Refusal):
    """The card was proved for another purpose."""

    code = "wrong_purpose"
    status = 403
    description = "Start again and choose what you want to do before you use your card."


class NotAnAdministrator(Refusal):
    """What an organisation is told is for those who manage it."""

    code = "not_an_administrator"
    status = 403
    description = "This is for the administrators of your organisation: ask one of them."


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Whom the person is asked to recognise: the record as it is known, or as it will be.

    Attributes:
        uzi_number: Absent where no card has been shown yet, and so is `role_code` where the person
            has no role in the card's organisation yet.
    """

    first_names: str
    last_name: str
    user_name: str
    uzi_number: str | None
    role_code: str | None
    organisation: str
    ura: str


def count_attempt(attempts: int) -> int:
    """Count a date of birth that is about to be compared.

    Raises:
        TooManyDates: there were too many wrong ones.
    """
    if attempts >= WRONG_BIRTH_DATES:
        raise TooManyDates
    return attempts + 1


def count_denial(denials: int) -> int:
    """Count that a record was said not to be the card holder's.

    Raises:
        TooManyDenials: the organisation has been told often enough.
    """
    check_denials(denials)
    return denials + 1


def check_denials(denials: int) -> None:
    """Make sure that a known record may still be shown.

    Raises:
        TooManyDenials: too many were denied.
    """
    if denials >= DENIALS:
        raise TooManyDenials


def match(
    holder: Person | None, namesakes: Sequence[Person], births: BirthDates, born: date
) -> Person | None:
    """Find the record of who registers; `None` when they are new.

    The UZI number comes first: it is bound to the natural person and outlives the card (CPS
    section 7.1.4).  It would also be the same on every card of somebody with these names and this
    date of birth, so a record with another number is another person's, and never among the
    namesakes.

    Args:
        holder: Who is registered under the card's UZI number.  Somebody who only registered their
            organisation has no date of birth yet.
        namesakes: Those of the card's organisation and names who have no UZI number.

    Raises:
        DetailsDoNotMatch: the holder's date of birth is another.
        SeveralRecords: two namesakes were born that day.
    """
    if holder is not None:
        if holder.birth_digest is not None and not births.is_of(holder, born):
            raise DetailsDoNotMatch
        return holder
    found = [person for person in namesakes if births.is_of(person, born)]
    if len(found) > 1:
        raise SeveralRecords
    return found[0] if found else None


def is_wrong(known: Person | None, namesakes: Sequence[Person]) -> bool:
    """Tell whether a date was compared that was not theirs, without any refusal saying so.

    Else who has the same name could try dates until a record of that name is offered.
    """
    return known is None and any(person.birth_digest is not None for person in namesakes)


def outcome(known: Person | None) -> Outcome:
    """Tell what a match comes to; who only registered their organisation is new."""
    return Outcome.NEW if known is None or known.birth_digest is None else Outcome.EXISTING


def check_unchanged(
    begun: Registration, holder: Person | None, namesakes: Sequence[Person]
) -> Person | None:
    """Return the record that a signed registration takes over; `None` for a new one.

    Raises:
        ChangedMeanwhile: it would not match as it did when the registration was begun.
        DetailsDoNotMatch: another date of birth was registered meanwhile.
    """
    if holder is not None:
        if holder.id != begun.person_id:
            raise ChangedMeanwhile("another record has the number")
        if holder.birth_digest not in (None, begun.birth_digest):
            raise DetailsDoNotMatch("meanwhile")
        return holder
    # A digest is of one person and one date: a new one is a record that was not compared.
    digests = {person.birth_digest for person in namesakes} - {None}
    if not digests <= {*begun.passed_over, begun.birth_digest}:
        raise ChangedMeanwhile("another namesake")
    if not begun.is_known:
        return None
    record = next((person for person in namesakes if person.id == begun.person_id), None)
    if record is None or record.birth_digest != begun.birth_digest:
        raise ChangedMeanwhile("the record is gone")
    return record


def check_membership(known: Membership | None, *, is_valid: bool) -> None:
    """Make sure that the organisation has not ended the membership.

    Raises:
        MembershipEnded: it has.
    """
    if known is not None and not is_valid:
        raise MembershipEnded


def shown(
    known: Person | None, membership: Membership | None, card: Card, organisation: Organisation
) -> Shown:
    """Return whom the person is asked to recognise."""
    if known is None:
        return Shown(
            first_names=card.first_names,
            last_name=card.last_name,
            user_name=user_name(card),
            uzi_number=card.uzi_number,
            role_code=card.role_code,
            organisation=organisation.name,
            ura=organisation.ura,
        )
    return Shown(
        first_names=known.first_names,
        last_name=known.last_name,
        user_name=known.user_name,
        uzi_number=known.uzi_number,
        role_code=None if membership is None else membership.role_code,
        organisation=organisation.name,
        ura=organisation.ura,
    )


def words(card: Card, organisation: Organisation, name: str) -> str:
    """Compose what a registration's statement says of whom it registers, and as which user."""
    return f"{holder_words(card)}bij {organisation.name} (URA {card.ura}), als gebruiker {name}"


def user_name(card: Card) -> str:
    """Compose the user name from first names, last name and UZI number (ZID-UC-EU-005)."""
    parts = [plain(card.first_names), plain(card.last_name), card.uzi_number]
    return ".".join(part for part in parts if part)


def plain(text: str) -> str:
    """Return a name as a user name has it: small letters and digits."""
    decomposed = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "", decomposed.lower())
