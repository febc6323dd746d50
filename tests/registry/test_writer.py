"""The writer: what changes share a commit, and what they do not share."""

import asyncio
import contextlib
import sqlite3
import threading

import psycopg
import pytest
import sqlalchemy as sa

from pairing_server.audit.chain import NotCanonicalError
from pairing_server.audit.events import OrganisationRegistered
from pairing_server.metrics import METRICS
from pairing_server.registry import AlreadyExistsError, RegistryUnavailableError, writer
from pairing_server.registry.database import Database, driver_of
from pairing_server.registry.driver import StatementRefusedError
from pairing_server.registry.tables import audit_event, organisation
from tests.registry.doubles import (
    Once,
    RecordingDriver,
    add_organisation,
    gather_behind,
    held_writer,
    raising,
    read_uras,
)

_objects = sa.select(audit_event.c.object).order_by(audit_event.c.sequence)
_rename = (
    sa.update(organisation)
    .where(organisation.c.ura == sa.bindparam("key"))
    .values(name=sa.bindparam("new"))
)
_wrong = sa.update(organisation).values(status="wrong")
_nonsense = sa.text("SELECT nonsense")
_find = sa.select(organisation.c.name).where(organisation.c.ura == sa.bindparam("key"))


@pytest.fixture
def driver(database_url):
    return RecordingDriver(driver_of(database_url))


@pytest.fixture
async def recorded(driver, clock):
    registry = Database(driver, "main", clock)
    yield registry
    await registry.close()


def lost(driver):
    return {
        sqlite3.Error: _with_code(sqlite3.SQLITE_IOERR),
        psycopg.Error: psycopg.OperationalError("the connection is lost"),
    }[driver.error]


def contended(driver):
    return {
        sqlite3.Error: _with_code(sqlite3.SQLITE_BUSY),
        psycopg.Error: psycopg.errors.DeadlockDetected(),
    }[driver.error]


def refused(driver):
    return {
        sqlite3.Error: sqlite3.IntegrityError("refused"),
        psycopg.Error: psycopg.DataError("refused"),
    }[driver.error]


def _with_code(code):
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    return error


def counted():
    labels = {"action": "OrganisationRegistered", "outcome": "success"}
    return METRICS.get_sample_value("pairing_events_total", labels) or 0


async def test_events_are_counted_when_they_are_committed(recorded, driver):
    def fails(tx):
        add_organisation("2")(tx)
        raise LookupError

    before = counted()
    async with held_writer(recorded):
        tasks = await gather_behind(recorded, add_organisation("1"), fails, add_organisation("3"))
    await asyncio.gather(*tasks, return_exceptions=True)
    await recorded.commit(add_organisation("4"))
    assert counted() - before == 3

    driver.before = Once("COMMIT", raising(refused(driver)))
    with pytest.raises(StatementRefusedError):
        await recorded.commit(add_organisation("5"))
    assert counted() - before == 3


async def test_events_of_a_batch_that_is_run_again_are_counted_once(recorded, driver):
    before = counted()
    async with held_writer(recorded):
        tasks = await gather_behind(recorded, *map(add_organisation, "12"))
        driver.before = Once("COMMIT", raising(contended(driver)), nth=2)
    await asyncio.gather(*tasks)

    assert driver.before.has_acted
    assert counted() - before == 2


async def test_changes_that_have_gathered_share_one_commit(recorded, driver):
    async with held_writer(recorded):
        tasks = await gather_behind(recorded, *(add_organisation(str(n)) for n in range(50)))
        before = driver.count("COMMIT")
    await asyncio.gather(*tasks)

    # That of the held change, and one for all the others.
    assert driver.count("COMMIT") - before == 2
    assert driver.count("SAVEPOINT change") == 50


async def test_a_batch_has_a_limit(recorded, driver):
    many = driver.batch + 1
    async with held_writer(recorded):
        tasks = await gather_behind(recorded, *(add_organisation(str(n)) for n in range(many)))
    await asyncio.gather(*tasks)

    assert driver.count("COMMIT") == 3


