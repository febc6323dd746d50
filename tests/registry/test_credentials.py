"""Credentials: status, use and push addresses."""

import asyncio
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from pairing_server.registry import AlreadyExistsError, credentials, device_tokens
from pairing_server.registry.credentials import CredentialStatus, Use
from pairing_server.registry.tables import credential
from tests.registry.people import (
    COLLEAGUE,
    CREDENTIAL,
    NOW,
    OTHER_CREDENTIAL,
    PERSON,
    add_everybody,
)

LATER = NOW + timedelta(hours=1)
#: How PostgreSQL locks the row that a foreign key refers to.
KEY_SHARE = (
    sa.select(credential.c.id)
    .where(credential.c.id == sa.bindparam("id"))
    .with_for_update(read=True, key_share=True)
)


def get(registry, credential_id=CREDENTIAL.id):
    return registry.read(lambda tx: credentials.get(tx, credential_id))


async def test_what_was_added_is_found(filled):
    found = await get(filled)

    assert found == CREDENTIAL
    assert [type(found.backup_eligible), type(found.public_key)] == [bool, bytes]


async def test_what_was_used_before_it_was_added_is_found(filled):
    used = replace(OTHER_CREDENTIAL, last_used_at=LATER, last_used_workstation="ws")
    await filled.commit(lambda tx: credentials.add(tx, used))

    assert await get(filled, used.id) == used


@pytest.mark.parametrize(
    ("find", "value"),
    [
        (credentials.get, CREDENTIAL.id),
        (credentials.by_pairing, CREDENTIAL.pairing_id),
        (credentials.by_device_token, CREDENTIAL.device_token_digest),
    ],
)
async def test_a_credential_is_found_by_what_is_its_own(filled, find, value):
    await filled.commit(lambda tx: credentials.add(tx, OTHER_CREDENTIAL))

    assert await filled.read(lambda tx: find(tx, value)) == CREDENTIAL
    assert await filled.read(lambda tx: find(tx, "unknown")) is None


@pytest.mark.parametrize("read", [credentials.get_for_share, credentials.get_for_update])
async def test_a_change_reads_it_locked(filled, read):
    found = await filled.commit(lambda tx: [read(tx, CREDENTIAL.id), read(tx, "unknown")])

    assert found == [CREDENTIAL, None]


async def test_two_nodes_that_update_one_key_wait_and_do_not_deadlock(open_at, postgresql_url):
    one, two = open_at(postgresql_url, "one"), open_at(postgresql_url, "two")
    await one.commit(add_everybody)
    both, counts = threading.Barrier(2), []

    def use(count):
        def change(tx):
            counts.append(count)
            credentials.get_for_update(tx, CREDENTIAL.id)
            # With a lock that both can have, both are here now, and neither can write.
            with suppress(threading.BrokenBarrierError):
                both.wait(0.3)
            credentials.set_push(tx, CREDENTIAL.id, "fcm", count)

        return change

    await asyncio.gather(one.commit(use("1")), two.commit(use("2")))

    assert sorted(counts) == ["1", "2"]


async def test_a_key_that_is_updated_can_be_referred_to(open_at, postgresql_url):
    """NO KEY UPDATE: the lock keeps off whoever would write, and no foreign key."""
    one, two = open_at(postgresql_url, "one"), open_at(postgresql_url, "two")
    await one.commit(add_everybody)

    def change(tx):
        credentials.get_for_update(tx, CREDENTIAL.id)
        return asyncio.run_coroutine_threadsafe(elsewhere(), loop).result(2)

    async def elsewhere():
        row = await two.commit(lambda tx: tx.one(KEY_SHARE, id=CREDENTIAL.id))
        return row["id"]

    loop = asyncio.get_running_loop()

    assert await one.commit(change) == CREDENTIAL.id


async def test_credentials_are_listed_oldest_first(filled):
    await filled.commit(lambda tx: credentials.add(tx, OTHER_CREDENTIAL))

    assert await filled.read(credentials.list_all) == [CREDENTIAL, OTHER_CREDENTIAL]
    assert await filled.read(lambda tx: credentials.of_person(tx, PERSON.id)) == [
        CREDENTIAL,
        OTHER_CREDENTIAL,
    ]
    assert await filled.read(lambda tx: credentials.of_person(tx, COLLEAGUE.id)) == []


@pytest.mark.parametrize(
    "same",
    [
        {"id": CREDENTIAL.id},
        {"pairing_id": CREDENTIAL.pairing_id},
        {"device_token_digest": CREDENTIAL.device_token_digest},
        {"device_token_digest": "announced"},
    ],
)
async def test_id_pairing_and_token_are_one_credentials(filled, same):
    await filled.commit(lambda tx: device_tokens.announce(tx, CREDENTIAL.id, "announced"))

    with pytest.raises(AlreadyExistsError):
        await filled.commit(lambda tx: credentials.add(tx, replace(OTHER_CREDENTIAL, **same)))


async def test_a_status_moves_only_from_the_old_one(filled):
    def move(old, new):
        return filled.commit(lambda tx: credentials.set_status(tx, CREDENTIAL.id, old, new, LATER))

    assert await move(CredentialStatus.ACTIVE, CredentialStatus.REVOKED)
    assert not await move(CredentialStatus.ACTIVE, CredentialStatus.BLOCKED)
    assert (await get(filled)).status is CredentialStatus.REVOKED


@pytest.mark.parametrize(
    ("stored", "new", "status", "recorded"),
    [
        (0, 0, CredentialStatus.ACTIVE, True),
        (0, 1, CredentialStatus.ACTIVE, True),
        (5, 6, CredentialStatus.ACTIVE, True),
        (5, 5, CredentialStatus.ACTIVE, False),
        (5, 4, CredentialStatus.ACTIVE, False),
        (5, 0, CredentialStatus.ACTIVE, False),
        (0, 0, CredentialStatus.BLOCKED, False),
        (5, 6, CredentialStatus.REVOKED, False),
    ],
)
async def test_a_use_counts_when_active_and_the_count_grew(filled, stored, new, status, recorded):
    before = replace(OTHER_CREDENTIAL, sign_count=stored, status=status)
    after = replace(
        before,
        sign_count=new,
        backed_up=True,
        last_used_at=LATER,
        last_used_workstation="ws-1",
        last_used_location="Poli",
        last_used_ura="12345678",
    )
    use = Use(
        at=LATER,
        sign_count=new,
        backed_up=True,
        workstation="ws-1",
        location="Poli",
        ura="12345678",
    )
    await filled.commit(lambda tx: credentials.add(tx, before))

    outcome = await filled.commit(lambda tx: credentials.record_use(tx, before.id, use))

    assert outcome is recorded
    assert await get(filled, before.id) == (after if recorded else before)
    assert await get(filled) == CREDENTIAL


async def test_a_push_address_can_be_replaced_and_removed(filled):
    await filled.commit(lambda tx: credentials.set_push(tx, CREDENTIAL.id, "apns", "new"))
    replaced = await get(filled)
    await filled.commit(lambda tx: credentials.set_push(tx, CREDENTIAL.id, None, None))

    assert (replaced.push_service, replaced.push_address) == ("apns", "new")
    assert (await get(filled)).push_address is None


@pytest.mark.parametrize(
    ("service", "address", "left"),
    [
        ("fcm", "address-1", None),
        ("fcm", "older", "address-1"),
        ("apns", "address-1", "address-1"),
    ],
)
async def test_only_the_rejected_push_address_is_forgotten(filled, service, address, left):
    await filled.commit(lambda tx: credentials.forget_push(tx, CREDENTIAL.id, service, address))

    assert (await get(filled)).push_address == left
