"""What is typed as a date of birth."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.pages.birth_date_form import read_birth_date, with_error


def fields(day="", month="", year=""):
    return {"day": day, "month": month, "year": year}


@given(st.dates(min_value=date(1000, 1, 1)))
def test_every_date_is_read_with_and_without_zeros(born):
    padded = fields(f"{born.day:02}", f"{born.month:02}", f"{born.year:04}")

    assert read_birth_date(padded).born == born
    assert read_birth_date(fields(str(born.day), str(born.month), str(born.year))).born == born


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(fields(), st.text(max_size=12))))
def test_whatever_is_typed_is_a_date_or_says_what_is_wrong(form):
    read = read_birth_date(form)

    assert (read.born is None) == bool(read.error)
    assert bool(read.wrong) == bool(read.error)


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        (fields(), ["day", "month", "year"]),
        (fields("31", "", "1980"), ["month"]),
        (fields("31", " ", "1980"), ["month"]),
        (fields("32", "1", "1980"), ["day"]),
        (fields("0", "13", "1980"), ["day", "month"]),
        (fields("1", "1", "80"), ["year"]),
        (fields("1", "1", "01980"), ["year"]),
        (fields("-1", "1", "1980"), ["day"]),
        (fields("1.", "1", "1980"), ["day"]),
        (fields("\u0661", "1", "1980"), ["day"]),
        (fields("31", "2", "1980"), ["day", "month"]),
        (fields("29", "2", "1981"), ["day", "month"]),
        (fields("1", "1", "0000"), ["day", "month"]),
    ],
    ids=str,
)
def test_the_fields_that_are_wrong_are_named(typed, wrong):
    read = read_birth_date(typed)

    assert (read.born, read.wrong) == (None, set(wrong))
    assert read.error


def test_what_was_typed_is_shown_again_but_no_more_than_fits():
    read = read_birth_date(fields(" 31 ", "x" * 1000, "1980"))

    assert (read.day, read.month, read.year) == ("31", "x" * 10, "1980")


def test_a_date_that_the_server_refuses_is_shown_with_the_reason():
    refused = with_error(read_birth_date(fields("31", "1", "1980")), "Other date.")

    assert (refused.error, refused.born) == ("Other date.", None)
    assert refused.wrong == {"day", "month", "year"}
