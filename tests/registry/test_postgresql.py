"""PostgreSQL as several nodes use it: it goes away and comes back, and nodes race."""

import asyncio
import os
import signal
import threading

import psycopg
import pytest
import sqlalchemy as sa

from pairing_server.registry import AlreadyExistsError, RegistryUnavailableError, credentials
from pairing_server.registry import postgresql as module
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.database import Database
from pairing_server.registry.driver import (
    ConnectionLostError,
    ContendedError,
    StatementRefusedError,
)
from pairing_server.registry.postgresql import PostgresqlDriver
from pairing_server.registry.tables import organisation
from tests.databases import execute
from tests.registry.doubles import (
    Once,
    RecordingDriver,
    add_organisation,
    gather_behind,
    held_writer,
    read_uras,
)
from tests.registry.people import CREDENTIAL, NOW, add_everybody

_find = sa.select(organisation.c.name).where(organisation.c.ura == sa.bindparam("key"))
_rename = (
    sa.update(organisation)
    .where(organisation.c.ura == sa.bindparam("key"))
    .values(name=sa.bindparam("new"))
)
_pid = sa.select(sa.func.pg_backend_pid().label("pid"))
_setting = sa.select(sa.func.current_setting(sa.bindparam("name")).label("value"))


@pytest.fixture
def two_nodes(open_at, postgresql_url):
    return open_at(postgresql_url, "a"), open_at(postgresql_url, "b")


async def test_the_registry_recovers_when_the_server_comes_back(
    open_at, postgresql_server, postgresql_url
):
    registry = open_at(postgresql_url)
    await registry.commit(add_organisation("1"))

    postgresql_server.stop()
    with pytest.raises(RegistryUnavailableError):
        await registry.commit(add_organisation("2"))
    with pytest.raises(RegistryUnavailableError):
        await registry.read(read_uras)
    with pytest.raises(RegistryUnavailableError):
        await registry.ping()
    postgresql_server.start()

    assert await registry.commit(add_organisation("3")) == "3"
    assert await registry.read(read_uras) == ["1", "3"]


async def test_a_restart_between_two_changes_goes_unnoticed(
    open_at, postgresql_server, postgresql_url
):
    registry = open_at(postgresql_url)
    await registry.commit(add_organisation("1"))
    await registry.read(read_uras)

    postgresql_server.stop()
    postgresql_server.start()

    assert await registry.commit(add_organisation("2")) == "2"
    assert await registry.read(read_uras) == ["1", "2"]


async def test_a_session_that_falls_silent_is_given_up(open_at, postgresql_url, monkeypatch):
    monkeypatch.setattr(module._Connection, "silence", 0.2)
    monkeypatch.setattr(module, "SILENCE", 0.2)
    registry = open_at(postgresql_url)
    pid = await registry.commit(lambda tx: tx.one(_pid)["pid"])
    os.kill(pid, signal.SIGSTOP)
    try:
        assert await asyncio.wait_for(registry.commit(add_organisation("1")), 10) == "1"
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_blocked_phone_waits_for_the_redemption_that_has_read_it(two_nodes):
    redeeming, blocking = two_nodes
    await redeeming.commit(add_everybody)
    has_read, go_on = threading.Event(), threading.Event()

    def redeem(tx):
        status = credentials.get_for_share(tx, CREDENTIAL.id).status
        has_read.set()
        go_on.wait(10)
        return status

    def block(tx):
        return credentials.set_status(
            tx, CREDENTIAL.id, CredentialStatus.ACTIVE, CredentialStatus.BLOCKED, NOW
        )

    redemption = asyncio.create_task(redeeming.commit(redeem))
    await asyncio.to_thread(has_read.wait, 10)
    blocked = asyncio.create_task(blocking.commit(block))
    await asyncio.wait([blocked], timeout=0.3)
    waited = not blocked.done()
    go_on.set()

    assert waited
    assert await redemption is CredentialStatus.ACTIVE
    assert await blocked


