"""The reader: queries that have gathered share a transaction, and do not share their failures."""

import asyncio
import threading

import pytest
import sqlalchemy as sa

from pairing_server.registry import RegistryUnavailableError
from pairing_server.registry.database import Database, driver_of
from pairing_server.registry.driver import StatementRefusedError
from pairing_server.registry.tables import organisation
from tests.registry.doubles import Once, RecordingDriver, add_organisation, raising, read_uras
from tests.registry.test_writer import lost

_nonsense = sa.text("SELECT nonsense")
_update = sa.update(organisation).values(name="other")


@pytest.fixture
def driver(database_url):
    driver = RecordingDriver(driver_of(database_url))
    driver.readers = 1
    return driver


@pytest.fixture
async def recorded(driver, clock):
    registry = Database(driver, "main", clock)
    yield registry
    await registry.close()


async def gathered(registry, *queries):
    """Run queries that the reader finds together."""
    started, go = threading.Event(), threading.Event()

    def hold(_tx):
        started.set()
        go.wait(10)

    held = asyncio.create_task(registry.read(hold))
    await asyncio.to_thread(started.wait, 10)
    tasks = [asyncio.create_task(registry.read(query)) for query in queries]
    await asyncio.sleep(0.01)
    go.set()
    await held
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_queries_that_have_gathered_share_a_transaction(recorded, driver):
    await gathered(recorded, *[read_uras] * 20)

    assert driver.count(driver.begin_read) == 2


async def test_a_query_sees_one_moment(recorded, database_url, open_at):
    other = open_at(database_url)
    await other.ping()
    loop = asyncio.get_running_loop()

    def query(tx):
        before = read_uras(tx)
        commit = asyncio.run_coroutine_threadsafe(other.commit(add_organisation("1")), loop)
        commit.result(5)
        return before, read_uras(tx)

    assert await recorded.read(query) == ([], [])
    assert await recorded.read(read_uras) == ["1"]


async def test_a_refused_statement_fails_its_query_alone(recorded):
    await recorded.commit(add_organisation("1"))

    outcomes = await gathered(
        recorded, read_uras, lambda tx: tx.all(_nonsense), read_uras, lambda _tx: 1 / 0, read_uras
    )

    assert [outcomes[0], outcomes[2], outcomes[4]] == [["1"]] * 3
    assert isinstance(outcomes[1], StatementRefusedError)
    assert isinstance(outcomes[3], ZeroDivisionError)


async def test_a_query_that_hides_an_error_fails_all_the_same(recorded):
    def hides(tx):
        try:
            tx.all(_nonsense)
        except StatementRefusedError:
            return "all is well"

    with pytest.raises(StatementRefusedError):
        await recorded.read(hides)


async def test_a_connection_lost_during_a_query_fails_nobody(recorded, driver):
    driver.before = Once("SELECT", raising(lost(driver)))

    assert await gathered(recorded, read_uras, read_uras) == [[], []]
    assert driver.before.has_acted


async def test_a_connection_that_stays_lost_is_told(recorded, driver):
    driver.before = lambda text, _cursor: (
        raising(lost(driver))(None) if text.startswith("BEGIN") else None
    )
    with pytest.raises(RegistryUnavailableError):
        await recorded.read(read_uras)

    driver.before = lambda _text, _cursor: None
    assert await recorded.read(read_uras) == []


async def test_a_query_cannot_write(recorded):
    with pytest.raises(AttributeError):
        await recorded.read(lambda tx: tx.run(_update))
