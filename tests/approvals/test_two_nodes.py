"""Two nodes on the same stores: what one of them ends, the other one's callers hear."""

import asyncio
import secrets
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from clients.oauth_error import AccessDenied
from pairing_server.approvals.refusals import AuthRequestClosed
from pairing_server.keys.refusals import PhoneBlocked
from pairing_server.oidc.metadata import CIBA_GRANT_TYPE
from pairing_server.oidc.refusals import AccessDenied as Denied
from pairing_server.oidc.refusals import InvalidGrant
from pairing_server.ports import Ports
from pairing_server.registry import clients
from pairing_server.registry.database import open_registry
from tests.approvals.desk import Desk, MeddlingRegistry, held
from tests.oidc.flows import ciba
from tests.valkey import opened


@pytest.fixture
async def second(desk, valkey_url, tmp_path, clock):
    """The same desk, as a second node with connections of its own sees it."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(opened(valkey_url))
        url = f"sqlite:///{tmp_path / 'registry.sqlite3'}"
        registry = open_registry(url, chain="second", clock=clock)
        stack.push_async_callback(registry.close)
        ports = Ports(registry, store, clock, secrets.token_bytes)
        house = replace(desk.house, ports=ports)
        yield Desk(house, desk.phone, desk.workstation, desk.client_id)


async def token(desk, stores, started):
    """Poll at this desk's node."""
    ports = desk.house.ports
    flow = ciba(ports, desk.flow(), stores, desk.house.settings)
    client = await ports.registry.read(lambda tx: clients.get(tx, desk.client_id))
    form = {"grant_type": CIBA_GRANT_TYPE, "auth_req_id": started.auth_req_id}
    return await flow.token(form, client, timedelta(0))


async def test_a_block_on_another_node_is_heard_by_whoever_waits_here(desk, second):
    started, _ = await desk.ask()
    poll = await held(desk.outcome(started, wait=25))
    await second.block()
    assert await asyncio.wait_for(poll, 2) == "revoked"


async def test_an_approval_on_another_node_is_heard_by_whoever_waits_here(desk, second):
    started, request = await desk.ask()
    poll = await held(desk.outcome(started, wait=25))
    phone, signed = await second.bound(), second.signed(request, started.binding_code)
    await second.flow().approve(phone, request.id, started.binding_code, signed)
    assert await asyncio.wait_for(poll, 2) == "assertion"


async def test_a_block_on_another_node_refuses_the_redemption_here(desk, second):
    started = await desk.approved()
    await second.block()
    with pytest.raises(AccessDenied) as refused:
        await desk.poll(started)
    assert refused.value.reason == "revoked"
    assert await desk.count("redemptions") == 0


async def test_a_block_on_another_node_between_check_and_commit_refuses_the_answer(desk, second):
    started, request = await desk.ask()
    registry = MeddlingRegistry(desk.house.registry)
    registry.before = second.block
    phone, signed = await desk.bound(), desk.signed(request, started.binding_code)
    with pytest.raises(PhoneBlocked):
        await desk.flow(registry=registry).approve(phone, request.id, started.binding_code, signed)
    assert await desk.outcome(started) == "revoked"


async def test_two_nodes_make_one_assertion(desk, second, stores):
    started = await desk.approved()
    polls = [token(node, stores, started) for node in (desk, second) for _ in range(8)]
    done = await asyncio.gather(*polls, return_exceptions=True)
    assert sum(isinstance(result, dict) for result in done) == 1
    assert {type(result) for result in done} == {dict, InvalidGrant}
    assert await desk.actions("AssertionIssued") == ["AssertionIssued"]


async def test_two_nodes_take_one_answer(desk, second):
    started, request = await desk.ask()
    code = started.binding_code
    calls = [
        node.flow().approve(await node.bound(), request.id, code, node.signed(request, code))
        for node in (desk, second)
        for _ in range(8)
    ]
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert done.count(None) == 1
    assert {type(result) for result in done} == {type(None), AuthRequestClosed}
    assert await desk.count("answers") == 1


async def test_a_block_races_a_redemption(desk, second, stores):
    """Whichever commits first: after the block nothing is issued, and nothing is half done."""
    started = await desk.approved()
    redeemed, _ = await asyncio.gather(
        token(desk, stores, started), second.block(), return_exceptions=True
    )
    issued = isinstance(redeemed, dict)
    assert issued or isinstance(redeemed, Denied)
    events = await desk.actions("AssertionIssued", "AssertionRefused")
    # The block may have ended the request before the refusal could.
    assert events in ([["AssertionIssued"]] if issued else [["AssertionRefused"], []])
    assert await desk.count("redemptions") == int(issued)
