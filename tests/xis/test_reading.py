"""Two readers lose nothing: each goes on where it was, whatever got lost on the way."""

import asyncio
from datetime import timedelta

import pytest

from pairing_server.registry import xis_events
from pairing_server.registry.xis_events import KEPT_FOR, LISTED
from pairing_server.xis.refusals import EventsForgotten
from tests.approvals.desk import held
from tests.oidc.test_redemption import close_client
from tests.xis.client import CANCELLED, INITIALIZED, OPENED
from tests.xis.flows import Steps, client_of

NO_TIME = timedelta(0)


def types(told):
    return [each.type for each in told]


def numbers(told):
    return [each.id for each in told]


async def tell(desk, count, now=None):
    """Put events into the registry as if something had happened."""
    client = await client_of(desk)
    at = now or desk.house.ports.clock()

    def change(tx):
        for _ in range(count):
            xis_events.append(tx, client.id, OPENED, "{}", at)

    await desk.house.registry.commit(change)


async def test_every_reader_with_a_number_reads_everything(xis):
    await xis.open()
    first = await xis.events(after=0)
    await xis.open(WorkstationId="ws-2")
    readers = [await xis.events(after=0), await xis.events(after=first[-1].id)]
    assert numbers(readers[0]) == [1, 2]
    assert readers[1] == readers[0][1:]


async def test_an_answer_that_got_lost_is_read_again(xis):
    await xis.open()
    assert await xis.events(after=0) == await xis.events(after=0) != []


async def test_readers_without_a_number_are_told_each_event_once(xis):
    for n in range(8):
        await xis.open(WorkstationId=f"ws-{n}")
    read = await asyncio.gather(*(xis.events() for _ in range(8)))
    assert sorted(number for told in read for number in numbers(told)) == list(range(1, 9))
    assert await xis.events() == []


async def test_a_reader_without_a_number_takes_nothing_from_one_that_has_one(xis):
    await xis.open()
    assert types(await xis.events()) == [INITIALIZED]
    assert types(await xis.events(after=0)) == [INITIALIZED]


@pytest.mark.parametrize("after", [None, 1])
async def test_a_held_read_returns_with_the_event(desk, xis, after):
    opened = await xis.open()
    await xis.events()
    request = await xis.scan(opened)
    reading = await held(xis.events(after=after, wait=20))
    await desk.phone.approve(request, "")
    assert types(await asyncio.wait_for(reading, 3)) == [OPENED]


async def test_two_held_readers_hear_of_one_event(desk, xis):
    opened = await xis.open()
    request = await xis.scan(opened)
    readings = [await held(xis.events(after=1, wait=20)) for _ in range(2)]
    await desk.phone.deny(request)
    read = await asyncio.wait_for(asyncio.gather(*readings), 3)
    assert [types(told) for told in read] == [[CANCELLED]] * 2


async def test_a_held_read_returns_when_a_session_runs_out(xis, clock):
    await xis.open()
    clock.advance(timedelta(minutes=2) - timedelta(seconds=0.5))
    told = await asyncio.wait_for(xis.events(after=1, wait=20), 3)
    assert types(told) == [CANCELLED]


async def test_a_stream_goes_on_where_its_reader_was(desk, xis):
    opened = await xis.open()
    streaming = await held(xis.stream(after=0, count=2))
    await desk.phone.approve(await xis.scan(opened), "")
    told = await asyncio.wait_for(streaming, 3)
    assert (numbers(told), types(told)) == ([1, 2], [INITIALIZED, OPENED])
    assert await xis.stream(after=1, count=1) == told[1:]


async def test_more_than_one_answer_holds_are_read_in_order(desk, xis):
    await tell(desk, LISTED + 5)
    first = await xis.events(after=0)
    rest = await xis.events(after=first[-1].id)
    assert numbers(first + rest) == list(range(1, LISTED + 6))
    assert numbers(await xis.stream(after=3, count=LISTED + 2)) == list(range(4, LISTED + 6))
    assert numbers(await xis.events() + await xis.events()) == list(range(1, LISTED + 6))


async def test_what_is_not_kept_any_more_is_said_to_be_lost(desk, xis, stores, clock):
    await tell(desk, 3, clock() - KEPT_FOR)
    await tell(desk, 1)
    reading, client = Steps(desk, stores).reading, await client_of(desk)
    assert [each.number for each in await reading.after(client, 0, NO_TIME)] == [4]
    assert [each.number for each in await reading.after(client, 3, NO_TIME)] == [4]
    for number in (1, 2, 5):
        with pytest.raises(EventsForgotten):
            await reading.after(client, number, NO_TIME)


async def test_a_stream_that_begins_in_what_is_lost_is_refused_in_words(desk, xis, clock):
    await tell(desk, 2, clock() - KEPT_FOR)
    await tell(desk, 1)
    status, refused = await xis.call(
        "GET", "/v1/events", Accept="text/event-stream", **{"Last-Event-ID": "1"}
    )
    assert (status, refused["error"]) == (410, "events_forgotten")


async def test_a_stream_ends_with_its_client(desk, xis, stores):
    await xis.open()
    reading, client = Steps(desk, stores).reading, await client_of(desk)
    await close_client(desk)
    lasting = timedelta(minutes=1)
    async with asyncio.timeout(10):
        assert [each.number async for each in reading.stream(client, 0, lasting)] == [1]


async def test_a_server_that_stops_ends_a_held_read(desk, xis, stores):
    reading, client = Steps(desk, stores).reading, await client_of(desk)
    waiting = await held(reading.after(client, 0, timedelta(seconds=20)))
    desk.house.store.drain()
    assert await asyncio.wait_for(waiting, 2) == []
