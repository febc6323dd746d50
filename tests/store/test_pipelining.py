"""Commands share a round trip, and one caller's trouble is not another's."""

import asyncio
import os
import signal
import time
from datetime import timedelta

import pytest

from pairing_server.store import StoreUnavailableError, pipelining
from pairing_server.store.embedded import EmbeddedValkey
from pairing_server.store.redis_store import RedisStore
from tests.valkey import opened, run, running_valkey, wired

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def wire(tmp_path, valkey_url):
    async with wired(valkey_url.removeprefix("unix://"), tmp_path / "wire") as laid:
        yield laid


@pytest.fixture
async def far(store, wire):
    """A Store at the other end of the wire."""
    async with opened(wire.url) as node:
        yield node


@pytest.fixture
async def stoppable(tmp_path):
    async with EmbeddedValkey(tmp_path) as valkey:
        async with opened(valkey.url) as store:
            yield store, valkey
        os.kill(valkey.pid, signal.SIGCONT)


async def reads(store):
    stats = await run(store, "INFO", "stats")
    return int(stats.partition(b"total_reads_processed:")[2].split()[0])


async def test_commands_of_one_turn_share_a_round_trip(store):
    before = await reads(store)
    await asyncio.gather(*(store.get(f"key:{number}") for number in range(200)))
    assert await reads(store) - before <= 3


async def test_commands_that_gather_meanwhile_share_the_next_round_trip(store):
    async def three_in_a_row(number):
        for _ in range(3):
            await store.get(f"key:{number}")

    before = await reads(store)
    await asyncio.gather(*(three_in_a_row(number) for number in range(200)))
    assert await reads(store) - before <= 20


async def test_each_caller_gets_its_own_reply(store):
    await asyncio.gather(
        *(store.create(f"key:{number}", b"%d" % number, MINUTE) for number in range(1000))
    )
    got = await asyncio.gather(*(store.get(f"key:{number}") for number in range(1000)))
    assert got == [b"%d" % number for number in range(1000)]


async def test_the_busiest_store_holds_few_connections(store):
    async def late(turns):
        for _ in range(turns):
            await asyncio.sleep(0)
        await store.get("key")

    await asyncio.gather(*(late(turns) for turns in range(100)))
    clients = (await run(store, "CLIENT", "LIST", "TYPE", "normal")).splitlines()
    assert len(clients) <= pipelining.LANES


async def test_a_group_is_bounded(monkeypatch, store):
    monkeypatch.setattr(pipelining, "GROUP", 10)
    monkeypatch.setattr(pipelining, "LANES", 1)
    groups = []
    travel = store._pipelining._round_trip

    async def noted(group):
        groups.append(len(group))
        return await travel(group)

    monkeypatch.setattr(store._pipelining, "_round_trip", noted)
    await asyncio.gather(*(store.get("key") for _ in range(25)))
    assert groups == [10, 10, 5]


async def test_a_connection_is_used_again_and_again(store):
    before = await run(store, "INFO", "stats")
    for _ in range(20):
        await store.get("key")
    after = await run(store, "INFO", "stats")
    opened_before, opened_after = (
        each.partition(b"total_connections_received:")[2].split()[0] for each in (before, after)
    )
    assert opened_before == opened_after


async def test_what_comes_unasked_answers_no_command(store):
    await store.create("key", b"value", MINUTE)
    (connection,) = store._pipelining._idle
    await connection.send_packed_command(b"PING\r\n", check_health=False)
    await asyncio.sleep(0.1)
    assert await store.get("key") == b"value"


async def test_whoever_is_cancelled_in_the_queue_sends_nothing(store):
    cancelled = asyncio.create_task(store.create("cancelled", b"value", MINUTE))
    other = asyncio.create_task(store.create("other", b"value", MINUTE))
    await asyncio.sleep(0)
    cancelled.cancel()
    assert await other
    assert await store.get("cancelled") is None


async def test_whoever_is_cancelled_under_way_harms_no_other(stoppable):
    store, valkey = stoppable
    os.kill(valkey.pid, signal.SIGSTOP)
    tasks = [asyncio.create_task(store.create(f"k{n}", b"v", MINUTE)) for n in range(3)]
    await asyncio.sleep(0.05)
    tasks[1].cancel()
    await asyncio.sleep(0.05)
    os.kill(valkey.pid, signal.SIGCONT)
    first, second, third = await asyncio.gather(*tasks, return_exceptions=True)
    assert first is third is True
    assert isinstance(second, asyncio.CancelledError)
    assert await store.get("k2") == b"v"


