"""What programs were answered is kept once for each key, on both databases."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from pairing_server.registry import AlreadyExistsError, clients, idempotency_keys, organisations
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.idempotency_keys import Kept
from tests.registry.people import NOW, ORGANISATION

CLIENT = Client(
    id="hr",
    name="HR",
    jwks={},
    uras=(ORGANISATION.ura,),
    redirect_uris=(),
    policy={},
    status=ClientStatus.ACTIVE,
    created_at=NOW,
)
KEPT = Kept(client_id="hr", digest="key", fingerprint="sent", answer='{"status":204}', kept_at=NOW)
LATER = replace(KEPT, digest="later", kept_at=NOW + timedelta(milliseconds=1))


def fill(tx):
    organisations.add(tx, ORGANISATION)
    clients.add(tx, CLIENT)
    clients.add(tx, replace(CLIENT, id="other"))


@pytest.fixture
async def filled(registry):
    await registry.commit(fill)
    return registry


def get(registry, digest="key", client_id="hr"):
    return registry.read(lambda tx: idempotency_keys.get(tx, client_id, digest))


async def test_what_was_kept_is_found_by_its_client_and_key(filled):
    await filled.commit(lambda tx: idempotency_keys.add(tx, KEPT))

    assert await get(filled) == KEPT
    assert await get(filled, "other") is None
    assert await get(filled, client_id="other") is None


async def test_a_key_is_kept_once(filled):
    await filled.commit(lambda tx: idempotency_keys.add(tx, KEPT))

    with pytest.raises(AlreadyExistsError):
        await filled.commit(lambda tx: idempotency_keys.add(tx, replace(KEPT, answer="{}")))
    assert await get(filled) == KEPT


async def test_what_is_older_is_forgotten_of_that_client_alone(filled):
    others = replace(KEPT, client_id="other")
    await filled.commit(
        lambda tx: [idempotency_keys.add(tx, each) for each in (KEPT, LATER, others)]
    )

    assert await filled.commit(lambda tx: idempotency_keys.forget(tx, "hr", NOW)) == 1
    assert await get(filled) is None
    assert await get(filled, "later") == LATER
    assert await get(filled, client_id="other") == others


async def test_of_two_nodes_that_keep_the_same_key_one_does(open_at, database_url):
    """Who looks before it writes finds, when it is run again, what the other one wrote."""
    nodes = [open_at(database_url, f"node-{number}") for number in (1, 2)]
    await nodes[0].commit(fill)

    def act(number):
        def change(tx):
            found = idempotency_keys.get(tx, "hr", "key")
            if found is not None:
                return found.answer
            idempotency_keys.add(tx, replace(KEPT, answer=str(number)))
            return str(number)

        return change

    answers = await asyncio.gather(
        *(nodes[number % 2].commit(act(number)) for number in range(20))
    )

    assert len(set(answers)) == 1