async def test_a_change_that_raises_is_undone_and_it_alone(recorded):
    def fails(tx):
        add_organisation("2")(tx)
        raise LookupError

    async with held_writer(recorded):
        tasks = await gather_behind(recorded, add_organisation("1"), fails, add_organisation("3"))
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert [outcomes[0], type(outcomes[1]), outcomes[2]] == ["1", LookupError, "3"]
    assert await recorded.read(read_uras) == ["1", "3"]
    rows = await recorded.read(lambda tx: tx.all(_objects))
    assert [row["object"] for row in rows] == ["organisation:1", "organisation:3"]


@pytest.mark.parametrize("error", [StopIteration(), asyncio.CancelledError(), BaseException()])
async def test_no_exception_ends_the_writer(recorded, error):
    def fails(_tx):
        raise error

    task = asyncio.create_task(recorded.commit(fails))
    await asyncio.wait([task], timeout=5)

    assert task.done()
    assert await recorded.commit(add_organisation("1")) == "1"


async def test_a_refused_statement_is_told_without_its_values(recorded):
    def change(tx):
        add_organisation("1")(tx)
        tx.run(_wrong)

    with pytest.raises(StatementRefusedError, match="ck_organisation_status") as raised:
        await recorded.commit(change)

    assert "Praktijk" not in str(raised.value)
    assert raised.value.__suppress_context__
    assert await recorded.read(read_uras) == []


async def test_a_change_that_hides_an_error_fails_all_the_same(recorded):
    def hides(tx):
        try:
            tx.run(_wrong)
        except StatementRefusedError:
            return "all is well"

    async with held_writer(recorded):
        tasks = await gather_behind(recorded, add_organisation("1"), hides)
    first, second = await asyncio.gather(*tasks, return_exceptions=True)

    assert (first, type(second)) == ("1", StatementRefusedError)


async def test_an_event_that_cannot_be_kept_fails_its_change_alone(recorded):
    def change(tx):
        add_organisation("2")(tx)
        tx.record(OrganisationRegistered(actor="\ud800", object="organisation:2"))

    async with held_writer(recorded):
        tasks = await gather_behind(recorded, add_organisation("1"), change)
    first, second = await asyncio.gather(*tasks, return_exceptions=True)

    assert (first, type(second)) == ("1", NotCanonicalError)
    assert await recorded.read(read_uras) == ["1"]


async def test_who_looks_before_he_inserts_finds_what_won_the_race(recorded):
    seen = iter([None, {"name": "not asked"}])

    def find_or_add(tx):
        found = tx.one(_find, key="1")
        return add_organisation("1")(tx) if next(seen) is None else found["name"]

    async with held_writer(recorded):
        tasks = await gather_behind(recorded, add_organisation("1", name="theirs"), find_or_add)

    assert await asyncio.gather(*tasks) == ["1", "theirs"]


async def test_a_taken_key_is_tried_twice(recorded):
    runs = []

    def change(tx):
        runs.append(tx)
        return add_organisation("1")(tx)

    await recorded.commit(add_organisation("1"))
    with pytest.raises(AlreadyExistsError):
        await recorded.commit(change)

    assert len(runs) == 2


async def test_a_batch_that_meets_a_deadlock_is_run_one_by_one(recorded, driver):
    async with held_writer(recorded):
        tasks = await gather_behind(recorded, *map(add_organisation, "123"))
        driver.before = Once("INSERT INTO organisation", raising(contended(driver)))
    assert await asyncio.gather(*tasks) == ["1", "2", "3"]

    assert driver.before.has_acted
    # The held change, and three of their own.
    assert driver.count("COMMIT") == 4


async def test_who_always_loses_is_told_in_the_end(recorded, driver, monkeypatch):
    monkeypatch.setattr(writer, "PAUSE", 0)
    driver.before = lambda text, _cursor: (
        raising(contended(driver))(None) if text.startswith("INSERT INTO org") else None
    )

    with pytest.raises(RegistryUnavailableError, match="busy"):
        await recorded.commit(add_organisation("1"))

    assert sum(text.startswith("INSERT INTO org") for text in driver.texts) == writer.ATTEMPTS


async def test_when_the_commit_fails_nobody_hears_success(recorded, driver):
    await recorded.ping()
    async with held_writer(recorded):
        tasks = await gather_behind(recorded, *map(add_organisation, "123"))
        driver.before = Once("COMMIT", raising(lost(driver)), nth=2)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == 3 * [RegistryUnavailableError]
    assert await recorded.read(read_uras) == []


