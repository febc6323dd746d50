"""Fixtures that run a test on SQLite and on PostgreSQL, for a conftest to import."""

import shutil
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from pairing_server.registry import migrate
from pairing_server.registry.database import open_registry
from pairing_server.registry.sqlite import SqliteDriver
from tests.doubles import FrozenClock
from tests.postgresql import (
    empty_postgresql_url,
    own_postgresql_url,
    postgresql_server,
    postgresql_url,
)

__all__ = [
    "clock",
    "database_url",
    "empty_postgresql_url",
    "empty_url",
    "open_at",
    "own_postgresql_url",
    "own_url",
    "postgresql_server",
    "postgresql_url",
    "registry",
    "sqlite_template",
    "sqlite_url",
]

BOTH = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    file = tmp_path_factory.mktemp("template") / "registry.sqlite3"
    migrate.upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_url(sqlite_template, tmp_path):
    file = tmp_path / "registry.sqlite3"
    shutil.copy(sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture(params=BOTH)
def database_url(request):
    """A database with the newest schema and nothing in it."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(params=BOTH)
def own_url(request):
    """A database with the newest schema, to do anything to."""
    own = {"sqlite": "sqlite_url", "postgresql": "own_postgresql_url"}
    return request.getfixturevalue(own[request.param])


@pytest.fixture(params=BOTH)
def empty_url(request, tmp_path):
    """Where a database is to be."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty/registry.sqlite3"
    return request.getfixturevalue("empty_postgresql_url")


@pytest.fixture
def clock():
    return FrozenClock(datetime(2026, 11, 22, 12, 0, 0, 123000, tzinfo=UTC))


@pytest.fixture
async def open_at(clock):
    """Open a registry that is closed when the test has ended."""
    async with AsyncExitStack() as stack:

        def open_one(url, chain="main"):
            registry = open_registry(url, chain=chain, clock=clock)
            stack.push_async_callback(registry.close)
            return registry

        yield open_one


@pytest.fixture
def registry(open_at, database_url):
    return open_at(database_url)


def execute(url, *statements):
    """Run statements past the registry, as one who holds the database can."""
    if url.startswith("sqlite"):
        with closing(SqliteDriver(_path(url)).connect()) as connection:
            for statement in statements:
                connection.cursor().execute(statement)
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


def fetch(url, statement):
    """Read past the registry."""
    if url.startswith("sqlite"):
        with closing(SqliteDriver(_path(url)).connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            return cursor.fetchall()
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement).fetchall()


def _path(url):
    return Path(url.removeprefix("sqlite:///"))
