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
from pairing_server.portal.registration import (
    ChangedMeanwhile,
    DetailsDoNotMatch,
    MembershipEnded,
    Outcome,
    SeveralRecords,
    Shown,
)
from pairing_server.registry.organisations import Organisation, OrganisationStatus
from pairing_server.registry.people import Membership, MembershipKind, Person, PersonStatus
from pairing_server.uzi.certificate import Card
from pairing_server.uzi.session import Registration

#: A machine that is busy is no failure.
never_late = settings(deadline=None)

BORN = date(1980, 1, 31)
OTHER = date(1980, 1, 30)
NOW = datetime(2025, 1, 1, tzinfo=UTC)
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
    created_at=NOW,
)
ORGANISATION = Organisation(
    ura=CARD.ura, name="Praktijk", status=OrganisationStatus.ACTIVE, registered_at=NOW
)
MEMBERSHIP = Membership(
    person_id="q",
    ura=CARD.ura,
    role_code="00.000",
    kind=MembershipKind.EMPLOYEE,
    administrative_role=None,
    valid_until=None,
    created_at=NOW,
)


def match(holder, *namesakes, born=BORN):
    return rules.match(holder, namesakes, BIRTHS, born)


def namesake(person_id, born=BORN):
    """Somebody of the card's name whom an operator registered, without a UZI number."""
    digest = None if born is None else BIRTHS.digest(person_id, born)
    return replace(PERSON, id=person_id, uzi_number=None, birth_digest=digest)


def test_nobody_by_that_number_or_name_is_new():
    known = match(None)

    assert (known, rules.outcome(known)) == (None, Outcome.NEW)


def test_who_registered_an_organisation_only_is_known_and_new():
    known = match(replace(PERSON, birth_digest=None))

    assert (known.id, rules.outcome(known)) == ("p", Outcome.NEW)


def test_the_same_number_and_date_of_birth_is_the_same_person():
    assert match(PERSON) == PERSON
    assert rules.outcome(PERSON) is Outcome.EXISTING


def test_a_holder_comes_before_any_namesake():
    assert match(PERSON, namesake("q")) == PERSON


def test_another_date_of_birth_than_the_holders_does_not_match():
    with pytest.raises(DetailsDoNotMatch):
        match(PERSON, namesake("q", OTHER), born=OTHER)


def test_a_namesake_of_that_date_of_birth_is_the_same_person():
    known = match(None, namesake("q", OTHER), namesake("r"), namesake("s", None))

    assert known.id == "r"
    assert rules.outcome(known) is Outcome.EXISTING


def test_a_namesake_of_another_date_of_birth_or_none_is_another_person():
    assert match(None, namesake("q", OTHER), namesake("r", None)) is None


def test_of_two_who_match_none_is_guessed():
    with pytest.raises(SeveralRecords):
        match(None, namesake("q"), namesake("r"))


@pytest.mark.parametrize(
    ("known", "others", "wrong"),
    [
        (None, [], False),
        (None, [namesake("q", None)], False),
        (None, [namesake("q", OTHER)], True),
        (namesake("q"), [namesake("q"), namesake("r", OTHER)], False),
    ],
    ids=["nobody", "no date known", "another date", "matched"],
)
def test_a_date_that_is_not_the_namesakes_counts_as_wrong(known, others, wrong):
    assert rules.is_wrong(known, others) is wrong


def begun(person=None, *passed_over):
    person_id = "drawn" if person is None else person.id
    return Registration(
        uzi_number=CARD.uzi_number,
        ura=CARD.ura,
        person_id=person_id,
        is_known=person is not None,
        birth_digest=BIRTHS.digest(person_id, BORN),
        passed_over=tuple(one.birth_digest for one in passed_over),
    )


@pytest.mark.parametrize(
    ("begun", "holder", "namesakes", "known"),
    [
        (begun(), None, [], None),
        (begun(None, namesake("q", OTHER)), None, [namesake("q", OTHER)], None),
        (begun(None, namesake("q", OTHER)), None, [], None),
        (begun(), None, [namesake("q", None)], None),
        (begun(PERSON), PERSON, [], PERSON),
        (
            begun(PERSON),
            replace(PERSON, birth_digest=None),
            [],
            replace(PERSON, birth_digest=None),
        ),
        (begun(namesake("q")), None, [namesake("q")], namesake("q")),
        (begun(namesake("q")), replace(namesake("q"), uzi_number="900001234"), [], None),
    ],
    ids=[
        "new",
        "new beside a namesake",
        "the namesake left",
        "a namesake without a date came",
        "holder",
        "holder without a date",
        "namesake",
        "signed twice",
    ],
)
def test_what_is_as_it_was_is_taken_over(begun, holder, namesakes, known):
    assert rules.check_unchanged(begun, holder, namesakes) == (known or holder)


@pytest.mark.parametrize(
    ("begun", "holder", "namesakes"),
    [
        (begun(), PERSON, []),
        (begun(namesake("q")), PERSON, []),
        (begun(), None, [namesake("q", OTHER)]),
        (begun(), None, [namesake("q")]),
        (begun(namesake("q")), None, []),
        (begun(namesake("q")), None, [namesake("q"), namesake("r", OTHER)]),
        (begun(namesake("q")), None, [namesake("q", OTHER)]),
        (begun(namesake("q")), None, [namesake("q", None)]),
        (begun(PERSON), None, []),
    ],
    ids=[
        "made by another",
        "another has the number",
        "a namesake came",
        "a match came",
        "taken, closed or unlinked",
        "a second namesake came",
        "the date was changed",
        "the date was removed",
        "the holder is gone",
    ],
)
def test_what_changed_meanwhile_is_not_taken_over(begun, holder, namesakes):
    with pytest.raises(ChangedMeanwhile):
        rules.check_unchanged(begun, holder, namesakes)


def test_a_holder_who_gave_another_date_meanwhile_does_not_match():
    other = replace(PERSON, birth_digest=BIRTHS.digest("p", OTHER))

    with pytest.raises(DetailsDoNotMatch):
        rules.check_unchanged(begun(PERSON), other, [])


def test_three_records_and_no_more_are_denied():
    denials = 0
    for _ in range(rules.DENIALS):
        rules.check_denials(denials)
        denials = rules.count_denial(denials)

    assert denials == 3
    with pytest.raises(TooManyRequests):
        rules.check_denials(denials)
    with pytest.raises(TooManyRequests):
        rules.count_denial(denials)


def test_an_existing_person_is_shown_as_known_and_a_new_one_as_on_the_card():
    known = replace(namesake("q"), first_names="J.", user_name="jj")

    assert rules.shown(known, MEMBERSHIP, CARD, ORGANISATION) == Shown(
        first_names="J.",
        last_name="Jansen",
        user_name="jj",
        uzi_number=None,
        role_code="00.000",
        organisation="Praktijk",
        ura=CARD.ura,
    )
    assert rules.shown(known, None, CARD, ORGANISATION).role_code is None
    assert rules.shown(None, None, CARD, ORGANISATION) == Shown(
        first_names="Jan",
        last_name="Jansen",
        user_name="jan.jansen.900001234",
        uzi_number=CARD.uzi_number,
        role_code=CARD.role_code,
        organisation="Praktijk",
        ura=CARD.ura,
    )


def test_a_membership_that_was_ended_stays_ended():
    rules.check_membership(None, is_valid=False)
    rules.check_membership(MEMBERSHIP, is_valid=True)
    with pytest.raises(MembershipEnded):
        rules.check_membership(MEMBERSHIP, is_valid=False)


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
