"""The rules of registering with a card."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairing_server.errors import TooManyRequests
from pairing_server.portal import registration as rules
from pairing_server.portal.birth_date import BirthDates
from pairing_server.registry.people import Person, PersonStatus
from pairing_server.uzi.certificate import Card

#: A machine that is busy is no failure.
never_late = settings(deadline=None)

BORN = date(1980, 1, 31)
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
BIRTHS = BirthDates(b"k" * 32)
PERSON = Person(
    id="p",
    uzi_number=CARD.uzi_number,
    first_names="Jan",
    last_name="Jansen",
    birth_digest=BIRTHS.digest("p", BORN),
    user_name="jan.jansen.900001234",
    status=PersonStatus.ACTIVE,
    created_at=datetime(2025, 1, 1, tzinfo=UTC),
)


def match(holder, *namesakes, born=BORN):
    return rules.match(holder, namesakes, BIRTHS, born)


def namesake(person_id, born=BORN):
    """Somebody of the card's name whom an operator registered, without a UZI number."""
    digest = None if born is None else BIRTHS.digest(person_id, born)
    return replace(PERSON, id=person_id, uzi_number=None, birth_digest=digest)


def test_five_attempts_and_no_more_are_counted():
    attempts = 0
    for _ in range(rules.WRONG_BIRTH_DATES):
        attempts = rules.count_attempt(attempts)

    assert attempts == 5
    with pytest.raises(TooManyRequests):
        rules.count_attempt(attempts)


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