async def test_a_commit_in_doubt_is_not_made_twice(recorded, driver):
    runs = []

    def change(tx):
        runs.append(tx)
        return add_organisation("1")(tx)

    await recorded.ping()
    driver.after = Once("COMMIT", raising(lost(driver)))

    with pytest.raises(RegistryUnavailableError):
        await recorded.commit(change)

    assert len(runs) == 1
    assert await recorded.read(read_uras) == ["1"]


async def test_a_connection_lost_before_the_commit_fails_nobody(recorded, driver):
    await recorded.ping()
    connections = driver.connections
    async with held_writer(recorded):
        tasks = await gather_behind(recorded, *map(add_organisation, "123"))
        driver.before = Once("INSERT INTO audit_chain", raising(lost(driver)))

    assert await asyncio.gather(*tasks) == ["1", "2", "3"]
    assert driver.connections == connections + 1
    assert len(await recorded.read(lambda tx: tx.all(_objects))) == 3


async def test_a_connection_that_stays_lost_is_told(recorded, driver):
    driver.before = lambda text, _cursor: (
        raising(lost(driver))(None) if text.startswith("BEGIN") else None
    )
    with pytest.raises(RegistryUnavailableError):
        await recorded.commit(add_organisation("1"))

    driver.before = lambda _text, _cursor: None
    assert await recorded.commit(add_organisation("1")) == "1"


async def test_changes_are_run_on_another_thread_one_after_the_other(recorded):
    threads = set()

    def change(_tx):
        threads.add(threading.current_thread())

    await asyncio.gather(*(recorded.commit(change) for _ in range(5)))

    assert len(threads) == 1
    assert threading.current_thread() not in threads


async def test_an_event_that_the_database_refuses_fails_its_change(recorded, driver):
    await recorded.commit(add_organisation("1"))
    async with held_writer(recorded):
        tasks = await gather_behind(recorded, *map(add_organisation, "23"))
        driver.before = lambda text, _cursor: (
            raising(refused(driver))(None) if text.startswith("INSERT INTO audit_event") else None
        )
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == 2 * [StatementRefusedError]
    assert await recorded.read(read_uras) == ["1"]


async def test_a_batch_whose_events_meet_a_deadlock_is_run_one_by_one(recorded, driver):
    async with held_writer(recorded):
        tasks = await gather_behind(recorded, *map(add_organisation, "12"))
        driver.before = Once("INSERT INTO audit_event", raising(contended(driver)))

    assert await asyncio.gather(*tasks) == ["1", "2"]
    assert driver.count("COMMIT") == 3


async def test_a_commit_in_doubt_leaves_what_was_committed_before_it(recorded, driver):
    await recorded.ping()
    driver.texts.clear()
    async with held_writer(recorded):
        tasks = await gather_behind(recorded, *map(add_organisation, "12"))
        driver.before = Once("INSERT INTO audit_event", raising(contended(driver)))
        driver.after = Once("COMMIT", raising(lost(driver)), nth=3)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert [outcomes[0], type(outcomes[1])] == ["1", RegistryUnavailableError]


async def test_the_first_of_several_hidden_errors_is_told(recorded):
    def hides(tx):
        for statement in (_wrong, _nonsense):
            with contextlib.suppress(StatementRefusedError):
                tx.run(statement)

    await recorded.commit(add_organisation("1"))
    with pytest.raises(StatementRefusedError, match="ck_organisation_status"):
        await recorded.commit(hides)


async def test_who_gave_up_while_others_were_run_alone_is_left_out(recorded, driver):
    async with held_writer(recorded):
        tasks = await gather_behind(recorded, *map(add_organisation, "12"))
        driver.before = Once("INSERT INTO audit_event", raising(contended(driver)))
        loop = asyncio.get_running_loop()
        given_up = threading.Event()

        def give_up(_cursor):
            loop.call_soon_threadsafe(lambda: (tasks[1].cancel(), loop.call_soon(given_up.set)))
            given_up.wait(5)

        driver.after = Once("ROLLBACK", give_up)

    assert await tasks[0] == "1"
    assert await recorded.read(read_uras) == ["1"]
