"""Notifications that are to be sent: kept, read by nobody else, and taken over from the dead."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import chain

import pytest

from pairing_server.keys.seal import Seal
from pairing_server.oidc.ping_queue import SILENCE, Entry, Ping, PingQueue, Shard
from pairing_server.tokens import new_secret
from tests.doubles import StalledStore
from tests.oidc.test_ping import NOW

LASTS = timedelta(seconds=30)
KEY = b"k" * 32


def queue_on(ports, node, key=KEY):
    return PingQueue(ports, Seal(key, ports.random), node, LASTS)


def ping_named(ports, request, lifetime=timedelta(minutes=2)):
    return Ping(
        request=request,
        client_id="his",
        auth_req_id=new_secret(ports.random),
        token=new_secret(ports.random),
        expires_at=ports.clock() + lifetime,
    )


@pytest.fixture
async def queue(ports):
    made = queue_on(ports, "a")
    await made.beat()
    return made


async def test_a_ping_is_kept_until_it_is_removed(ports, queue):
    ping = ping_named(ports, "one")
    await queue.put(ping)
    assert await queue.get("one") == ping
    assert await queue_on(ports, "b").get("one") == ping
    await queue.remove("one")
    assert await queue.get("one") is None
    await queue.remove("one")


class ReadingStore:
    """A Store of which somebody reads all that is written."""

    def __init__(self, store):
        self.store, self.seen = store, b""

    def __getattr__(self, name):
        return getattr(self.store, name)

    async def create(self, key, value, ttl):
        self.seen += key.encode() + value
        return await self.store.create(key, value, ttl)

    async def swap(self, key, old, new, ttl=None, signal=None):
        self.seen += key.encode() + new
        return await self.store.swap(key, old, new, ttl, signal)


async def test_who_reads_the_store_learns_neither_secret(ports):
    spied = ReadingStore(ports.store)
    queue = queue_on(replace(ports, store=spied), "a")
    pings = [ping_named(ports, name) for name in ("one", "two")]
    for ping in pings:
        await queue.put(ping)
    assert b"his" in spied.seen
    for ping in pings:
        assert ping.auth_req_id.encode() not in spied.seen
        assert ping.token.encode() not in spied.seen


async def test_what_somebody_else_wrote_there_is_no_ping(ports, queue):
    await queue.put(ping_named(ports, "one"))
    assert await queue_on(ports, "b", b"x" * 32).get("one") is None
    # Under another name it is none either.
    raw = await ports.store.get("ping:one")
    await ports.store.create("ping:two", raw, LASTS)
    assert await queue.get("two") is None


async def test_a_node_that_lives_keeps_what_it_has(ports, queue):
    await queue.put(ping_named(ports, "one"))
    assert await queue_on(ports, "b").adopt() == []


async def test_what_a_node_left_is_taken_over_once(ports, queue):
    names = [f"request-{number}" for number in range(40)]
    for name in names:
        await queue.put(ping_named(ports, name))
    await queue.leave()
    nodes = [queue_on(ports, node) for node in "bcde"]
    await asyncio.gather(*(node.beat() for node in nodes))
    adopted = await asyncio.gather(*(node.adopt() for node in nodes))
    assert sorted(chain.from_iterable(adopted)) == sorted(names)
    assert await asyncio.gather(*(node.adopt() for node in nodes)) == [[], [], [], []]


async def test_of_two_that_take_over_at_once_one_does(ports, queue):
    await queue.put(ping_named(ports, "one"))
    await queue.leave()
    other = queue_on(ports, "b")
    await other.beat()
    stalled = StalledStore(ports.store, other.adopt)
    late = queue_on(replace(ports, store=stalled), "c")
    assert await late.adopt() == []
    assert stalled.stalled
    assert await other.adopt() == []


@pytest.mark.parametrize("name", ["one", "two"])
async def test_none_is_lost_that_are_put_or_removed_at_the_same_moment(ports, name, monkeypatch):
    monkeypatch.setattr("pairing_server.oidc.ping_queue.SHARDS", 1)
    first = queue_on(ports, "a")
    await first.put(ping_named(ports, "old"))
    ping = ping_named(ports, name)
    stalled = StalledStore(ports.store, lambda: first.put(ping_named(ports, "meanwhile")))
    late = queue_on(replace(ports, store=stalled), "a")
    await (late.put(ping) if name == "one" else late.remove("old"))
    assert stalled.stalled
    heir = queue_on(ports, "b")
    expected = {"one": ["meanwhile", "old", "one"], "two": ["meanwhile"]}
    assert sorted(await heir.adopt()) == expected[name]


async def test_a_node_that_says_nothing_for_long_is_gone(ports, queue, monkeypatch):
    monkeypatch.setattr("pairing_server.oidc.ping_queue.SILENCE", timedelta(milliseconds=50))
    await queue.leave()
    await queue.beat()
    await queue.put(ping_named(ports, "one"))
    heir = queue_on(ports, "b")
    assert await heir.adopt() == []
    await asyncio.sleep(0.06)
    assert await heir.adopt() == ["one"]


async def test_a_word_lengthens_a_life(ports, queue, monkeypatch):
    monkeypatch.setattr("pairing_server.oidc.ping_queue.SILENCE", timedelta(milliseconds=50))
    await queue.leave()
    await queue.beat()
    monkeypatch.setattr("pairing_server.oidc.ping_queue.SILENCE", SILENCE)
    await queue.beat()
    await queue.put(ping_named(ports, "one"))
    await asyncio.sleep(0.06)
    assert await queue_on(ports, "b").adopt() == []


def test_a_list_drops_what_is_over_when_it_grows():
    shard = Shard((Entry("old", "a", NOW), Entry("new", "a", NOW + LASTS)))
    grown = shard.put(Entry("one", "b", NOW + LASTS), NOW)
    assert [entry.request for entry in grown.entries] == ["new", "one"]
