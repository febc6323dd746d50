"""Phones are listed where their holder is a member, as they stand, whatever changes that."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bench import people_rows
from bench.country import Country
from pairing_server.clock import to_milliseconds
from pairing_server.registry import aliases, credentials, organisations, people
from pairing_server.registry.aliases import Alias
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.people_tables import phone_listing
from tests.registry.doubles import held_writer
from tests.registry.listings import amiss
from tests.registry.people import (
    COLLEAGUE,
    CREDENTIAL,
    MEMBERSHIP,
    NOW,
    ORGANISATION,
    OTHER_CREDENTIAL,
    PERSON,
)

LATER = NOW + timedelta(hours=3)
THERE = replace(ORGANISATION, ura="90000777")
_all = sa.select(phone_listing).order_by(phone_listing.c.credential_id, phone_listing.c.ura)


async def listed(registry):
    """How each listed phone stands, and where."""
    rows = await registry.read(lambda tx: tx.all(_all))
    return [(row["credential_id"], row["ura"], row["status"]) for row in rows]


def block(tx, phone=CREDENTIAL):
    assert credentials.set_status(
        tx, phone.id, CredentialStatus.ACTIVE, CredentialStatus.BLOCKED, LATER
    )


def join_there(tx):
    people.put_membership(tx, replace(MEMBERSHIP, ura=THERE.ura))


async def test_a_phone_is_listed_with_all_that_it_is_counted_by(filled):
    (row,) = await filled.read(lambda tx: tx.all(_all))

    assert row == {
        "credential_id": CREDENTIAL.id,
        "ura": ORGANISATION.ura,
        "valid_until": to_milliseconds(MEMBERSHIP.valid_until),
        "status": "active",
        "status_at": None,
        "expires_at": to_milliseconds(CREDENTIAL.expires_at),
        "attestation_verdict": "unknown",
        "backup_eligible": True,
    }


async def test_a_phone_of_nobody_s_member_is_not_listed(filled):
    await filled.commit(
        lambda tx: credentials.add(tx, replace(OTHER_CREDENTIAL, person_id=COLLEAGUE.id))
    )

    assert await listed(filled) == [(CREDENTIAL.id, ORGANISATION.ura, "active")]


async def test_who_joins_brings_their_phones_along(filled):
    def change(tx):
        organisations.add(tx, THERE)
        credentials.add(tx, OTHER_CREDENTIAL)
        block(tx, OTHER_CREDENTIAL)
        join_there(tx)

    await filled.commit(change)

    assert await listed(filled) == [
        (phone.id, ura, status)
        for phone, status in ((CREDENTIAL, "active"), (OTHER_CREDENTIAL, "blocked"))
        for ura in (ORGANISATION.ura, THERE.ura)
    ]


async def test_how_a_phone_stands_is_listed_everywhere(filled):
    def change(tx):
        organisations.add(tx, THERE)
        join_there(tx)
        block(tx)

    await filled.commit(change)

    rows = await filled.read(lambda tx: tx.all(_all))
    assert [(row["status"], row["status_at"]) for row in rows] == [
        ("blocked", to_milliseconds(LATER))
    ] * 2
    await filled.commit(
        lambda tx: credentials.set_status(
            tx, CREDENTIAL.id, CredentialStatus.BLOCKED, CredentialStatus.REVOKED, LATER
        )
    )
    assert {status for *_, status in await listed(filled)} == {"revoked"}


async def test_until_when_its_holder_is_a_member_is_listed(filled):
    await filled.commit(lambda tx: people.put_membership(tx, replace(MEMBERSHIP, valid_until=NOW)))

    (row,) = await filled.read(lambda tx: tx.all(_all))
    assert row["valid_until"] == to_milliseconds(NOW)


async def test_phones_of_a_record_that_is_merged_go_with_it(filled):
    """Where the one who has them now never was a member they are not listed any more."""
    alias = Alias(
        id=PERSON.id,
        person_id=COLLEAGUE.id,
        user_name="x",
        ura=THERE.ura,
        merged_by="a",
        merged_at=NOW,
    )

    def change(tx):
        organisations.add(tx, THERE)
        people.put_membership(tx, replace(MEMBERSHIP, person_id=COLLEAGUE.id, ura=THERE.ura))
        aliases.add(tx, alias)

    await filled.commit(change)

    assert await listed(filled) == [(CREDENTIAL.id, THERE.ura, "active")]
    assert await filled.read(amiss) == []


@pytest.mark.parametrize("first", ["block", "join"])
async def test_a_phone_that_is_blocked_while_its_holder_joins_is_listed_as_blocked(
    filled, open_at, database_url, first
):
    """One node does the one, and waits; another one does the other meanwhile.

    Its holder is a member of nothing else: there is no row that both would write.
    """
    other = open_at(database_url, "other")
    phone = replace(OTHER_CREDENTIAL, person_id=COLLEAGUE.id)
    joined = replace(MEMBERSHIP, person_id=COLLEAGUE.id)
    await filled.commit(lambda tx: credentials.add(tx, phone))
    acts = [lambda tx: block(tx, phone), lambda tx: people.put_membership(tx, joined)]
    one, two = acts if first == "block" else reversed(acts)

    async with held_writer(filled, one):
        following = asyncio.create_task(other.commit(two))
        await asyncio.sleep(0.2)
    await following

    assert (phone.id, ORGANISATION.ura, "blocked") in await listed(filled)


async def test_a_membership_that_ends_while_a_phone_is_bound_ends_for_that_phone(
    filled, open_at, database_url
):
    other = open_at(database_url, "other")
    ended = replace(MEMBERSHIP, valid_until=NOW)

    async with held_writer(filled, lambda tx: credentials.add(tx, OTHER_CREDENTIAL)):
        ending = asyncio.create_task(other.commit(lambda tx: people.put_membership(tx, ended)))
        await asyncio.sleep(0.2)
    await ending

    rows = await filled.read(lambda tx: tx.all(_all))
    assert [row["valid_until"] for row in rows] == [to_milliseconds(NOW)] * 2


async def test_a_country_that_is_filled_past_the_registry_is_listed_as_by_it(own_url, open_at):
    people_rows.fill(own_url, Country(400, 40), 10)

    registry = open_at(own_url)
    assert await registry.read(amiss) == []
    assert len(await registry.read(lambda tx: tx.all(_all))) > 400
