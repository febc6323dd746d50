"""The connections to APNs: warm, few, and none of them waited for in vain."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from clients.push_simulator import Fault
from clients.push_simulator.apns import Rules
from pairing_server.clock import utc_now
from pairing_server.push import Wakeup, apns_connection, apns_pool
from tests.push.apns_harness import ApnsHarness
from tests.push.contract import Situation, failure, until

SOON = timedelta(seconds=0.5)


@pytest.fixture
async def opened():
    stack = []

    async def open_in(rules=None, **situation):
        manager = ApnsHarness.open(Situation(**situation), rules)
        stack.append(manager)
        return await manager.__aenter__()

    yield open_in
    for manager in reversed(stack):
        await manager.__aexit__(None, None, None)


@pytest.fixture
def wakeup():
    return Wakeup("kCWOZxJ2Xw3fyqeRUrSkDA", utc_now() + timedelta(minutes=2), tag="t" * 22)


def does(harness, behaviour):
    address = harness.address()
    harness.journal.behaviours[address.address] = behaviour
    return address


async def test_a_connection_serves_everybody_while_there_is_room(opened, wakeup):
    harness = await opened()
    for _ in range(50):
        await harness.sender.send(harness.address(), wakeup)
    assert harness.service.dialled == 1


async def test_more_streams_than_one_connection_has_open_another(opened, wakeup):
    harness = await opened(Rules(most_streams=10), deadline=SOON)
    silent = does(harness, Fault.SILENCE)
    sends = [asyncio.create_task(failure(harness, silent, wakeup)) for _ in range(25)]
    await until(lambda: len(harness.journal.arrivals) == 25)
    assert harness.service.dialled == 3
    await asyncio.gather(*sends)


async def test_connections_are_few_however_many_wait(opened, wakeup, monkeypatch):
    monkeypatch.setattr(apns_pool, "PATIENCE_SECONDS", 0.001)
    harness = await opened(Rules(most_streams=2), deadline=timedelta(seconds=1))
    silent = does(harness, Fault.SILENCE)
    sends = [asyncio.create_task(failure(harness, silent, wakeup)) for _ in range(100)]
    errors = await asyncio.gather(*sends)
    assert {error.code for error in errors} == {"timeout"}
    assert harness.service.dialled == apns_pool.MOST_CONNECTIONS


async def test_the_one_stream_of_a_new_connection_is_no_reason_for_another(opened, wakeup):
    harness = await opened()
    phones = [harness.address() for _ in range(100)]
    await asyncio.gather(*(harness.sender.send(phone, wakeup) for phone in phones))
    assert harness.service.dialled == 1


async def test_a_connection_that_is_lost_is_made_again_before_the_next_send(opened, wakeup):
    harness = await opened()
    await harness.sender.send(harness.address(), wakeup)
    harness.service.connections[0].drop()
    await until(lambda: harness.service.dialled == 2 and len(harness.service.connections) == 1)


async def test_a_service_that_comes_back_is_found_again(opened, wakeup, monkeypatch):
    monkeypatch.setattr(apns_pool, "FIRST_PAUSE_SECONDS", 0.05)
    harness = await opened()
    await harness.sender.send(harness.address(), wakeup)
    with capture_logs() as lines:
        harness.service.stop()
        await until(lambda: lines)
        error = await failure(harness, harness.address(), wakeup)
        await harness.service.start()
        await until(lambda: len(lines) >= 2)
    await harness.sender.send(harness.address(), wakeup)
    assert (error.code, error.retriable) == ("unreachable", True)
    assert timedelta(0) < error.retry_after <= timedelta(seconds=60)
    assert [(line["event"], line.get("code")) for line in lines] == [
        ("push service not reached", "unreachable"),
        ("push service reached again", None),
    ]


async def test_a_service_that_closes_every_connection_is_not_dialled_for_every_send(
    opened, wakeup
):
    harness = await opened()
    harness.service.drops_at_once = True
    errors = [await failure(harness, harness.address(), wakeup) for _ in range(100)]
    assert {error.code for error in errors} == {"disconnected"}
    assert 1 <= harness.service.dialled <= 5


async def test_a_service_that_closes_every_connection_is_dialled_ever_more_seldom(opened):
    harness = await opened()
    harness.service.drops_at_once = True
    harness.sender.warm()
    await asyncio.sleep(0.6)
    assert 1 <= harness.service.dialled <= 4


async def test_who_waits_for_a_stream_that_never_comes_ends_at_the_deadline(opened, wakeup):
    harness = await opened(Rules(first_streams=0), deadline=SOON)
    error = await failure(harness, harness.address(), wakeup)
    assert error.code == "timeout"


async def test_idle_connections_are_closed_but_for_one(opened, wakeup, monkeypatch):
    monkeypatch.setattr(apns_pool, "IDLE_SECONDS", 1)
    harness = await opened(Rules(most_streams=5), deadline=SOON)
    silent = does(harness, Fault.SILENCE)
    await asyncio.gather(*(failure(harness, silent, wakeup) for _ in range(20)))
    assert harness.service.dialled >= 4
    await until(lambda: len(harness.service.connections) == 1)
    await asyncio.sleep(1.2)
    assert len(harness.service.connections) == 1


async def test_a_graceful_end_loses_nothing_and_sends_nothing_twice(opened, wakeup):
    harness = await opened()
    await harness.sender.send(harness.address(), wakeup)
    (old,) = harness.service.connections
    old.held = {}
    phones = [harness.address() for _ in range(40)]
    sends = [asyncio.create_task(harness.sender.send(phone, wakeup)) for phone in phones]
    await until(lambda: len(old.held) == 40)
    ids = sorted(old.held)
    # The upper half was not looked at, says the service; so nobody has those.
    for _ in range(20):
        harness.journal.arrivals.pop()
    for stream_id in ids[20:]:
        del old.held[stream_id]
    old.go_away(ids[19])
    await until(lambda: harness.service.dialled == 2)
    await until(lambda: len(harness.journal.arrivals) == 41)
    old.release()
    await asyncio.gather(*sends)
    taken = Counter(arrival.address for arrival in harness.journal.arrivals)
    assert set(taken.values()) == {1}
    await until(lambda: len(harness.service.connections) == 1)


async def test_while_a_connection_drains_a_new_one_serves(opened, wakeup):
    harness = await opened()
    await harness.sender.send(harness.address(), wakeup)
    (old,) = harness.service.connections
    old.held = {}
    waiting = asyncio.create_task(harness.sender.send(harness.address(), wakeup))
    await until(lambda: old.held)
    old.go_away(max(old.held))
    await harness.sender.send(harness.address(), wakeup)
    assert not waiting.done()
    old.release()
    await waiting


async def test_a_connection_that_has_had_its_share_of_streams_is_replaced(
    opened, wakeup, monkeypatch
):
    monkeypatch.setattr(apns_connection, "LAST_STREAM_ID", 9)
    harness = await opened()
    for _ in range(20):
        await harness.sender.send(harness.address(), wakeup)
    assert harness.service.dialled >= 4
    assert len(harness.journal.arrivals) == 20
