"""Rules of what is typed of a person: each field, and what to do where it is not right."""

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from pairing_server.languages import N_
from pairing_server.portal.birth_date import is_plausible
from pairing_server.registry.mail_outbox import is_address
from pairing_server.registry.people import MembershipKind
from pairing_server.uzi.roles import NO_SPECIALISM

#: As long as the name on a card.
MAX_NAME = 100
MAX_ROLES = 8
#: A guest is one for a time; a longer one is agreed on again.
GUEST_AT_MOST = timedelta(days=2 * 366)

_UZI_NUMBER = re.compile(r"[0-9]{9}", re.ASCII)
_ROLE_CODE = re.compile(r"[0-9]{2}\.[0-9]{3}", re.ASCII)
_SHORT_ROLE_CODE = re.compile(r"[0-9]{2}", re.ASCII)
_ISO = re.compile(r"(?P<y>[0-9]{4})-(?P<m>[0-9]{1,2})-(?P<d>[0-9]{1,2})", re.ASCII)
_DUTCH = re.compile(r"(?P<d>[0-9]{1,2})[-/.](?P<m>[0-9]{1,2})[-/.](?P<y>[0-9]{4})", re.ASCII)
_KINDS = {
    "": MembershipKind.EMPLOYEE,
    "employee": MembershipKind.EMPLOYEE,
    "medewerker": MembershipKind.EMPLOYEE,
    "guest": MembershipKind.GUEST,
    "gast": MembershipKind.GUEST,
}


class FieldError(ValueError):
    """A field is not right.

    Attributes:
        field: Its name, as the column of a list has it.
        message: What is wrong and what to do, in English; never what was typed.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field)
        self.field = field
        self.message = message


def read_name(field: str, text: str) -> str:
    """Return a name as it is kept.

    Raises:
        FieldError: it is empty, too long, or holds what cannot be seen.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise FieldError(field, N_("Fill in the name as it stands on the identity document."))
    if len(name) > MAX_NAME:
        raise FieldError(field, N_("This name is longer than 100 characters: shorten it."))
    # Control, format (bidirectional ones among them), surrogate, private and unassigned.
    if any(unicodedata.category(each).startswith("C") for each in name):
        raise FieldError(
            field, N_("This name holds a character that cannot be seen: type it anew.")
        )
    if not any(each.isalpha() for each in name):
        raise FieldError(field, N_("There is no letter in this name: check the column or field."))
    return name


def read_uzi_number(text: str) -> str:
    """Return a UZI number.

    Raises:
        FieldError: it does not have nine digits.
    """
    number = re.sub(r"[\s.]", "", text)
    if not _UZI_NUMBER.fullmatch(number):
        raise FieldError("uzi_number", N_("A UZI number has 9 digits: it stands on the card."))
    return number


def read_address(text: str) -> str | None:
    """Return where to mail somebody; `None` where nothing was written.

    Raises:
        FieldError: mail cannot be sent there.
    """
    address = text.strip()
    if address and not is_address(address):
        raise FieldError(
            "address", N_("Write one e-mail address, like a.deboer@example.nl, and nothing else.")
        )
    return address or None


def read_role_codes(text: str) -> tuple[str, ...]:
    """Return role codes that stand beside each other, with a comma or a space between them.

    Raises:
        FieldError: there is none, one twice, too many, or one is not of the form.
    """
    codes = tuple(_role_code(each) for each in re.split(r"[\s,]+", text.strip()) if each)
    if not codes:
        raise FieldError("role_codes", N_("Fill in at least one role code, like 01.015."))
    if len(set(codes)) < len(codes):
        raise FieldError("role_codes", N_("One role code stands here twice: remove one."))
    if len(codes) > MAX_ROLES:
        raise FieldError("role_codes", N_("At most 8 roles fit: remove some."))
    return codes


def read_kind(text: str) -> MembershipKind:
    """Return how the person works here.

    Raises:
        FieldError: it is neither word.
    """
    kind = _KINDS.get(text.strip().casefold())
    if kind is None:
        raise FieldError("kind", N_("Write employee or guest."))
    return kind


def read_date(field: str, text: str) -> date:
    """Return a day, written 2026-12-31 or 31-12-2026.

    Raises:
        FieldError: it is none.
    """
    found = _ISO.fullmatch(text.strip()) or _DUTCH.fullmatch(text.strip())
    if found is None:
        raise FieldError(field, N_("Write the date as 2026-12-31 or 31-12-2026."))
    try:
        return date(int(found["y"]), int(found["m"]), int(found["d"]))
    except ValueError as error:
        raise FieldError(field, N_("That day is not in the calendar: check it.")) from error


def read_birth_date(text: str, today: date) -> date:
    """Return a date of birth.

    Raises:
        FieldError: it is no day, or nobody who works was born then.
    """
    born = read_date("date_of_birth", text)
    if not is_plausible(born, today):
        raise FieldError("date_of_birth", N_("Check the year of the date of birth."))
    return born


def read_last_day(text: str, kind: MembershipKind, now: datetime) -> datetime | None:
    """Return when a membership is over whose last day was written; `None` where none was.

    Raises:
        FieldError: it is no day, is over, or a guest has none or one that is too far away.
    """
    if not text.strip():
        if kind is MembershipKind.GUEST:
            raise FieldError("valid_until", N_("A guest needs a last day: fill it in."))
        return None
    until = end_of(read_date("valid_until", text))
    if until <= now:
        raise FieldError("valid_until", N_("That day is over: to end it now, unlink the person."))
    if kind is MembershipKind.GUEST and until > now + GUEST_AT_MOST:
        raise FieldError(
            "valid_until", N_("A guest stays two years at most: choose an earlier day.")
        )
    return until


def end_of(day: date) -> datetime:
    """Return the moment at which a day is over in the Netherlands, in UTC."""
    midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=_netherlands())
    return midnight.astimezone(UTC)


def last_day(until: datetime) -> date:
    """Return the last day of what is over at that moment, in the Netherlands."""
    return (until - timedelta(milliseconds=1)).astimezone(_netherlands()).date()


@lru_cache(maxsize=1)
def _netherlands() -> ZoneInfo:
    return ZoneInfo("Europe/Amsterdam")


def _role_code(text: str) -> str:
    if _SHORT_ROLE_CODE.fullmatch(text):
        return f"{text}.{NO_SPECIALISM}"
    if not _ROLE_CODE.fullmatch(text):
        raise FieldError("role_codes", N_("A role code is like 01.015: two digits, a dot, three."))
    return text
