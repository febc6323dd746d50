"""Two nodes on one PostgreSQL and one Valkey: what one does, the other knows."""

import asyncio
import secrets
from contextlib import AsyncExitStack, aclosing

import msgspec
import pytest
import sqlalchemy as sa

from clients.oauth_error import AccessDenied, InvalidGrant
from clients.workstation import Workstation
from pairing_server.audit.checkpoint import verifier
from pairing_server.audit.verify import verify
from pairing_server.ports import Ports
from pairing_server.registry.database import open_registry
from pairing_server.registry.tables import auth_answer
from pairing_server.store.redis_store import RedisStore
from tests.house import house_settings, opened_house, stores_on
from tests.postgresql import postgresql_server, postgresql_url

__all__ = ["postgresql_server", "postgresql_url"]


@pytest.fixture
async def nodes(postgresql_url, valkey_url, store, clock, register, tmp_path):
    """Run two servers that share nothing but the stores behind them and their base URL's name."""
    _ = store
    async with AsyncExitStack() as stack:
        running = []
        for name in ("one", "two"):
            registry = open_registry(postgresql_url, chain=name, clock=clock)
            stack.push_async_callback(registry.close)
            own = RedisStore(valkey_url)
            stack.push_async_callback(own.close)
            ports = Ports(registry, own, clock, secrets.token_bytes)
            settings = house_settings(register, tmp_path / name, node=name)
            house = await stack.enter_async_context(
                opened_house(settings, await stores_on(ports), ports, register)
            )
            running.append(house)
        yield running


async def test_a_phone_bound_at_one_node_logs_in_at_both(nodes):
    one, two = nodes
    phone = await one.bind()
    workstation = await two.workstation()
    begun = await two.ask(workstation)
    waiting = asyncio.create_task(workstation.poll(begun))

    (request,) = await phone.auth_requests(wait=10)
    await phone.approve(request, begun.binding_code)

    assertion = await asyncio.wait_for(waiting, 20)
    assert assertion.claims.uzi_number == one.holder.uzi_number


async def test_a_workstation_waiting_at_one_node_hears_of_a_block_at_the_other(nodes):
    one, two = nodes
    phone = await one.bind()
    workstation = await one.workstation()
    begun = await one.ask(workstation)
    waiting = asyncio.create_task(workstation.poll_once(begun, wait=25))
    await asyncio.sleep(0.1)

    await two.phone_status().block(phone.credential_id, "operator:test")

    with pytest.raises(AccessDenied) as refused:
        await asyncio.wait_for(waiting, 20)
    assert refused.value.reason == "revoked"


async def test_frames_of_one_node_are_scanned_at_the_other(nodes):
    one, two = nodes
    phone = await two.bind()
    workstation = await one.workstation()
    begun = await one.ask(workstation)
    elsewhere = Workstation(two.http, two.base_url, one.client_id, one.client_key)
    at_two = msgspec.structs.replace(begun, qr_events_uri=f"{two.base_url}/qr/events")

    async with (
        asyncio.timeout(20),
        aclosing(workstation.frames(begun)) as frames,
        aclosing(elsewhere.frames(at_two)) as others,
    ):
        shown, also_shown = await anext(frames), await anext(others)
        # The frame names the node's base URL, which is one for both outside a test.
        found = await phone.scan_login(shown.link.replace(one.base_url, two.base_url))
        assert await phone.scan_login(also_shown.link) == found
        await phone.approve(await phone.get(found))
        # Both hear the end, and the streams with it.
        _ = [frame async for frame in frames], [frame async for frame in others]

    assert await workstation.poll(begun)


async def test_64_parallel_redemptions_at_two_nodes_give_one_token(nodes):
    one, two = nodes
    phone = await one.bind()
    workstation = await one.workstation()
    begun = await one.approved(phone, workstation)
    elsewhere = Workstation(two.http, two.base_url, one.client_id, one.client_key)

    async def redeem(place):
        try:
            return await place.poll_once(begun, wait=0)
        except InvalidGrant:
            return None

    tokens = await asyncio.gather(
        *(redeem(place) for _ in range(32) for place in (workstation, elsewhere))
    )

    assert len([token for token in tokens if token is not None]) == 1
    issued = [event for event in await one.events() if event["action"] == "AssertionIssued"]
    assert len(issued) == 1


async def test_a_store_that_forgot_the_redemption_gives_no_second_token(nodes):
    one, _ = nodes
    phone = await one.bind()
    workstation = await one.workstation()
    begun = await one.approved(phone, workstation)
    (request,) = await one.registry.read(lambda tx: tx.all(sa.select(auth_answer)))
    key = f"auth-request:{request['auth_request']}"
    before = await one.store.get(key)
    await workstation.poll_once(begun, wait=0)

    now = await one.store.get(key)
    assert await one.store.swap(key, now, before)

    with pytest.raises(InvalidGrant):
        await workstation.poll_once(begun, wait=0)


async def test_each_node_has_its_own_chain_and_all_are_whole(nodes):
    one, two = nodes
    phone = await one.bind()
    workstation = await two.workstation()
    begun = await two.approved(phone, workstation)
    await workstation.poll(begun)
    await one.stores.checkpoints.make()

    chains = {event["chain"] for event in await one.events()}
    keys = await one.stores.keys.authentic_jwks()

    assert chains == {"one", "two"}
    assert await verify(one.registry, verifier(keys)) == []
