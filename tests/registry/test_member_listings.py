"""Members are listed under what they and their phones are called, whatever changes that."""

import asyncio
from dataclasses import replace

import sqlalchemy as sa

from pairing_server.registry import aliases, credentials, organisations, people
from pairing_server.registry.aliases import Alias
from pairing_server.registry.member_listings import MOST_FOUND, MOST_LISTED, found_by, listed_as
from pairing_server.registry.people_tables import member_listing
from tests.registry.doubles import held_writer
from tests.registry.people import (
    COLLEAGUE,
    CREDENTIAL,
    MEMBERSHIP,
    NOW,
    ORGANISATION,
    OTHER_CREDENTIAL,
    PERSON,
)

_all = sa.select(member_listing).order_by(member_listing.c.person_id, member_listing.c.ura)


async def listed(registry):
    """By what each listed person is found, without the names that are listed as they are."""
    rows = await registry.read(lambda tx: tx.all(_all))
    return [(row["person_id"], row["ura"], row["found_by"]) for row in rows]


HERE = (PERSON.id, ORGANISATION.ura)


async def test_a_member_is_found_by_name_and_phone(filled):
    assert await listed(filled) == [(*HERE, "de boer\nsaskia maria\npixel 9")]


async def test_somebody_without_a_membership_is_not_listed(filled):
    await filled.commit(
        lambda tx: credentials.add(tx, replace(OTHER_CREDENTIAL, person_id=COLLEAGUE.id))
    )

    assert [person for person, *_ in await listed(filled)] == [PERSON.id]


async def test_a_new_name_is_listed_everywhere(filled):
    there = replace(ORGANISATION, ura="90000777")

    def change(tx):
        organisations.add(tx, there)
        people.put_membership(tx, replace(MEMBERSHIP, ura=there.ura))
        people.update_person(tx, replace(PERSON, last_name="Boersma-de Boer"))

    await filled.commit(change)

    assert {by for *_, by in await listed(filled)} == {"boersma-de boer\nsaskia maria\npixel 9"}
    assert [ura for _, ura, _ in await listed(filled)] == [ORGANISATION.ura, there.ura]


async def test_a_phone_that_is_called_otherwise_is_found_by_that(filled):
    await filled.commit(lambda tx: credentials.rename(tx, CREDENTIAL.id, "Werk  Télefoon"))

    assert await listed(filled) == [(*HERE, "de boer\nsaskia maria\nwerk telefoon\npixel 9")]


async def test_a_second_phone_comes_first(filled):
    await filled.commit(lambda tx: credentials.add(tx, replace(OTHER_CREDENTIAL, model="Edge")))

    assert await listed(filled) == [(*HERE, "de boer\nsaskia maria\nedge\npixel 9")]


async def test_phones_of_a_record_that_is_merged_go_with_it(filled):
    alias = Alias(
        id=PERSON.id,
        person_id=COLLEAGUE.id,
        user_name="x",
        ura=ORGANISATION.ura,
        merged_by="a",
        merged_at=NOW,
    )

    def change(tx):
        people.put_membership(tx, replace(MEMBERSHIP, person_id=COLLEAGUE.id))
        aliases.add(tx, alias)

    await filled.commit(change)

    assert await listed(filled) == [
        (*HERE, "de boer\nsaskia maria"),
        (COLLEAGUE.id, ORGANISATION.ura, "de boer\nsaskia maria\npixel 9"),
    ]


async def test_of_a_phone_and_a_name_that_change_at_once_at_two_nodes_both_are_listed(
    filled, open_at, database_url
):
    """One node writes the name, and waits; the other one binds a phone meanwhile."""
    other = open_at(database_url, "other")
    named, phone = replace(PERSON, last_name="Bos"), replace(OTHER_CREDENTIAL, model="Edge")

    async with held_writer(filled, lambda tx: people.update_person(tx, named)):
        binding = asyncio.create_task(other.commit(lambda tx: credentials.add(tx, phone)))
        await asyncio.sleep(0.2)
    await binding

    assert await listed(filled) == [(*HERE, "bos\nsaskia maria\nedge\npixel 9")]


async def test_the_longest_names_and_most_phones_can_be_listed(filled):
    wide = "\U0001f469" * 100
    phones = [
        replace(
            CREDENTIAL,
            id=f"c{number}",
            pairing_id=f"p{number}",
            device_token_digest=f"t{number}",
            name=wide,
        )
        for number in range(10)
    ]

    def change(tx):
        people.update_person(tx, replace(PERSON, first_names=wide, last_name=wide))
        for each in phones:
            credentials.add(tx, each)

    await filled.commit(change)

    ((_, _, by),) = await listed(filled)
    assert len(by) == MOST_FOUND


def test_what_is_too_much_is_left_out():
    assert len(listed_as("a" * 200, "b" * 200)) == MOST_LISTED
    assert len(found_by("a", ["b" * 1000])) == MOST_FOUND
