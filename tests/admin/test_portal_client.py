"""The portal's own client: registered when an organisation first needs it, and once."""

from dataclasses import replace

from admin.portal_client import CLIENT_ID, is_prepared, prepare
from pairing_server.registry import clients, organisations
from pairing_server.registry.client_metadata import GrantType
from pairing_server.registry.clients import ClientStatus
from tests.registry.people import NOW, ORGANISATION

BASE = "https://login.example.nl"
OTHER = replace(ORGANISATION, ura="99999999")


async def prepared(registry, ura=ORGANISATION.ura, base_url=BASE):
    return await registry.commit(lambda tx: prepare(tx, ura, base_url, NOW))


async def held(registry):
    return await registry.read(lambda tx: clients.get(tx, CLIENT_ID))


async def test_it_serves_each_organisation_that_needed_it_and_no_other(registry):
    for each in (ORGANISATION, OTHER):
        await registry.commit(lambda tx, each=each: organisations.add(tx, each))
    await prepared(registry)
    assert (await held(registry)).uras == (ORGANISATION.ura,)

    await prepared(registry, OTHER.ura)

    assert (await held(registry)).uras == tuple(sorted((ORGANISATION.ura, OTHER.ura)))
    assert is_prepared(await held(registry), OTHER.ura, BASE)
    assert not is_prepared(await held(registry), "00000000", BASE)


async def test_it_takes_codes_alone_that_were_asked_for_here_and_has_no_key(registry):
    await registry.commit(lambda tx: organisations.add(tx, ORGANISATION))
    await prepared(registry)
    client = await held(registry)

    assert client.metadata.grant_types == (GrantType.AUTHORIZATION_CODE,)
    assert client.metadata.require_pushed_authorization_requests
    assert client.jwks == {"keys": []}
    assert client.redirect_uris == (f"{BASE}/admin/return",)


async def test_a_server_that_moved_is_returned_to_where_it_is(registry):
    await registry.commit(lambda tx: organisations.add(tx, ORGANISATION))
    await prepared(registry)
    assert not is_prepared(await held(registry), ORGANISATION.ura, "https://elders.example")

    await prepared(registry, base_url="https://elders.example")

    assert (await held(registry)).redirect_uris == ("https://elders.example/admin/return",)


async def test_an_unknown_organisation_registers_nothing(registry):
    assert await prepared(registry) is None
    assert await held(registry) is None


async def test_a_portal_that_an_operator_closed_stays_closed(registry):
    await registry.commit(lambda tx: organisations.add(tx, ORGANISATION))
    client = await prepared(registry)
    await registry.commit(
        lambda tx: clients.update(tx, replace(client, status=ClientStatus.CLOSED))
    )

    assert await prepared(registry) is None
    assert (await held(registry)).status is ClientStatus.CLOSED
