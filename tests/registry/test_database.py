"""The contract of the Registry, on both databases."""

import asyncio
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from pairing_server.registry import (
    AlreadyExistsError,
    RegistryUnavailableError,
    database,
    migrate,
)
from pairing_server.registry.database import SCHEMA, driver_of, open_registry
from pairing_server.registry.tables import audit_event
from tests.databases import execute
from tests.registry.doubles import add_organisation, gather_behind, held_writer, read_uras

_events = sa.select(audit_event).order_by(audit_event.c.sequence)


async def test_what_was_committed_is_read(registry):
    assert await registry.commit(add_organisation("1")) == "1"

    assert await registry.read(read_uras) == ["1"]


async def test_what_was_committed_is_there_after_reopening(open_at, database_url):
    first = open_at(database_url)
    await first.commit(add_organisation("1"))
    await first.close()

    assert await open_at(database_url).read(read_uras) == ["1"]


async def test_the_event_is_committed_with_the_change(registry):
    await registry.commit(add_organisation("1"))

    rows = await registry.read(lambda tx: tx.all(_events))

    assert [(row["chain"], row["sequence"], row["object"]) for row in rows] == [
        ("main", 1, "organisation:1")
    ]


async def test_a_query_that_raises_tells_its_caller(registry):
    with pytest.raises(ZeroDivisionError):
        await registry.read(lambda _tx: 1 / 0)


async def test_a_taken_key_is_told_as_such(registry):
    await registry.commit(add_organisation("1"))

    with pytest.raises(AlreadyExistsError):
        await registry.commit(add_organisation("1"))


async def test_of_64_who_want_one_key_one_gets_it(registry):
    outcomes = await asyncio.gather(
        *(registry.commit(add_organisation("1", name=str(number))) for number in range(64)),
        return_exceptions=True,
    )

    assert outcomes.count("1") == 1
    assert sum(isinstance(outcome, AlreadyExistsError) for outcome in outcomes) == 63
    assert len(await registry.read(lambda tx: tx.all(_events))) == 1


async def test_of_two_nodes_that_want_the_same_keys_one_gets_each(open_at, database_url):
    nodes = [open_at(database_url, "a"), open_at(database_url, "b")]
    keys = [str(number) for number in range(32)]

    outcomes = await asyncio.gather(
        *(node.commit(add_organisation(key)) for key in keys for node in nodes),
        return_exceptions=True,
    )

    assert sorted(outcome for outcome in outcomes if isinstance(outcome, str)) == sorted(keys)
    assert await nodes[0].read(read_uras) == sorted(keys)


async def test_two_writers_of_one_chain_stand_in_line(open_at, database_url):
    writers = [open_at(database_url, "one"), open_at(database_url, "one")]

    await asyncio.gather(
        *(writers[number % 2].commit(add_organisation(str(number))) for number in range(40))
    )

    rows = await writers[0].read(lambda tx: tx.all(_events))
    assert [row["sequence"] for row in rows] == list(range(1, 41))
    assert [row["previous"] for row in rows[1:]] == [row["hash"] for row in rows[:-1]]


async def test_ping_accepts_the_newest_schema(registry):
    await registry.ping()


async def test_ping_refuses_an_older_schema(open_at, own_url):
    execute(own_url, "UPDATE alembic_version SET version_num = '0000'")

    with pytest.raises(RegistryUnavailableError, match="upgrade"):
        await open_at(own_url).ping()


async def test_ping_refuses_a_database_without_a_schema(open_at, own_url):
    execute(own_url, "DROP TABLE alembic_version")

    with pytest.raises(RegistryUnavailableError, match="upgrade"):
        await open_at(own_url).ping()


def test_the_schema_that_ping_wants_is_the_newest_migration():
    assert migrate.head() == SCHEMA


async def test_closing_commits_what_has_gathered(open_at, database_url):
    registry = open_at(database_url)
    async with held_writer(registry):
        tasks = await gather_behind(registry, *map(add_organisation, "123"))
        closing = asyncio.create_task(registry.close())
        await asyncio.sleep(0)
    await closing

    assert await asyncio.gather(*tasks) == ["1", "2", "3"]
    assert await open_at(database_url).read(read_uras) == ["1", "2", "3"]


async def test_a_closed_registry_says_so(open_at, database_url):
    registry = open_at(database_url)
    await registry.close()
    await registry.close()

    with pytest.raises(RegistryUnavailableError, match="closed"):
        await registry.commit(add_organisation("1"))
    with pytest.raises(RegistryUnavailableError, match="closed"):
        await registry.read(read_uras)


async def test_nobody_waits_longer_than_the_deadline(registry, monkeypatch):
    async with held_writer(registry):
        monkeypatch.setattr(database, "DEADLINE", timedelta(milliseconds=20))
        with pytest.raises(RegistryUnavailableError, match="in time"):
            await registry.commit(add_organisation("1"))
        monkeypatch.undo()

    assert await registry.read(read_uras) == []


async def test_a_timeout_of_the_change_itself_is_the_callers(registry):
    def change(_tx):
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        await registry.commit(change)


async def test_a_caller_who_gave_up_leaves_the_writer_whole(registry):
    async with held_writer(registry):
        kept, given_up, last = await gather_behind(registry, *map(add_organisation, "123"))
        given_up.cancel()
        await asyncio.sleep(0)

    assert await asyncio.gather(kept, last) == ["1", "3"]
    assert await registry.read(read_uras) == ["1", "3"]


async def test_a_caller_who_gives_up_during_his_change_leaves_the_writer_whole(registry):
    started, go = threading.Event(), threading.Event()

    def change(tx):
        started.set()
        go.wait(10)
        return add_organisation("1")(tx)

    task = asyncio.create_task(registry.commit(change))
    await asyncio.to_thread(started.wait, 10)
    task.cancel()
    await asyncio.sleep(0)
    go.set()

    assert await registry.commit(add_organisation("2")) == "2"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:s3cret@host/database",
        "postgresql://user:s3cret@host:port:port/database?%zz",
        "postgresql://user:s3cret@host/database?nonsense=s3cret",
        "sqlite://s3cret/file",
        "sqlite:///",
        "sqlite:///file?s3cret",
        "s3cret",
    ],
)
def test_a_malformed_url_is_refused_without_repeating_it(url):
    with pytest.raises(ValueError, match="database URL") as raised:
        driver_of(url)

    assert "s3cret" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None or raised.value.__suppress_context__


async def test_the_password_is_not_in_the_error(clock, postgresql_server):
    url = postgresql_server.url("nowhere").replace("postgres@", "postgres:s3cret@")
    registry = open_registry(url, chain="main", clock=clock)

    with pytest.raises(RegistryUnavailableError) as raised:
        await registry.read(read_uras)
    await registry.close()

    assert "s3cret" not in repr(raised.value)
