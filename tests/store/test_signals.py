"""Signals across nodes: none is lost, none holds a connection."""

import asyncio
import time
from datetime import timedelta

import pytest

from pairing_server.store import StoreUnavailableError, redis_store, signals
from tests.valkey import opened, run, running_valkey, wired

SHORT = timedelta(seconds=0.05)
LONG = timedelta(seconds=10)


@pytest.fixture
async def other(store, valkey_url):
    async with opened(valkey_url) as node:
        yield node


async def settle(store):
    """Wait until everything signalled so far has arrived: a ping comes last."""
    await store.ping()


async def test_a_signal_wakes_a_waiter_on_another_node(store, other):
    async with store.listen("channel") as listener:
        waiting = asyncio.create_task(listener.wait(LONG))
        await asyncio.sleep(0.02)
        await other.signal("channel")
        assert await waiting


async def test_a_signal_since_opening_returns_at_once(store, other):
    async with store.listen("channel") as listener:
        await other.signal("channel")
        await settle(store)
        assert await listener.wait(timedelta(0)) or await listener.wait(LONG)


async def test_a_signal_between_two_waits_returns_at_once(store):
    async with store.listen("channel") as listener:
        assert not await listener.wait(SHORT)
        await store.signal("channel")
        assert await listener.wait(LONG)


async def test_a_signal_is_heard_once(store):
    async with store.listen("channel") as listener:
        await store.signal("channel")
        assert await listener.wait(LONG)
        assert not await listener.wait(SHORT)


async def test_a_signal_that_comes_as_the_time_ends_is_heard(store):
    async with store.listen("channel") as listener:
        waiting = asyncio.create_task(listener.wait(timedelta(0)))
        await asyncio.sleep(0)
        listener.wake()
        heard = await waiting
        assert heard or await listener.wait(timedelta(0))


async def test_a_cancelled_wait_leaves_the_signal(store):
    async with store.listen("channel") as listener:
        waiting = asyncio.create_task(listener.wait(LONG))
        await asyncio.sleep(0)
        listener.wake()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert await listener.wait(LONG)


async def test_a_wait_ends_when_its_time_is_up(store):
    async with store.listen("channel") as listener:
        before = time.monotonic()
        assert not await listener.wait(SHORT)
        assert 0.04 < time.monotonic() - before < 1


async def test_a_signal_on_one_channel_is_not_heard_on_another(store):
    same_shard = next(
        name for name in map(str, range(1000)) if signals.shard(name) == signals.shard("channel")
    )
    async with store.listen(same_shard) as listener:
        await store.signal("channel")
        assert not await listener.wait(SHORT)


async def test_every_listener_of_a_channel_is_woken(store):
    async with store.listen("channel") as one, store.listen("channel") as two:
        await store.signal("channel")
        assert await asyncio.gather(one.wait(LONG), two.wait(LONG)) == [True, True]


async def test_a_closed_listener_leaves_nothing_behind(store):
    async with store.listen("channel"), store.listen("channel"):
        pass
    assert not store._signals._listeners


async def test_ten_thousand_listeners_hold_no_connection(store, other):
    listeners = [store.listen(f"channel:{number}") for number in range(10_000)]
    opened_listeners = [await listener.__aenter__() for listener in listeners]
    waits = [asyncio.create_task(each.wait(LONG)) for each in opened_listeners]
    await asyncio.sleep(0)
    assert len((await run(store, "CLIENT", "LIST")).splitlines()) < 10
    await asyncio.gather(*(other.signal(f"channel:{number}") for number in range(10_000)))
    assert all(await asyncio.gather(*waits))
    for listener in listeners:
        await listener.__aexit__(None, None, None)


async def test_draining_ends_every_wait_and_every_later_one(store):
    async with store.listen("channel") as one, store.listen("other") as two:
        waits = [asyncio.create_task(each.wait(LONG)) for each in (one, two)]
        await asyncio.sleep(0)
        before = time.monotonic()
        store.drain()
        assert await asyncio.gather(*waits) == [False, False]
        await store.signal("channel")
        await store.ping()
        assert not await one.wait(LONG)
        async with store.listen("channel") as late:
            assert not await late.wait(LONG)
        assert time.monotonic() - before < 2


async def test_a_lost_subscription_comes_back_and_wakes_every_listener_once(store):
    async with store.listen("one") as one, store.listen("two") as two:
        waits = [asyncio.create_task(each.wait(LONG)) for each in (one, two)]
        await asyncio.sleep(0)
        await run(store, "CLIENT", "KILL", "TYPE", "pubsub")
        assert await asyncio.gather(*waits) == [True, True]
        assert not await one.wait(SHORT)
        await store.signal("one")
        assert await one.wait(LONG)


async def test_a_silent_subscription_is_noticed_and_replaced(monkeypatch, tmp_path):
    monkeypatch.setattr(signals, "HEARTBEAT", 0.1)
    with running_valkey() as path:
        async with wired(path, tmp_path / "wire") as wire, opened(wire.url) as store:
            async with store.listen("channel") as listener:
                wire.freeze(b"SUBSCRIBE")
                assert await listener.wait(LONG)
            await store.ping()


async def test_a_quiet_subscription_is_kept(monkeypatch, store):
    monkeypatch.setattr(signals, "HEARTBEAT", 0.05)
    await store._signals.close()
    store._signals._task = None
    await store.ping()
    subscribed = await run(store, "CLIENT", "LIST", "TYPE", "pubsub")
    await asyncio.sleep(0.4)
    ids = [line.split()[0] for line in subscribed.splitlines()]
    later = await run(store, "CLIENT", "LIST", "TYPE", "pubsub")
    assert ids == [line.split()[0] for line in later.splitlines()]


async def test_a_ping_without_a_subscription_fails(monkeypatch, store):
    monkeypatch.setattr(redis_store, "DEADLINE", 0.2)
    await store._signals.close()
    with pytest.raises(StoreUnavailableError):
        await store.ping()


async def test_the_pauses_between_attempts_to_subscribe_grow_until_one_succeeds(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(signals, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(signals, "LAST_PAUSE", 0.04)
    address = tmp_path / "address"
    store = redis_store.RedisStore(f"unix://{address}")
    async with store.listen("channel") as listener:
        await asyncio.sleep(0.2)
        assert store._signals._pause == 0.04
        with running_valkey() as path:
            address.symlink_to(path)
            assert await listener.wait(LONG)
            assert store._signals._pause == 0.01
            await store.close()


async def test_a_ping_without_a_server_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(redis_store, "DEADLINE", 0.2)
    store = redis_store.RedisStore(f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(StoreUnavailableError):
        await store.ping()
    await store.close()
