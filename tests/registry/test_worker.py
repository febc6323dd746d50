"""What becomes of a job."""

import asyncio

import pytest

from pairing_server.registry import RegistryUnavailableError, worker
from pairing_server.registry.database import Database, driver_of
from pairing_server.registry.driver import ConnectionLostError
from pairing_server.registry.worker import Job, settle
from tests.registry.doubles import RecordingDriver, add_organisation, read_uras


@pytest.fixture
def driver(sqlite_url):
    return RecordingDriver(driver_of(sqlite_url))


@pytest.fixture
async def database(driver, clock):
    registry = Database(driver, "main", clock)
    yield registry
    await registry.close()


async def test_a_job_that_is_not_done_is_not_told():
    job = Job(print, asyncio.get_running_loop().create_future())
    settle([job])
    await asyncio.sleep(0)

    assert not job.future.done()


async def test_a_job_is_told_once():
    job = Job(print, asyncio.get_running_loop().create_future())
    job.succeed(1)
    settle([job])
    settle([job])
    await asyncio.sleep(0)

    assert job.future.result() == 1


def test_nobody_is_left_to_be_told():
    loop = asyncio.new_event_loop()
    job = Job(print, loop.create_future())
    loop.close()
    job.succeed(1)

    settle([job])

    assert not job.future.done()


async def test_a_mistake_in_the_registry_does_not_end_its_threads(database, driver):
    def fail(_text, _cursor):
        raise AssertionError("a mistake")

    driver.before = fail
    with pytest.raises(RegistryUnavailableError):
        await database.read(read_uras)

    driver.before = lambda _text, _cursor: None
    assert await database.read(read_uras) == []


async def test_while_there_is_no_database_attempts_grow_rarer(database, driver, monkeypatch):
    pauses = []
    monkeypatch.setattr(worker.time, "sleep", pauses.append)
    connect = driver.connect

    def refuse():
        raise RegistryUnavailableError("there is no database")

    driver.connect = refuse
    for _ in range(7):
        with pytest.raises(RegistryUnavailableError):
            await database.commit(add_organisation("1"))
    driver.connect = connect

    assert await database.commit(add_organisation("1")) == "1"
    assert pauses == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_a_lost_connection_is_not_in_doubt_unless_said_so():
    assert not ConnectionLostError().in_doubt
