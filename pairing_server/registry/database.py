"""The registry on a database: a thread that writes, and threads that read."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa

from pairing_server.audit.append import Appender
from pairing_server.clock import Clock
from pairing_server.registry import (
    Query,
    Registry,
    RegistryUnavailableError,
    Transaction,
    reader,
)
from pairing_server.registry.driver import Driver, StatementRefusedError
from pairing_server.registry.postgresql import PostgresqlDriver
from pairing_server.registry.session import Session
from pairing_server.registry.sqlite import SqliteDriver
from pairing_server.registry.statement import statements_of
from pairing_server.registry.worker import Job, Jobs, Worker
from pairing_server.registry.writer import Writer

#: How long a caller waits at most.
DEADLINE = timedelta(seconds=10)
#: The schema that this version needs: the last of `migrations/versions`.
SCHEMA = "0021"
#: A reader leaves some of what has gathered to the next one.
READ_BATCH = 32

T = TypeVar("T")

_schema = sa.select(sa.table("alembic_version", sa.column("version_num")))


def open_registry(url: str, *, chain: str, clock: Clock) -> Registry:
    """Open the registry.  It connects when it is first used, and again when it has to.

    Args:
        url: `sqlite:////path/of/file` or `postgresql://..` as libpq takes it.
        chain: The audit chain of this writer.

    Raises:
        ValueError: the URL is not well formed.
    """
    return Database(driver_of(url), chain, clock)


def driver_of(url: str) -> Driver:
    """Return the driver of a database.

    Raises:
        ValueError: the URL is not well formed; it may hold a password and is not repeated.
    """
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        parts = urlsplit(url)
        path = unquote(parts.path)[1:]
        if parts.netloc or parts.query or not path:
            raise ValueError("the database URL must be like sqlite:////path/of/file")
        return SqliteDriver(Path(path))
    if scheme in ("postgresql", "postgres"):
        return PostgresqlDriver(url)
    raise ValueError("the database URL must begin with sqlite: or postgresql:")


class Database:
    """The registry on SQLite or PostgreSQL; used from one event loop."""

    def __init__(self, driver: Driver, chain: str, clock: Clock) -> None:
        statements = statements_of(driver.dialect)

        def connect() -> Session:
            return Session(driver, statements)

        self._changes: Jobs[Transaction] = SimpleQueue()
        self._queries: Jobs[Query] = SimpleQueue()
        self._is_closed = False
        write = Writer(Appender(chain, clock)).handle
        self._writer = Worker("writer", connect, self._changes, driver.batch, write)
        self._readers = [
            Worker(f"reader-{number}", connect, self._queries, READ_BATCH, reader.handle)
            for number in range(driver.readers)
        ]

    async def read(self, query: Callable[[Query], T]) -> T:
        """Run a query on what is committed.

        Raises:
            RegistryUnavailableError: the database does not answer.
        """
        return await self._hand_over(self._queries, query)

    async def commit(self, change: Callable[[Transaction], T]) -> T:
        """Run a change and make it durable, its audit events with it.

        Raises:
            AlreadyExistsError: a unique key is taken.
            RegistryUnavailableError: the database does not answer.
        """
        return await self._hand_over(self._changes, change)

    async def ping(self) -> None:
        """Make sure that the database can be read and written and has this version's schema.

        Raises:
            RegistryUnavailableError: it has not.
        """
        try:
            found = {
                await self.read(_read_schema),
                await self.commit(_read_schema),
            }
        except StatementRefusedError as error:
            raise RegistryUnavailableError("the database has no schema: upgrade it") from error
        if found != {SCHEMA}:
            raise RegistryUnavailableError(
                f"the database has schema {found}, not {SCHEMA}: upgrade it"
            )

    async def close(self) -> None:
        """Commit what has gathered and let go of all connections."""
        if not self._is_closed:
            self._is_closed = True
            self._changes.put(None)
            for _ in self._readers:
                self._queries.put(None)
        for join in (self._writer.join, *(worker.join for worker in self._readers)):
            await asyncio.to_thread(join)

    async def _hand_over(self, queue: SimpleQueue[Any], work: Callable[[Any], T]) -> T:
        if self._is_closed:
            raise RegistryUnavailableError("the registry is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        queue.put(Job(work, future))
        # Cheaper than `asyncio.timeout`, of which a login would need nine.
        too_late = loop.call_later(DEADLINE.total_seconds(), future.cancel)
        try:
            return await future
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise RegistryUnavailableError("the database does not answer in time") from None
        finally:
            too_late.cancel()


def _read_schema(tx: Query) -> str | None:
    row = tx.one(_schema)
    return None if row is None else str(row["version_num"])