async def test_a_redemption_waits_for_the_block_and_sees_it(two_nodes):
    redeeming, blocking = two_nodes
    await redeeming.commit(add_everybody)
    has_set, go_on = threading.Event(), threading.Event()

    def block(tx):
        credentials.set_status(
            tx, CREDENTIAL.id, CredentialStatus.ACTIVE, CredentialStatus.BLOCKED, NOW
        )
        has_set.set()
        go_on.wait(10)

    blocked = asyncio.create_task(blocking.commit(block))
    await asyncio.to_thread(has_set.wait, 10)
    redemption = asyncio.create_task(
        redeeming.commit(lambda tx: credentials.get_for_share(tx, CREDENTIAL.id).status)
    )
    await asyncio.wait([redemption], timeout=0.2)
    go_on.set()
    await blocked

    assert await redemption is CredentialStatus.BLOCKED


async def test_two_redemptions_of_one_phone_do_not_wait_for_each_other(two_nodes):
    first, second = two_nodes
    await first.commit(add_everybody)
    barrier = threading.Barrier(2, timeout=5)

    def redeem(tx):
        credentials.get_for_share(tx, CREDENTIAL.id)
        barrier.wait()

    await asyncio.gather(first.commit(redeem), second.commit(redeem))


async def test_nodes_in_a_deadlock_both_get_through(two_nodes):
    await two_nodes[0].commit(add_organisation("1"))
    await two_nodes[0].commit(add_organisation("2"))
    barrier = threading.Barrier(2, timeout=5)
    runs = []

    def crossing(first, second, name):
        def change(tx):
            runs.append(name)
            tx.run(_rename, key=first, new=name)
            len(runs) <= 2 and barrier.wait()
            tx.run(_rename, key=second, new=name)
            return name

        return change

    outcomes = await asyncio.gather(
        two_nodes[0].commit(crossing("1", "2", "a")), two_nodes[1].commit(crossing("2", "1", "b"))
    )

    assert outcomes == ["a", "b"]
    assert len(runs) == 3


async def test_who_looks_before_he_inserts_finds_what_another_node_inserted_meanwhile(
    open_at, postgresql_url
):
    registry = open_at(postgresql_url)
    seen = []

    def find_or_add(tx):
        row = tx.one(_find, key="1")
        seen.append(row)
        if row is not None:
            return row["name"]
        execute(postgresql_url, "INSERT INTO organisation VALUES ('1', 'theirs', 'active', 0)")
        return add_organisation("1", name="mine")(tx)

    assert await registry.commit(find_or_add) == "theirs"
    assert seen == [None, {"name": "theirs"}]


async def test_a_lock_that_is_not_released_is_told(open_at, postgresql_url, monkeypatch):
    registry = open_at(postgresql_url)
    await registry.commit(add_organisation("1"))
    with psycopg.connect(postgresql_url) as other:
        other.execute("LOCK organisation")
        await registry.commit(lambda tx: tx.run(sa.text("SET lock_timeout = '20ms'")))
        with pytest.raises(RegistryUnavailableError, match="busy"):
            await registry.commit(lambda tx: tx.run(_rename, key="1", new="x"))


async def test_a_writer_waits_for_the_head_of_its_chain(clock, postgresql_url):
    driver = RecordingDriver(PostgresqlDriver(postgresql_url))
    registry = Database(driver, "main", clock)
    await registry.commit(add_organisation("1"))
    driver.texts.clear()
    with psycopg.connect(postgresql_url) as other:
        other.execute("SELECT * FROM audit_chain FOR UPDATE")
        waiting = asyncio.create_task(registry.commit(add_organisation("2")))
        await asyncio.wait([waiting], timeout=0.2)
        last = driver.texts[-1]
    await waiting
    await registry.close()

    assert last.startswith("SELECT audit_chain.sequence")


