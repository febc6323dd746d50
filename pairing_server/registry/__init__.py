"""The Registry: what must never be lost.

A *query* reads and a *change* writes; both are plain functions of a transaction, run on a thread
that owns its connection.  All changes of a node go through one writer, which commits together
what has gathered; each caller hears success only after its own change is durable.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from sqlalchemy import Executable

from pairing_server.audit.events import Event

T = TypeVar("T")

#: A row by column name.
Row = Mapping[str, Any]


class RegistryUnavailableError(Exception):
    """The database cannot be reached or did not answer; whether a change was made is not known."""


class AlreadyExistsError(Exception):
    """A unique key is taken; the change was undone."""


class Query(Protocol):
    """What a query may do: read."""

    def one(self, statement: Executable, /, **values: Any) -> Row | None:
        """Return the first row, or `None`."""

    def all(self, statement: Executable, /, **values: Any) -> list[Row]:
        """Return all rows."""


class Transaction(Query, Protocol):
    """What a change may do: read, write, and say what it did."""

    def run(self, statement: Executable, /, **values: Any) -> int:
        """Write.  Returns how many rows were touched."""

    def record(self, event: Event) -> None:
        """Append to the audit log, in the same commit as the change."""


class Registry(Protocol):
    """Queries and changes, on SQLite or PostgreSQL."""

    async def read(self, query: Callable[[Query], T]) -> T:
        """Run a query on what is committed.

        Raises:
            RegistryUnavailableError: the database does not answer.
        """

    async def commit(self, change: Callable[[Transaction], T]) -> T:
        """Run a change and make it durable, its audit events with it.

        The change may run more than once (after a deadlock or a lost race for a unique key), so it
        has no effect but through the transaction.  Whatever it raises undoes it and it alone.

        Raises:
            AlreadyExistsError: a unique key is taken.
            RegistryUnavailableError: the database does not answer.
        """

    async def ping(self) -> None:
        """Make sure that the database answers and has this version's schema.

        Raises:
            RegistryUnavailableError: it does not.
        """

    async def close(self) -> None:
        """Commit what has gathered and let go of all connections."""
