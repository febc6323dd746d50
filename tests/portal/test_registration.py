"""The rules of registering with a card."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairing_server.errors import TooManyRequests
from pairing_server.portal import registration as rules
from pairing_server.portal.registration import DetailsDoNotMatch, Outcome
from pairing_server.registry.people import Person, PersonStatus
from pairing_server.uzi.certificate import Card

#: A machine that is busy is no failure.
never_late = settings(deadline=None)

BORN = date(1980, 1, 31)
TODAY = date(2026, 1, 5)
CARD = Card(
    uzi_number="900001234",
    card_type="Z",
    ura="90000382",
    role_code="01.015",
    agb_code="00000000",
    oid_ca="2.16.528.1.1007.99.217",
    first_names="Jan",
    last_name="Jansen",
    title=None,
    organisation_name="Zorg",
    not_valid_after=datetime(2028, 1, 1, tzinfo=UTC),
    serial_number="1f",
)
PERSON = Person(
    id="p",
    uzi_number=CARD.uzi_number,
    first_names="Jan",
    last_name="Jansen",
    date_of_birth=BORN,
    user_name="jan.jansen.900001234",
    status=PersonStatus.ACTIVE,
    created_at=datetime(2025, 1, 1, tzinfo=UTC),
)


def test_nobody_by_that_number_is_new():
    assert rules.match(None, CARD, BORN) is Outcome.NEW


def test_who_registered_an_organisation_only_is_new():
    assert rules.match(replace(PERSON, date_of_birth=None), CARD, BORN) is Outcome.NEW


def test_the_same_number_and_date_of_birth_is_the_same_person():
    assert rules.match(PERSON, CARD, BORN) is Outcome.EXISTING


def test_a_married_name_does_not_make_another_person():
    assert rules.match(PERSON, replace(CARD, last_name="De Vries"), BORN) is Outcome.EXISTING


@pytest.mark.parametrize(
    ("card", "born"),
    [(CARD, date(1980, 1, 30)), (replace(CARD, uzi_number="900005678"), BORN)],
    ids=["date of birth", "number"],
)
def test_another_date_of_birth_or_number_does_not_match(card, born):
    with pytest.raises(DetailsDoNotMatch):
        rules.match(PERSON, card, born)


def test_five_attempts_and_no_more_are_counted():
    attempts = 0
    for _ in range(rules.WRONG_BIRTH_DATES):
        attempts = rules.count_attempt(attempts)

    assert attempts == 5
    with pytest.raises(TooManyRequests):
        rules.count_attempt(attempts)


@pytest.mark.parametrize(("year", "plausible"), [(1916, True), (1915, False), (2012, True)])
def test_a_slip_in_the_year_is_noticed(year, plausible):
    assert rules.check_birth_date(date(year, 6, 1), TODAY) is plausible


@pytest.mark.parametrize("year", [2013, 2026, 2027, 9999, 1])
def test_a_year_that_cannot_be_is_noticed(year):
    assert not rules.check_birth_date(date(year, 6, 1), TODAY)


@pytest.mark.parametrize(
    ("first_names", "last_name", "user_name"),
    [
        ("Jan", "Jansen", "jan.jansen.900001234"),
        ("Anna-Maria", "van 't Hof", "annamaria.vanthof.900001234"),
        ("Zoë", "Müller", "zoe.muller.900001234"),
        ("Юлия", "王", "900001234"),
        ("A.", "B@C.nl", "a.bcnl.900001234"),
    ],
)
def test_a_user_name_is_of_plain_letters(first_names, last_name, user_name):
    card = replace(CARD, first_names=first_names, last_name=last_name)

    assert rules.user_name(card) == user_name


@never_late
@given(
    first_names=st.text(), last_name=st.text(), number=st.from_regex(r"[0-9]{9}", fullmatch=True)
)
def test_a_user_name_is_one_word_that_names_one_person(first_names, last_name, number):
    card = replace(CARD, first_names=first_names, last_name=last_name, uzi_number=number)

    name = rules.user_name(card)

    assert re.fullmatch(r"(?:[a-z0-9]+\.){0,2}[0-9]{9}", name, re.ASCII)
    assert name.endswith(number)
