"""Typed records, and what happens when another is faster between the read and the write."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from pairing_server.store.shelf import GRACE, Shelf
from tests.doubles import FrozenClock, StalledStore
from tests.valkey import run

MINUTE = timedelta(minutes=1)


class Counter(msgspec.Struct, frozen=True):
    count: int
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)


def increment(counter):
    return Counter(counter.count + 1)


@pytest.fixture
def shelf(store):
    return Shelf(store, "counter", Counter)


async def test_a_record_comes_back_as_it_was_put(shelf):
    assert await shelf.create("one", Counter(1), MINUTE)
    assert (await shelf.get("one")).value == Counter(1)


async def test_a_record_is_created_once(shelf):
    await shelf.create("one", Counter(1), MINUTE)
    assert not await shelf.create("one", Counter(2), MINUTE)


async def test_shelves_with_different_prefixes_do_not_meet(shelf, store):
    await shelf.create("one", Counter(1), MINUTE)
    assert await Shelf(store, "other", Counter).get("one") is None


async def test_a_record_outlives_its_lifetime_by_the_grace(shelf, store):
    await shelf.create("one", Counter(1), MINUTE)
    left = timedelta(milliseconds=await run(store, "PTTL", shelf.key("one")))
    assert MINUTE + GRACE - timedelta(seconds=1) < left <= MINUTE + GRACE


async def test_a_swap_keeps_the_lifetime_or_sets_one_with_grace(shelf, store):
    await shelf.create("one", Counter(1), timedelta(hours=1))
    await shelf.swap("one", await shelf.get("one"), Counter(2))
    assert await run(store, "PTTL", shelf.key("one")) > 3_600_000
    await shelf.swap("one", await shelf.get("one"), Counter(3), MINUTE)
    assert 119_000 < await run(store, "PTTL", shelf.key("one")) <= 120_000


async def test_a_swap_of_what_another_changed_is_lost(shelf):
    await shelf.create("one", Counter(1), MINUTE)
    stale = await shelf.get("one")
    await shelf.swap("one", stale, Counter(2))
    assert not await shelf.swap("one", stale, Counter(3))
    assert (await shelf.get("one")).value == Counter(2)


async def test_a_change_applies_the_rule(shelf):
    await shelf.create("one", Counter(1), MINUTE)
    assert await shelf.change("one", increment) == Counter(2)
    assert (await shelf.get("one")).value == Counter(2)


async def test_a_change_starts_over_when_another_was_faster(shelf, store):
    await shelf.create("one", Counter(1), MINUTE)
    stalled = StalledStore(store, lambda: shelf.change("one", increment))
    assert await Shelf(stalled, "counter", Counter).change("one", increment) == Counter(3)
    assert stalled.stalled


async def test_a_change_of_what_another_takes_meanwhile_finds_none(shelf, store):
    await shelf.create("one", Counter(1), MINUTE)
    stalled = StalledStore(store, lambda: shelf.take("one"))
    assert await Shelf(stalled, "counter", Counter).change("one", increment) is None
    assert stalled.stalled
    assert await shelf.get("one") is None


async def test_a_rule_that_refuses_what_another_made_ends_the_change(shelf, store):
    def only_once(counter):
        if counter.count > 1:
            raise PermissionError
        return increment(counter)

    await shelf.create("one", Counter(1), MINUTE)
    stalled = StalledStore(store, lambda: shelf.change("one", increment))
    with pytest.raises(PermissionError):
        await Shelf(stalled, "counter", Counter).change("one", only_once)
    assert (await shelf.get("one")).value == Counter(2)


async def test_a_change_that_changes_nothing_writes_nothing(shelf, store):
    await shelf.create("one", Counter(1), MINUTE)
    stalled = StalledStore(store, lambda: shelf.take("one"))
    assert await Shelf(stalled, "counter", Counter).change("one", lambda same: same) == Counter(1)
    assert not stalled.stalled


class CountingStore(StalledStore):
    """Counts what is read."""

    reads = 0

    async def get(self, key):
        self.reads += 1
        return await super().get(key)


async def test_what_is_known_is_not_read_again(shelf, store):
    await shelf.create("one", Counter(1), MINUTE)
    counting = CountingStore(store, lambda: asyncio.sleep(0))
    known = Shelf(counting, "counter", Counter)
    assert await known.change("one", increment, Counter(1)) == Counter(2)
    assert counting.reads == 0
    assert (await shelf.get("one")).value == Counter(2)


async def test_what_is_known_no_longer_is_read_again(shelf):
    await shelf.create("one", Counter(5), MINUTE)
    assert await shelf.change("one", increment, Counter(1)) == Counter(6)
    assert (await shelf.get("one")).value == Counter(6)


async def test_what_would_stay_as_it_is_known_is_read_again(shelf):
    await shelf.create("one", Counter(5), MINUTE)
    as_it_is = Counter(1)
    assert await shelf.change("one", lambda same: same, as_it_is) == Counter(5)


async def test_what_is_known_and_gone_is_none(shelf):
    assert await shelf.change("one", increment, Counter(1)) is None
    assert await shelf.get("one") is None


@pytest.mark.parametrize("known", [None, Counter(1)])
@pytest.mark.parametrize("rule", [increment, lambda same: same])
async def test_news_wakes_who_listens_to_the_record(shelf, store, rule, known):
    await shelf.create("one", Counter(1), MINUTE)
    async with store.listen(shelf.key("one")) as listener:
        await shelf.change("one", rule, known, is_news=True)
        assert await listener.wait(MINUTE)


async def test_what_is_no_news_wakes_nobody(shelf, store):
    await shelf.create("one", Counter(1), MINUTE)
    async with store.listen(shelf.key("one")) as listener:
        await shelf.change("one", increment)
        await store.ping()
        assert not await listener.wait(timedelta(0))


async def test_a_change_of_nothing_is_none(shelf):
    assert await shelf.change("one", increment) is None


async def test_64_changes_at_once_all_count(shelf):
    await shelf.create("one", Counter(0), MINUTE)
    await asyncio.gather(*(shelf.change("one", increment) for _ in range(64)))
    assert (await shelf.get("one")).value == Counter(64)


async def test_a_taken_record_is_gone(shelf):
    await shelf.create("one", Counter(1), MINUTE)
    taken = await asyncio.gather(*(shelf.take("one") for _ in range(8)))
    assert taken.count(Counter(1)) == 1
    assert taken.count(None) == 7


async def test_a_deleted_record_is_gone(shelf):
    await shelf.create("one", Counter(1), MINUTE)
    assert await shelf.delete("one")
    assert not await shelf.delete("one")
    assert await shelf.get("one") is None


async def test_a_stalled_store_stalls_every_kind_of_write_once(store):
    writes = {
        "swap": ("key", b"value", b"value"),
        "take": ("key",),
        "delete": ("key",),
    }
    for verb, arguments in writes.items():
        meanwhile = []

        async def note(meanwhile=meanwhile):
            meanwhile.append(await store.get("key"))

        await store.create("key", b"value", MINUTE)
        stalled = StalledStore(store, note)
        await getattr(stalled, verb)(*arguments)
        await stalled.create("key", b"value", MINUTE)
        assert meanwhile == []
        await stalled.get("key")
        await getattr(stalled, verb)(*arguments)
        await getattr(stalled, verb)(*arguments)
        assert meanwhile == [b"value"]
        await store.delete("key")


def test_a_frozen_clock_moves_only_when_told():
    clock = FrozenClock()
    before = clock()
    assert clock() == before
    clock.advance(MINUTE)
    assert clock() == before + MINUTE