async def test_a_server_that_stands_still_is_unavailable_at_the_deadline(monkeypatch, stoppable):
    store, valkey = stoppable
    monkeypatch.setattr(pipelining, "DEADLINE", 0.3)
    monkeypatch.setattr(pipelining, "LANES", 1)
    os.kill(valkey.pid, signal.SIGSTOP)
    before = time.monotonic()
    first = asyncio.create_task(store.get("key"))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(store.create("key", b"value", MINUTE))
    outcomes = await asyncio.gather(first, second, return_exceptions=True)
    assert time.monotonic() - before < 1
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailableError] * 2
    os.kill(valkey.pid, signal.SIGCONT)
    monkeypatch.setattr(pipelining, "DEADLINE", 5)
    assert await store.create("later", b"value", MINUTE)


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("create", ("new", b"value", MINUTE)),
        ("swap", ("key", b"value", b"new")),
        ("take", ("key",)),
        ("delete", ("key",)),
    ],
)
async def test_a_write_whose_answer_is_lost_is_not_sent_again(far, store, wire, verb, arguments):
    await store.create("key", b"value", MINUTE)
    wire.cut_at = arguments[0].encode()
    with pytest.raises(StoreUnavailableError):
        await getattr(far, verb)(*arguments)
    assert sum(b"\r\n%b\r\n" % arguments[0].encode() in sent for sent in wire.requests) == 1


async def test_a_read_whose_answer_is_lost_is_sent_once_more(far, store, wire):
    await store.create("key", b"value", MINUTE)
    wire.cut_at = b"key"
    assert await far.get("key") == b"value"


async def test_a_signal_whose_answer_is_lost_is_sent_once_more(far, store, wire):
    async with store.listen("channel") as listener:
        wire.cut_at = b"PUBLISH"
        await far.signal("channel")
        assert await listener.wait(MINUTE)


async def test_a_read_is_not_repeated_for_ever(far, wire):
    wire.cut_at = b"GET"
    wire.keeps_cutting = True
    with pytest.raises(StoreUnavailableError):
        await far.get("key")
    assert sum(b"GET" in sent for sent in wire.requests) == 2


async def test_what_is_sent_once_more_keeps_its_order(far, wire):
    wire.cut_at = b"first"
    await asyncio.gather(far.get("first"), far.get("second"))
    assert wire.requests[-1].index(b"first") < wire.requests[-1].index(b"second")


async def test_a_read_that_is_too_late_harms_none_behind_it(monkeypatch, far, wire):
    monkeypatch.setattr(pipelining, "DEADLINE", 0.3)
    monkeypatch.setattr(pipelining, "LANES", 1)
    await far.get("key")
    wire.freeze(b"GET")
    late = asyncio.create_task(far.get("key"))
    await asyncio.sleep(0.15)
    assert await far.create("key", b"value", MINUTE)
    with pytest.raises(StoreUnavailableError):
        await late


async def test_a_cut_wire_is_laid_anew_for_the_next_call(far, wire):
    wire.cut_at = b"GETDEL"
    with pytest.raises(StoreUnavailableError):
        await far.take("key")
    assert await far.create("key", b"value", MINUTE)


async def test_a_command_waits_for_a_server_that_is_just_coming_back(tmp_path):
    address = tmp_path / "address"
    store = RedisStore(f"unix://{address}")
    creating = asyncio.create_task(store.create("key", b"value", MINUTE))
    await asyncio.sleep(0.05)
    with running_valkey() as path:
        address.symlink_to(path)
        assert await creating
        await store.close()


async def test_a_store_closed_meanwhile_is_unavailable(stoppable):
    store, valkey = stoppable
    os.kill(valkey.pid, signal.SIGSTOP)
    tasks = [asyncio.create_task(store.create(f"k{n}", b"v", MINUTE)) for n in range(600)]
    await asyncio.sleep(0.05)
    await store.close()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {StoreUnavailableError}
