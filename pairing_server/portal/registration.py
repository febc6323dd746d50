"""Rules of registration with a UZI-pas (ZORG-ID use case ZID-UC-EU-005)."""

import re
import unicodedata
from datetime import date
from enum import StrEnum

from pairing_server.errors import Conflict, Refusal, TooManyRequests
from pairing_server.registry.people import Person
from pairing_server.uzi.certificate import Card

#: The youngest and the oldest that a person with a UZI card can plausibly be: against slips.
MIN_AGE_YEARS = 14
MAX_AGE_YEARS = 110
#: How many dates of birth that are not theirs one card may try in an hour.
WRONG_BIRTH_DATES = 5


class Outcome(StrEnum):
    """Whether the person is known."""

    NEW = "new"
    EXISTING = "existing"


class UnknownOrganisation(Refusal):
    """The card's organisation is not registered; ZID-UC-EU-005 stops here."""

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
    description = "These details are not the ones we have. Check the date of birth you typed."


class OrganisationExists(Conflict):
    """The organisation was registered before."""

    code = "organisation_exists"
    description = "This organisation is registered already: log in instead."


class NotForThisSession(Refusal):
    """The card was proved for another purpose."""

    code = "wrong_purpose"
    status = 403
    description = "Start again and choose what you want to do before you use your card."


def check_birth_date(value: date, today: date) -> bool:
    """Tell whether somebody who works can be born on that day."""
    return MIN_AGE_YEARS <= today.year - value.year <= MAX_AGE_YEARS


def count_attempt(attempts: int) -> int:
    """Count a date of birth that is about to be compared.

    Raises:
        TooManyRequests: there were too many wrong ones.
    """
    if attempts >= WRONG_BIRTH_DATES:
        raise TooManyRequests("birth dates")
    return attempts + 1


def match(known: Person | None, card: Card, date_of_birth: date) -> Outcome:
    """Compare a card and a date of birth with who is registered under the UZI number.

    Somebody who only registered their organisation has no date of birth yet and is new.

    Raises:
        DetailsDoNotMatch: the date of birth is another.
    """
    if known is None or known.date_of_birth is None:
        return Outcome.NEW
    if known.uzi_number != card.uzi_number or known.date_of_birth != date_of_birth:
        raise DetailsDoNotMatch
    return Outcome.EXISTING


def user_name(card: Card) -> str:
    """Compose the user name from first names, last name and UZI number (ZID-UC-EU-005)."""
    words = [_plain(card.first_names), _plain(card.last_name), card.uzi_number]
    return ".".join(word for word in words if word)


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "", decomposed.lower())
