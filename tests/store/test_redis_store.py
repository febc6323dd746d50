"""The contract of the Store, on a real Valkey."""

import asyncio
import traceback
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from pairing_server.store import StoreUnavailableError
from pairing_server.store.redis_store import RedisStore
from tests.valkey import opened, run, running_valkey

MINUTE = timedelta(minutes=1)
EVERY_BYTE = bytes(range(256))


async def test_a_value_is_created_once(store):
    assert await store.create("key", b"first", MINUTE)
    assert not await store.create("key", b"second", MINUTE)
    assert await store.get("key") == b"first"


async def test_what_was_never_there_is_none(store):
    assert await store.get("key") is None
    assert await store.take("key") is None
    assert not await store.delete("key")
    assert not await store.swap("key", b"", b"new")


async def test_every_byte_survives_every_verb(store):
    await store.create("sleutel-é", EVERY_BYTE, MINUTE)
    assert await store.get("sleutel-é") == EVERY_BYTE
    assert await store.swap("sleutel-é", EVERY_BYTE, EVERY_BYTE[::-1])
    assert await store.take("sleutel-é") == EVERY_BYTE[::-1]


async def test_an_empty_value_is_a_value(store):
    assert await store.create("key", b"", MINUTE)
    assert await store.get("key") == b""
    assert await store.swap("key", b"", b"")
    assert await store.take("key") == b""


async def test_a_swap_compares_the_bytes(store):
    await store.create("key", b"old", MINUTE)
    assert not await store.swap("key", b"older", b"new")
    assert await store.get("key") == b"old"
    assert await store.swap("key", b"old", b"new")
    assert await store.get("key") == b"new"


async def test_a_swap_that_was_made_signals_in_the_same_step(store):
    await store.create("key", b"old", MINUTE)
    async with store.listen("channel") as listener:
        assert await store.swap("key", b"old", b"new", MINUTE, "channel")
        assert await listener.wait(MINUTE)
        assert await store.swap("key", b"new", b"newer", None, "channel")
        assert await listener.wait(MINUTE)


async def test_a_swap_that_was_lost_signals_nothing(store):
    await store.create("key", b"old", MINUTE)
    async with store.listen("channel") as listener:
        assert not await store.swap("key", b"other", b"new", MINUTE, "channel")
        await store.ping()
        assert not await listener.wait(timedelta(0))


async def test_what_is_taken_is_gone(store):
    await store.create("key", b"value", MINUTE)
    assert await store.take("key") == b"value"
    assert await store.get("key") is None


async def test_what_is_deleted_is_gone(store):
    await store.create("key", b"value", MINUTE)
    assert await store.delete("key")
    assert await store.get("key") is None


async def test_a_created_value_lives_for_its_lifetime(store):
    await store.create("key", b"value", MINUTE)
    assert 59_000 < await run(store, "PTTL", "key") <= 60_000


async def test_a_swap_keeps_what_is_left_of_the_lifetime(store):
    await store.create("key", b"old", timedelta(hours=1))
    await run(store, "PEXPIRE", "key", 30_000)
    await store.swap("key", b"old", b"new")
    assert 29_000 < await run(store, "PTTL", "key") <= 30_000


async def test_a_swap_can_set_a_new_lifetime(store):
    await store.create("key", b"old", timedelta(hours=1))
    await store.swap("key", b"old", b"new", MINUTE)
    assert 59_000 < await run(store, "PTTL", "key") <= 60_000


async def test_a_lost_swap_leaves_the_lifetime(store):
    await store.create("key", b"old", timedelta(hours=1))
    await store.swap("key", b"other", b"new", MINUTE)
    assert await run(store, "PTTL", "key") > 3_500_000


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(seconds=-1), timedelta(microseconds=1)])
async def test_a_lifetime_that_is_over_ends_at_once(store, ttl):
    assert await store.create("key", b"value", ttl)
    await asyncio.sleep(0.01)
    assert await store.get("key") is None


@pytest.fixture
async def nodes(store, valkey_url):
    async with opened(valkey_url) as second, opened(valkey_url) as third:
        yield [store, second, third] * 21 + [store]


async def test_of_64_who_create_one_wins(nodes):
    won = await asyncio.gather(*(node.create("key", b"value", MINUTE) for node in nodes))
    assert Counter(won) == {True: 1, False: 63}


async def test_of_64_who_swap_the_same_bytes_one_wins(store, nodes):
    await store.create("key", b"old", MINUTE)
    swaps = (node.swap("key", b"old", b"%d" % number) for number, node in enumerate(nodes))
    won = await asyncio.gather(*swaps)
    assert Counter(won) == {True: 1, False: 63}
    assert await store.get("key") == b"%d" % won.index(True)


async def test_of_64_who_take_one_wins(store, nodes):
    await store.create("key", b"value", MINUTE)
    taken = await asyncio.gather(*(node.take("key") for node in nodes))
    assert Counter(taken) == {b"value": 1, None: 63}


