"""Clients and the organisations for which they may ask."""

from dataclasses import replace

import pytest

from pairing_server.registry import AlreadyExistsError, clients, organisations
from pairing_server.registry.client_metadata import ClientMetadata
from pairing_server.registry.clients import Client, ClientStatus
from tests.registry.people import NOW, ORGANISATION

OTHER_ORGANISATION = replace(ORGANISATION, ura="00000001")
CLIENT = Client(
    id="xis",
    name="XIS",
    jwks={"keys": [{"kty": "EC"}]},
    uras=("00000001", "12345678"),
    redirect_uris=("https://xis.example/back",),
    policy={"code_length": 6},
    status=ClientStatus.ACTIVE,
    created_at=NOW,
)


@pytest.fixture
async def filled(registry):
    def fill(tx):
        organisations.add(tx, ORGANISATION)
        organisations.add(tx, OTHER_ORGANISATION)
        clients.add(tx, CLIENT)

    await registry.commit(fill)
    return registry


async def test_what_was_added_is_found(filled):
    assert await filled.read(lambda tx: clients.get(tx, "xis")) == CLIENT


async def test_an_unknown_one_is_none(filled):
    assert await filled.read(lambda tx: clients.get(tx, "unknown")) is None


async def test_a_change_reads_it_for_share(filled):
    found = await filled.commit(
        lambda tx: [clients.get_for_share(tx, client_id) for client_id in ("xis", "unknown")]
    )

    assert found == [CLIENT, None]


async def test_an_id_is_one_clients(filled):
    with pytest.raises(AlreadyExistsError):
        await filled.commit(lambda tx: clients.add(tx, CLIENT))


async def test_all_are_listed_by_name_each_with_its_own_organisations(filled):
    other = replace(CLIENT, id="other", name="Apotheek", uras=(), redirect_uris=())
    await filled.commit(lambda tx: clients.add(tx, other))

    assert await filled.read(clients.list_all) == [other, CLIENT]


async def test_a_change_replaces_all_but_the_id(filled):
    changed = replace(
        CLIENT,
        name="XIS 2",
        jwks={},
        uras=("00000001",),
        redirect_uris=(),
        policy={"code_digits": 4},
        status=ClientStatus.CLOSED,
        metadata=ClientMetadata(jwks_uri="https://xis.example/keys"),
    )

    def change(tx):
        before = clients.get_for_update(tx, "xis")
        clients.update(tx, changed)
        return before

    assert await filled.commit(change) == CLIENT
    assert await filled.read(lambda tx: clients.get(tx, "xis")) == changed


async def test_there_is_nothing_to_change_of_an_unknown_one(filled):
    assert await filled.commit(lambda tx: clients.get_for_update(tx, "unknown")) is None
