"""SQLite as it is set up: what was acknowledged outlives the process."""

import asyncio
import sqlite3
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from pairing_server import registry as registry_package
from pairing_server.audit.verify import verify
from pairing_server.registry import RegistryUnavailableError, sqlite
from pairing_server.registry.database import Database
from pairing_server.registry.driver import ContendedError, StatementRefusedError
from pairing_server.registry.sqlite import SqliteDriver
from tests.registry.doubles import add_organisation, read_uras

_WRITES_UNTIL_KILLED = """
import asyncio, sys
from pairing_server.clock import utc_now
from pairing_server.registry.database import open_registry
from tests.registry.doubles import add_organisation

async def write(registry, number):
    await registry.commit(add_organisation(str(number)))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()

async def main():
    registry = open_registry(sys.argv[1], chain="main", clock=utc_now)
    for first in range(0, 10**9, 20):
        await asyncio.gather(*(write(registry, first + number) for number in range(20)))

asyncio.run(main())
"""


@pytest.fixture
def file(sqlite_url):
    return Path(sqlite_url.removeprefix("sqlite:///"))


async def test_a_killed_process_loses_nothing_that_it_acknowledged(sqlite_url, open_at, tmp_path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _WRITES_UNTIL_KILLED, sqlite_url),
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(registry_package.__file__).parents[2])},
        stdout=asyncio.subprocess.PIPE,
    )
    first = await process.stdout.readline()
    await asyncio.sleep(0.3)
    process.kill()
    output = first + (await process.communicate())[0]
    acknowledged = set(output.decode().split("\n")[:-1])

    registry = open_at(sqlite_url)
    found = set(await registry.read(read_uras))

    assert len(acknowledged) > 20
    assert acknowledged <= found
    assert await verify(registry, lambda _signature: None) == []


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("recursive_triggers", 1),
        ("busy_timeout", 4000),
    ],
)
def test_every_connection_is_durable_and_strict(file, pragma, value):
    with closing(SqliteDriver(file).connect()) as connection:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA {pragma}")

        assert cursor.fetchone() == (value,)


async def test_a_file_that_is_not_there_is_not_made(open_at, tmp_path):
    with pytest.raises(RegistryUnavailableError):
        await open_at(f"sqlite:///{tmp_path}/mistyped").read(read_uras)

    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_is_no_database_is_told(open_at, tmp_path):
    (tmp_path / "file").write_text("no database" * 1000)

    with pytest.raises(RegistryUnavailableError):
        await open_at(f"sqlite:///{tmp_path}/file").read(read_uras)


async def test_a_path_may_hold_any_character(clock, file, tmp_path):
    odd = tmp_path / "a ?b#c%20é.sqlite3"
    file.rename(odd)
    registry = Database(SqliteDriver(odd), "main", clock)
    await registry.ping()
    await registry.close()


async def test_a_database_that_another_process_holds_is_told(
    open_at, sqlite_url, file, monkeypatch
):
    monkeypatch.setattr(sqlite, "LOCK_TIMEOUT", timedelta(milliseconds=20))
    registry = open_at(sqlite_url)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(RegistryUnavailableError):
            await registry.commit(add_organisation("1"))
        assert await registry.read(read_uras) == []

    assert time.monotonic() - began < 5
    assert await registry.commit(add_organisation("1")) == "1"


async def test_a_change_has_the_database_to_itself_from_its_beginning(open_at, sqlite_url, file):
    def change(_tx):
        with (
            closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("BEGIN IMMEDIATE")

    await open_at(sqlite_url).commit(change)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_BUSY_SNAPSHOT, ContendedError),
        (sqlite3.SQLITE_CONSTRAINT_CHECK, StatementRefusedError),
        (None, StatementRefusedError),
    ],
)
def test_an_error_is_told_by_its_code(file, code, expected):
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = code

    assert type(SqliteDriver(file).translate(error)) is expected