async def test_of_64_who_delete_one_hears_that_it_was_there(store, nodes):
    await store.create("key", b"value", MINUTE)
    assert Counter(await asyncio.gather(*(node.delete("key") for node in nodes)))[True] == 1


async def test_an_error_for_a_reply_is_the_callers_alone(store):
    await run(store, "LPUSH", "list", "x")
    wrong, right = await asyncio.gather(
        store.get("list"), store.create("key", b"value", MINUTE), return_exceptions=True
    )
    assert isinstance(wrong, StoreUnavailableError)
    assert wrong.__cause__ is not None
    assert right is True


async def test_a_replica_refuses_and_the_next_call_finds_the_new_primary(tmp_path):
    # The link is the service address that moves from one server to the other.
    address = tmp_path / "address"
    with running_valkey() as demoted, running_valkey() as promoted:
        address.symlink_to(demoted)
        async with opened(f"unix://{address}") as store:
            await store.create("key", b"value", MINUTE)
            await run(store, "REPLICAOF", "127.0.0.1", "1")
            address.unlink()
            address.symlink_to(promoted)
            with pytest.raises(StoreUnavailableError):
                await store.swap("key", b"value", b"new")
            assert await store.create("key", b"value", MINUTE)
            await store.ping()


@pytest.mark.parametrize("verb", ["create", "swap", "take", "delete"])
async def test_a_write_to_a_replica_is_unavailable(verb):
    arguments = {
        "create": ("key", b"value", MINUTE),
        "swap": ("key", b"value", b"new"),
        "take": ("key",),
        "delete": ("key",),
    }
    with running_valkey() as path:
        async with opened(f"unix://{path}") as store:
            await store.create("key", b"value", MINUTE)
            await run(store, "REPLICAOF", "127.0.0.1", "1")
            with pytest.raises(StoreUnavailableError):
                await getattr(store, verb)(*arguments[verb])


async def test_no_server_is_unavailable(tmp_path):
    store = RedisStore(f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(StoreUnavailableError) as caught:
        await store.get("key")
    assert caught.value.__cause__ is not None
    await store.close()


async def test_a_wrong_password_is_unavailable_and_never_shown(capsys):
    with running_valkey("--requirepass", "right") as path:
        store = RedisStore(f"unix://:s3cret@{path}")
        with pytest.raises(StoreUnavailableError) as caught:
            await store.get("key")
        await store.close()
    logged = capsys.readouterr().out
    shown = "".join(traceback.format_exception(caught.value)) + logged
    assert "invalid username-password pair" in logged
    assert "s3cret" not in shown
    assert "s3cret" not in repr(vars(store))


async def test_the_right_password_opens():
    with running_valkey("--requirepass", "p@ss/word") as path:
        async with opened(f"unix://:p%40ss%2Fword@{path}") as store:
            assert await store.create("key", b"value", MINUTE)


async def test_a_closed_store_is_unavailable(valkey_url):
    async with opened(valkey_url) as store:
        pass
    with pytest.raises(StoreUnavailableError):
        await store.get("key")


async def test_closing_leaves_no_connection(store, valkey_url):
    async with opened(valkey_url) as other:
        await other.get("key")
        before = len((await run(store, "CLIENT", "LIST")).splitlines())
    await asyncio.sleep(0.05)
    assert len((await run(store, "CLIENT", "LIST")).splitlines()) == before - 2


class FiveVerbs(RuleBasedStateMachine):
    """The verbs on the server do what they do on a dictionary."""

    keys = st.sampled_from(["a", "b:é"])
    values = st.binary(max_size=3)

    def __init__(self, url):
        super().__init__()
        self.runner = asyncio.Runner()
        self.store = RedisStore(url)
        self.runner.run(run(self.store, "FLUSHALL"))
        self.model = {}

    @rule(key=keys, value=values)
    def create(self, key, value):
        created = self.runner.run(self.store.create(key, value, MINUTE))
        assert created == (key not in self.model)
        self.model.setdefault(key, value)

    @rule(key=keys)
    def get(self, key):
        assert self.runner.run(self.store.get(key)) == self.model.get(key)

    @rule(key=keys, old=values, new=values, known=st.booleans(), lifetime=st.booleans())
    def swap(self, key, old, new, known, lifetime):
        old = self.model.get(key, old) if known else old
        ttl = MINUTE if lifetime else None
        swapped = self.runner.run(self.store.swap(key, old, new, ttl))
        assert swapped == (self.model.get(key) == old)
        self.model |= {key: new} if swapped else {}

    @rule(key=keys)
    def take(self, key):
        assert self.runner.run(self.store.take(key)) == self.model.pop(key, None)

    @rule(key=keys)
    def delete(self, key):
        deleted = self.runner.run(self.store.delete(key))
        assert deleted == (self.model.pop(key, None) is not None)

    def teardown(self):
        self.runner.run(self.store.close())
        self.runner.close()


def test_the_verbs_do_what_they_do_on_a_dictionary(valkey_url):
    run_state_machine_as_test(
        lambda: FiveVerbs(valkey_url),
        settings=settings(max_examples=30, stateful_step_count=25, deadline=None),
    )
