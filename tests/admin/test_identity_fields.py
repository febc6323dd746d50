"""What is written of an identity document."""

from datetime import date, timedelta

import pytest
from babel.core import get_global
from hypothesis import given
from hypothesis import strategies as st

from admin.identity_fields import COUNTRIES, Document, check_no_bsn, holds_bsn, read_document
from admin.person_fields import FieldError
from pairing_server.registry.identity_checks import DocumentKind

TODAY = date(2026, 11, 26)
#: Made for tests by the tax office: they pass the "elfproef" and are nobody's.
BSN = "999993653"


def read(kind="passport", ending="ab12", country="nld", checked_on="26-11-2026"):
    form = {
        "document_kind": kind,
        "document_ending": ending,
        "document_country": country,
        "checked_on": checked_on,
    }
    return read_document(form, TODAY)


def wrong(**typed):
    with pytest.raises(FieldError) as caught:
        read(**typed)
    return caught.value.field


@pytest.mark.parametrize("kind", DocumentKind)
def test_a_document_is_kind_ending_country_and_day(kind):
    assert read(kind=kind.value) == Document(
        kind=kind, ending="AB12", country="NLD", checked_on=TODAY
    )


@pytest.mark.parametrize("kind", ["", "library_card", "PASSPORT"])
def test_another_document_is_none(kind):
    assert wrong(kind=kind) == "document_kind"


@pytest.mark.parametrize("ending", ["", "123", "12345", "SPECI2014", "AB-1", "\u0661234"])
def test_four_characters_are_written_and_no_more(ending):
    assert wrong(ending=ending) == "document_ending"


@pytest.mark.parametrize("country", ["", "NL", "Nederland", "ZZZ"])
def test_a_country_has_three_letters(country):
    assert wrong(country=country) == "document_country"


@pytest.mark.parametrize("day", ["27-11-2026", "18-11-2026", "", "gisteren"])
def test_the_document_was_looked_at_lately(day):
    assert wrong(checked_on=day) == "checked_on"
    assert read(checked_on="2026-11-19").checked_on == TODAY - timedelta(days=7)


@pytest.mark.parametrize("text", [BSN, f"nr {BSN}", "999 993 653", "9999.93.653", "999-993-653"])
def test_a_bsn_is_refused_wherever_it_is_written(text):
    with pytest.raises(FieldError) as caught:
        check_no_bsn(first_names="Anne", document_ending=text)

    assert caught.value.field == "document_ending"
    assert BSN not in caught.value.message
    with pytest.raises(FieldError, match="document_ending") as also:
        read(ending=text)
    assert "BSN" in also.value.message


@pytest.mark.parametrize("text", ["999993654", "9999936530", "000000000", "99999365", "Anne"])
def test_what_is_no_bsn_is_none(text):
    assert not holds_bsn(text)


@given(st.integers(1, 99_999_999))
def test_of_the_ten_last_digits_at_most_one_makes_a_bsn(start):
    made = [holds_bsn(f"{start:08}{last}") for last in range(10)]

    assert made.count(True) == (0 if _remainder(start) == 10 else 1)


def _remainder(start):
    weighed = zip((9, 8, 7, 6, 5, 4, 3, 2), f"{start:08}", strict=True)
    return sum(weight * int(digit) for weight, digit in weighed) % 11


def test_countries_are_those_of_the_standard():
    known = {code for code in get_global("territory_aliases") if len(code) == 3}

    assert {code for code in COUNTRIES if not code.startswith("XX")} <= known
    assert len(COUNTRIES) == 249 + 4
