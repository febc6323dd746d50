"""The workstation hears after five seconds that no phone has fetched its request."""

import asyncio
import time
from datetime import timedelta

import pytest

from pairing_server.approvals.asked import request_id
from pairing_server.approvals.auth_request import FETCHED_BY, OPEN_THE_APP, Status
from tests.approvals.desk import held
from tests.oidc.client import BareClient

JUST_BEFORE = FETCHED_BY - timedelta(seconds=1)


@pytest.fixture
def client(desk):
    return BareClient(desk.house, desk.client_id, desk.house.client_key)


async def ask(desk):
    """Start a login that no phone has fetched."""
    return await desk.house.ask(desk.workstation)


async def hint(desk, started, wait=0):
    told = []
    await desk.workstation.poll_once(started, wait, told.append)
    return told


async def test_a_poll_says_so_after_five_seconds_and_not_before(desk, clock):
    started = await ask(desk)
    clock.advance(JUST_BEFORE)
    assert await hint(desk, started) == [""]
    clock.advance(FETCHED_BY)
    assert await hint(desk, started, 1) == [OPEN_THE_APP]


async def test_to_a_client_that_ignores_it_it_is_a_pending_request(desk, client, clock):
    started = await ask(desk)
    _, before = await client.poll(started.auth_req_id)
    clock.advance(2 * FETCHED_BY)
    status, body = await client.poll(started.auth_req_id)
    assert (status, body.pop("hint")) == (400, OPEN_THE_APP)
    assert body == before
    assert body["error"] == "authorization_pending"


@pytest.mark.parametrize("read", ["list", "one"])
async def test_a_request_that_a_phone_fetched_needs_no_hint(desk, clock, read):
    started = await ask(desk)
    identifier = request_id(started.auth_req_id)
    await (desk.phone.auth_requests() if read == "list" else desk.phone.get(identifier))
    assert (await desk.record(started)).is_fetched
    clock.advance(2 * FETCHED_BY)
    assert await hint(desk, started) == [""]


async def test_another_persons_phone_fetches_nothing(desk, clock):
    started = await ask(desk)
    assert await desk.flow().fetched([]) is None
    assert not (await desk.record(started)).is_fetched


async def test_a_held_poll_is_answered_when_it_is_time_for_the_hint(desk, clock):
    started = await ask(desk)
    clock.advance(JUST_BEFORE)
    began = time.monotonic()
    assert await hint(desk, started, 25) == [OPEN_THE_APP]
    assert time.monotonic() - began < 10


async def test_after_the_hint_the_next_poll_is_held_as_ever(desk, clock):
    started = await ask(desk)
    clock.advance(2 * FETCHED_BY)
    poll = await held(desk.outcome(started, wait=25))
    request = await desk.phone.get(request_id(started.auth_req_id))
    await desk.phone.deny(request)
    assert await asyncio.wait_for(poll, 10) == "denied"


async def test_a_held_poll_of_what_was_fetched_meanwhile_is_held_on(desk, clock):
    started = await ask(desk)
    clock.advance(JUST_BEFORE)
    poll = await held(desk.outcome(started, wait=25))
    request = await desk.phone.get(request_id(started.auth_req_id))
    await asyncio.sleep(1.2)
    assert not poll.done()
    await desk.phone.deny(request)
    assert await asyncio.wait_for(poll, 10) == "denied"


async def test_a_server_that_stops_lets_a_poll_go_without_a_hint(desk):
    started = await ask(desk)
    poll = await held(hint(desk, started, 25))
    desk.house.store.drain()
    assert await asyncio.wait_for(poll, 10) == [""]


async def test_nobody_and_who_fetched_nothing_cannot_be_told_apart(desk, client, clock):
    started = await ask(desk)
    _, nobody = await client.ask(login_hint="nobody")
    clock.advance(2 * FETCHED_BY)
    polls = [await client.poll(each) for each in (started.auth_req_id, nobody["auth_req_id"])]
    assert polls[0] == polls[1]
    assert polls[0][1]["hint"] == OPEN_THE_APP


async def test_what_is_over_is_not_marked(desk):
    started = await ask(desk)
    record = await desk.record(started)
    await desk.change(started, status=Status.DENIED)
    await desk.flow().fetched([await desk.record(started)])
    assert not (await desk.record(started)).is_fetched
    await desk.flow().fetched([record])
    assert (await desk.record(started)).status is Status.DENIED


async def test_a_request_that_the_store_lost_is_marked_by_nobody(desk):
    started = await ask(desk)
    record = await desk.record(started)
    await desk.house.store.delete(desk.shelf.key(record.id))
    await desk.flow().fetched([record])
    assert await desk.shelf.get(record.id) is None
