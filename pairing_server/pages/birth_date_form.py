"""The three fields of a date of birth, and what is wrong with what was typed into them.

Three fields and no calendar: a date that one knows by heart is quicker to type than to look up,
and a screen reader says of each field what belongs there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from pairing_server.languages import N_

_NUMBER = re.compile(r"[0-9]{1,4}", re.ASCII)
_YEAR = re.compile(r"[0-9]{4}", re.ASCII)
_MONTHS = 12
_DAYS = 31


@dataclass(frozen=True, slots=True)
class BirthDateForm:
    """What was typed, to be shown again.

    Attributes:
        error: What is wrong, as a message; empty when nothing is.
        wrong: The fields that it is about.
        born: The date, when nothing is wrong.
    """

    day: str = ""
    month: str = ""
    year: str = ""
    error: str = ""
    wrong: frozenset[str] = field(default_factory=frozenset)
    born: date | None = None


def read_birth_date(form: Mapping[str, str]) -> BirthDateForm:
    """Read the three fields."""
    day, month, year = (form.get(name, "").strip()[:10] for name in ("day", "month", "year"))
    missing = frozenset(
        name for name, value in (("day", day), ("month", month), ("year", year)) if not value
    )
    if missing:
        return BirthDateForm(day, month, year, N_("Fill in day, month and year."), missing)
    strange = frozenset(
        name
        for name, is_right in (
            ("day", _is_from_one_to(_DAYS, day)),
            ("month", _is_from_one_to(_MONTHS, month)),
            ("year", _YEAR.fullmatch(year) is not None),
        )
        if not is_right
    )
    if strange:
        error = N_("Fill in numbers: the day as 31, the month as 12, the year as 1980.")
        return BirthDateForm(day, month, year, error, strange)
    try:
        born = date(int(year), int(month), int(day))
    except ValueError:
        error = N_("That day is not in the calendar: check day and month.")
        return BirthDateForm(day, month, year, error, frozenset({"day", "month"}))
    return BirthDateForm(day, month, year, born=born)


def with_error(form: BirthDateForm, error: str) -> BirthDateForm:
    """Return the form with what the server found wrong with a date that is one."""
    return BirthDateForm(
        form.day, form.month, form.year, error, frozenset({"day", "month", "year"})
    )


def _is_from_one_to(most: int, text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None and 1 <= int(text) <= most
