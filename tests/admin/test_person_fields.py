"""What is typed of a person."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.person_fields import (
    FieldError,
    end_of,
    last_day,
    read_birth_date,
    read_date,
    read_kind,
    read_last_day,
    read_name,
    read_role_codes,
    read_uzi_number,
)
from pairing_server.registry.people import MembershipKind

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
EMPLOYEE, GUEST = MembershipKind.EMPLOYEE, MembershipKind.GUEST


def wrong(read, *values):
    with pytest.raises(FieldError) as caught:
        read(*values)
    assert caught.value.message.endswith(".")
    return caught.value.field


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Anne  Marie ", "Anne Marie"),
        ("O\u2019Neill", "O\u2019Neill"),
        ("Zoe\u0308", "Zo\u00eb"),
    ],
)
def test_a_name_is_kept_as_it_is_written(typed, kept):
    assert read_name("first_names", typed) == kept


@pytest.mark.parametrize(
    "typed",
    ["", "  ", "x" * 101, "An\x00ne", "An\u202ene", "An\u200bne", "123", "-", "\ud800a"],
)
def test_what_is_no_name_is_refused(typed):
    assert wrong(read_name, "last_name", typed) == "last_name"


@pytest.mark.parametrize("typed", ["900001234", " 900 001 234 ", "900.001.234"])
def test_a_uzi_number_is_nine_digits(typed):
    assert read_uzi_number(typed) == "900001234"


@pytest.mark.parametrize("typed", ["", "90000123", "9000012345", "90000123a", "\u0669" * 9])
def test_what_is_no_uzi_number_is_refused(typed):
    assert wrong(read_uzi_number, typed) == "uzi_number"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("01.015", ("01.015",)),
        (" 01.015, 01.016 ", ("01.015", "01.016")),
        ("30 01.015", ("30.000", "01.015")),
    ],
)
def test_role_codes_stand_beside_each_other(typed, read):
    assert read_role_codes(typed) == read


@pytest.mark.parametrize(
    "typed",
    [
        "",
        ",",
        "1.15",
        "01.15",
        "01-015",
        "01.015 01.015",
        "01.000,01",
        " ".join(f"01.0{n}" for n in range(10, 19)),
    ],
)
def test_what_are_no_role_codes_is_refused(typed):
    assert wrong(read_role_codes, typed) == "role_codes"


@pytest.mark.parametrize(
    ("typed", "kind"),
    [("", EMPLOYEE), ("Medewerker", EMPLOYEE), ("guest", GUEST), (" Gast", GUEST)],
)
def test_a_kind_is_read_in_both_languages(typed, kind):
    assert read_kind(typed) is kind


def test_another_kind_is_refused():
    assert wrong(read_kind, "boss") == "kind"


@pytest.mark.parametrize("typed", ["2026-12-31", "31-12-2026", "31/12/2026", " 31.12.2026 "])
def test_a_day_is_written_as_people_here_do(typed):
    assert read_date("valid_until", typed) == date(2026, 12, 31)


@pytest.mark.parametrize(
    "typed", ["", "31-12-26", "12/31/2026", "2026-02-30", "tomorrow", "2026-12"]
)
def test_what_is_no_day_is_refused(typed):
    assert wrong(read_date, "valid_until", typed) == "valid_until"


def test_a_date_of_birth_is_of_somebody_who_can_work():
    assert read_birth_date("31-01-1980", NOW.date()) == date(1980, 1, 31)
    assert wrong(read_birth_date, "2020-01-31", NOW.date()) == "date_of_birth"
    assert wrong(read_birth_date, "1880-01-31", NOW.date()) == "date_of_birth"


def test_a_last_day_is_over_at_midnight_here():
    assert read_last_day("2026-12-31", EMPLOYEE, NOW) == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert read_last_day("2027-07-01", EMPLOYEE, NOW) == datetime(2027, 7, 1, 22, tzinfo=UTC)
    assert read_last_day("2026-11-26", EMPLOYEE, NOW) == datetime(2026, 11, 26, 23, tzinfo=UTC)


def test_an_employee_needs_no_last_day_and_a_guest_does():
    assert read_last_day(" ", EMPLOYEE, NOW) is None
    assert wrong(read_last_day, "", GUEST, NOW) == "valid_until"


@pytest.mark.parametrize("typed", ["2026-11-25", "2000-01-01"])
def test_a_last_day_that_is_over_is_refused(typed):
    assert wrong(read_last_day, typed, EMPLOYEE, NOW) == "valid_until"


def test_a_guest_stays_two_years_at_most():
    assert read_last_day("2028-11-26", GUEST, NOW)
    assert wrong(read_last_day, "2028-12-01", GUEST, NOW) == "valid_until"
    assert read_last_day("2038-12-01", EMPLOYEE, NOW)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_the_last_day_of_what_is_over_at_its_end_is_that_day(day):
    assert last_day(end_of(day)) == day
    assert last_day(end_of(day) - timedelta(hours=1)) == day
    assert last_day(end_of(day) + timedelta(hours=1)) == day + timedelta(days=1)


def messages(text):
    for read in (
        lambda: read_name("first_names", text),
        lambda: read_uzi_number(text),
        lambda: read_role_codes(text),
        lambda: read_kind(text),
        lambda: read_last_day(text, EMPLOYEE, NOW),
        lambda: read_birth_date(text, NOW.date()),
    ):
        try:
            read()
        except FieldError as error:
            yield error.message


@given(st.text("0123456789-. abcXYZ\u202e\x00", min_size=12, max_size=30))
def test_whatever_is_typed_is_read_or_refused_and_never_repeated(text):
    assert [
        message for message in messages(text) if text.strip() and text.strip() in message
    ] == []