async def test_a_commit_that_quietly_rolled_back_is_no_success(clock, postgresql_url):
    driver = RecordingDriver(PostgresqlDriver(postgresql_url))
    registry = Database(driver, "main", clock)

    def spoil(cursor):
        with pytest.raises(psycopg.Error):
            cursor.execute("SELECT 1/0")

    async with held_writer(registry):
        tasks = await gather_behind(registry, *map(add_organisation, "12"))
        driver.before = Once("COMMIT", spoil, nth=2)
    outcomes = await asyncio.gather(*tasks)
    rows = await registry.read(read_uras)
    await registry.close()

    assert driver.before.has_acted
    assert (outcomes, rows) == (["1", "2"], ["1", "2"])
    assert driver.count("COMMIT") == 4


SETTINGS = {
    "statement_timeout": "5s",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "lock_timeout": "4s",
    "idle_in_transaction_session_timeout": "14s",
    "synchronous_commit": "on",
    "transaction_isolation": "read committed",
    "client_encoding": "UTF8",
}


async def test_every_session_has_deadlines_and_is_durable(open_at, own_postgresql_url):
    name = own_postgresql_url.split("/")[3].split("?")[0]
    execute(own_postgresql_url, f"ALTER DATABASE {name} SET synchronous_commit = off")

    def read(tx):
        return {name: tx.one(_setting, name=name)["value"] for name in SETTINGS}

    assert await open_at(own_postgresql_url).commit(read) == SETTINGS


async def test_a_session_that_cannot_be_set_up_is_told(open_at, postgresql_url, monkeypatch):
    monkeypatch.setattr(module, "_DURABLE", "SELECT nonsense")

    with pytest.raises(RegistryUnavailableError, match="nonsense"):
        await open_at(postgresql_url).read(read_uras)


async def test_a_standby_is_not_asked(open_at, own_postgresql_url):
    name = own_postgresql_url.split("/")[3].split("?")[0]
    execute(own_postgresql_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    with pytest.raises(RegistryUnavailableError, match="read-only"):
        await open_at(own_postgresql_url).read(read_uras)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (psycopg.errors.DeadlockDetected(), ContendedError),
        (psycopg.errors.SerializationFailure(), ContendedError),
        (psycopg.errors.LockNotAvailable(), ContendedError),
        (psycopg.errors.QueryCanceled(), ContendedError),
        (psycopg.errors.AdminShutdown(), ConnectionLostError),
        (psycopg.errors.CannotConnectNow(), ConnectionLostError),
        (psycopg.errors.DiskFull(), ConnectionLostError),
        (psycopg.errors.ConnectionFailure(), ConnectionLostError),
        (psycopg.errors.ReadOnlySqlTransaction(), ConnectionLostError),
        (psycopg.OperationalError("the connection is closed"), ConnectionLostError),
        (psycopg.InterfaceError("the cursor is closed"), ConnectionLostError),
        (psycopg.ProgrammingError("no such placeholder"), StatementRefusedError),
        (psycopg.errors.CheckViolation(), StatementRefusedError),
        (psycopg.errors.UniqueViolation(), AlreadyExistsError),
    ],
)
def test_an_error_is_told_by_its_state(error, expected):
    assert type(PostgresqlDriver("postgresql:///x").translate(error)) is expected


@pytest.mark.parametrize(
    ("where", "sslmode"),
    [
        ("postgresql://me@db.example.nl/registry", "verify-full"),
        ("postgresql://me@10.0.0.7/registry", "verify-full"),
        ("postgresql://me@localhost,db.example.nl/registry", "verify-full"),
        ("postgresql://me@localhost/registry?hostaddr=10.0.0.7", "verify-full"),
        ("postgresql://me@db.example.nl/registry?sslmode=require", "require"),
        ("postgresql://me@localhost/registry", None),
        ("postgresql://me@[::1]/registry", None),
        ("postgresql:///registry?host=/run/postgresql", None),
        ("postgresql:///registry", None),
    ],
)
def test_what_leaves_the_machine_is_encrypted_to_a_server_that_is_known(where, sslmode):
    assert PostgresqlDriver(where)._parameters.get("sslmode") == sslmode
