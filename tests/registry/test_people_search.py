"""People are found by parts of what they are called, in pages that follow each other."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pairing_server.registry import credentials, organisations, people, people_search
from pairing_server.registry.people_search import find
from tests.plans import plan, read_whole, sorts
from tests.registry.people import CREDENTIAL, MEMBERSHIP, NOW, ORGANISATION, PERSON

URA, THERE = ORGANISATION.ura, "90000777"
NAMES = {
    "anna": ("Anna", "de Vries"),
    "bea": ("Bea", "Bakker-de Vries"),
    "cor": ("Cor", "Öztürk"),
    "dirk": ("Dirk Jan", "van 't Hof"),
    "els": ("Els", "de Vries"),
}
IN_ORDER = ["bea", "anna", "els", "cor", "dirk"]


def person(name, first_names, last_name, **changed):
    made = replace(PERSON, id=name, first_names=first_names, last_name=last_name, user_name=name)
    return replace(made, **{"uzi_number": None, **changed})


def member(name, **changed):
    return replace(MEMBERSHIP, person_id=name, **{"valid_until": None, **changed})


def phone(name, **changed):
    made = replace(CREDENTIAL, id=f"key-of-{name}", person_id=name, pairing_id=f"pairing-{name}")
    return replace(made, device_token_digest=f"token-{name}", **changed)


@pytest.fixture
async def filled(registry):
    def fill(tx):
        organisations.add(tx, ORGANISATION)
        organisations.add(tx, replace(ORGANISATION, ura=THERE))
        for name, called in NAMES.items():
            people.add_person(tx, person(name, *called))
            people.put_membership(tx, member(name))
        people.add_person(tx, person("zoe", "Anna", "de Vries", uzi_number="900000001"))
        people.put_membership(tx, member("zoe", ura=THERE))
        credentials.add(tx, phone("anna"))
        credentials.add(tx, phone("zoe", model="Fairphone"))

    await registry.commit(fill)
    return registry


@pytest.fixture
def found(filled):
    async def ids(typed, **where):
        named = {"ura": URA, "typed": typed, "at": NOW, **where}
        page = await filled.read(lambda tx: find(tx, **named))
        return [each.id for each in page.people]

    return ids


async def test_nothing_finds_everybody_by_last_name(found):
    assert await found(" ") == IN_ORDER


@pytest.mark.parametrize(
    ("typed", "whom"),
    [
        ("de vries", ["bea", "anna", "els"]),
        ("de Vries, Anna".replace(",", ""), ["anna"]),
        ("anna vries", ["anna"]),
        ("ozturk", ["cor"]),
        ("ÖZTÜRK", ["cor"]),
        ("van \u2019t hof", ["dirk"]),
        ("a b c d e f g h", []),
        ("pixel", ["anna"]),
        ("key-of-anna", ["anna"]),
        ("key-of-zoe", []),
        ("fairphone", []),
        ("900000001", []),
        ("%", []),
        ("_", []),
        ("\\", []),
        ("anna\0", []),
    ],
)
async def test_all_words_have_to_fit_wherever_they_stand(found, typed, whom):
    assert await found(typed) == whom


async def test_a_number_finds_whose_it_is_where_they_work(found):
    assert await found("900000001", ura=THERE) == ["zoe"]


async def test_pages_follow_each_other_and_the_last_one_says_so(filled):
    pages, after = [], ""
    while not pages or not pages[-1].is_last:
        page = await filled.read(lambda tx, after=after: find(tx, URA, "", NOW, after, 2))
        pages.append(page)
        after = page.people[-1].id

    assert [[each.id for each in page.people] for page in pages] == [
        *(["bea", "anna"], ["els", "cor"], ["dirk"]),
    ]


async def test_a_page_that_is_just_full_is_the_last_one(filled):
    page = await filled.read(lambda tx: find(tx, URA, "vries", NOW, "", 3))

    assert page.is_last


@pytest.mark.parametrize("after", ["nobody", "zoe", "x\0"])
async def test_behind_nobody_of_the_organisation_it_begins_anew_or_ends(found, after):
    assert await found("", after=after) in (IN_ORDER, [])


async def test_who_left_is_found_no_more_and_stays_a_place_to_go_on_from(filled, found):
    left = member("anna", valid_until=NOW - timedelta(seconds=1))
    await filled.commit(lambda tx: people.put_membership(tx, left))

    assert await found("anna") == []
    assert await found("", after="anna") == ["els", "cor", "dirk"]


SEARCHES = [people_search._listed(words) for words in (0, 1, 6)]
VALUES = {
    "for_ura": URA,
    "at": 0,
    "most": 51,
    "after_name": "de",
    "after_person": "p",
    **{f"word_{number}": "%x%" for number in range(6)},
}


@pytest.mark.parametrize("statement", SEARCHES)
def test_a_search_walks_through_its_organisation_alone_in_order(database_url, statement):
    asked = plan(database_url, statement, **VALUES)

    assert "ix_member_listing_ura" in asked
    assert read_whole(asked) == []
    assert not sorts(asked)


@pytest.mark.parametrize(
    "statement", [people_search._by_number, people_search._by_key, people_search._place]
)
def test_a_number_and_a_key_are_looked_up(database_url, statement):
    values = {**VALUES, "number": "900000001", "key": "k", "of_person": "p"}

    assert read_whole(plan(database_url, statement, **values)) == []
