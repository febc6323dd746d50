"""Dates of birth, and what is kept of them."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.portal.birth_date import BirthDates, is_plausible
from pairing_server.registry.people import Person, PersonStatus

BORN = date(1980, 1, 31)
TODAY = date(2026, 1, 5)
BIRTHS = BirthDates(b"k" * 32)
PERSON = Person(
    id="person-1",
    uzi_number=None,
    first_names="Jan",
    last_name="Jansen",
    birth_digest=BIRTHS.digest("person-1", BORN),
    user_name="jan",
    status=PersonStatus.ACTIVE,
    created_at=datetime(2025, 1, 1, tzinfo=UTC),
)


@given(born=st.dates(date(1910, 1, 1), date(2012, 12, 31)))
def test_a_person_is_of_one_date_alone(born):
    assert BIRTHS.is_of(PERSON, born) is (born == BORN)


def test_nobody_whose_date_is_not_known_was_born_that_day():
    assert not BIRTHS.is_of(replace(PERSON, birth_digest=None), BORN)


def test_another_persons_digest_of_the_same_date_is_another():
    assert BIRTHS.digest("person-2", BORN) != PERSON.birth_digest
    assert not BIRTHS.is_of(replace(PERSON, id="person-2"), BORN)


def test_without_the_key_a_digest_says_nothing():
    """Whoever holds the database can try all 40,000 dates, with every key but this one."""
    assert not BirthDates(b"K" * 32).is_of(PERSON, BORN)


def test_a_digest_is_the_hmac_that_the_documents_say():
    assert PERSON.birth_digest == "8Bn6NQS4EojV4N19XAD8i0yYV7OC9SrcDKjoTuERpOc"


@pytest.mark.parametrize(("year", "plausible"), [(1916, True), (1915, False), (2012, True)])
def test_a_slip_in_the_year_is_noticed(year, plausible):
    assert is_plausible(date(year, 6, 1), TODAY) is plausible


@pytest.mark.parametrize("year", [2013, 2026, 2027, 9999, 1])
def test_a_year_that_cannot_be_is_noticed(year):
    assert not is_plausible(date(year, 6, 1), TODAY)
