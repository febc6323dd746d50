"""What the two databases differ in: how to connect, how to begin, what an error means."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol

from sqlalchemy import Dialect

from pairing_server.registry import RegistryUnavailableError

#: How long a statement may wait for a lock, and how long it may run.
LOCK_TIMEOUT = timedelta(seconds=4)
STATEMENT_TIMEOUT = timedelta(seconds=5)
CONNECT_TIMEOUT = timedelta(seconds=3)


class ConnectionLostError(RegistryUnavailableError):
    """The connection is of no more use.

    Attributes:
        in_doubt: Whether it broke during a commit, which may or may not have been made.
    """

    in_doubt = False


class ContendedError(RegistryUnavailableError):
    """The transaction lost a deadlock, a serialization conflict or the wait for a lock."""


class StatementRefusedError(Exception):
    """A constraint, a trigger or the grammar refused a statement: a mistake in the program."""


class Cursor(Protocol):
    """The part of a DB-API cursor that is used."""

    @property
    def description(self) -> Sequence[Any] | None:
        """The columns of the result."""

    @property
    def rowcount(self) -> int:
        """How many rows were touched."""

    def execute(self, text: Any, values: Any = ..., /) -> object:
        """Run a statement."""

    def executemany(self, text: Any, values: Any, /) -> object:
        """Run a statement for each of many sets of values."""

    def fetchone(self) -> Any:
        """Return the next row."""

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""


class Connection(Protocol):
    """The part of a DB-API connection that is used; transactions are begun and ended in SQL."""

    def cursor(self) -> Cursor:
        """Open a cursor."""

    def close(self) -> None:
        """Let go of the connection."""


class Driver(Protocol):
    """One kind of database.

    Attributes:
        readers: How many connections read beside the one that writes.
        batch: How many changes share a commit at most.
        begin_write: Begins a transaction that writes.
        begin_read: Begins a transaction that sees one moment.
    """

    readers: int
    batch: int
    begin_write: str
    begin_read: str

    @property
    def dialect(self) -> Dialect:
        """How statements are written."""

    @property
    def error(self) -> type[Exception]:
        """What all errors of the database are."""

    def connect(self) -> Connection:
        """Connect; the calling thread owns the connection.

        Raises:
            RegistryUnavailableError: the database cannot be reached.
        """

    def connect_for_migration(self) -> Connection:
        """Connect without the deadlines of daily use, and make an embedded database."""

    def translate(self, error: Exception) -> Exception:
        """Return what the registry calls this error."""

    def is_committed(self, cursor: Cursor) -> bool:
        """Whether the COMMIT that just ran without an error did commit."""


Values = Mapping[str, Any]
