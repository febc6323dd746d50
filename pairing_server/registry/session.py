"""Statements on one connection: what queries and changes are run with."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Executable

from pairing_server.audit.append import Draft, draft
from pairing_server.audit.events import Event
from pairing_server.registry import Row
from pairing_server.registry.driver import (
    Connection,
    ConnectionLostError,
    ContendedError,
    Driver,
    Values,
)
from pairing_server.registry.statement import Prepared, Statements


class Session:
    """A connection with its transaction; it stays on the thread that opened it.

    Attributes:
        failure: The first error since it was last cleared.  It counts even when a change caught
            it, since PostgreSQL does nothing more in a transaction that had one.
    """

    def __init__(self, driver: Driver, statements: Statements) -> None:
        self._driver = driver
        self._statements = statements
        self._connection: Connection = driver.connect()
        self._cursor = self._connection.cursor()
        self.failure: Exception | None = None

    def one(self, statement: Executable, /, **values: Any) -> Row | None:
        """Return the first row, or `None`."""
        prepared = self._execute(statement, values)
        found = self._cursor.fetchone()
        return None if found is None else self._rows(prepared, [found])[0]

    def all(self, statement: Executable, /, **values: Any) -> list[Row]:
        """Return all rows."""
        prepared = self._execute(statement, values)
        return self._rows(prepared, self._cursor.fetchall())

    def run(self, statement: Executable, /, **values: Any) -> int:
        """Write.  Returns how many rows were touched."""
        self._execute(statement, values)
        return self._cursor.rowcount

    def run_many(self, statement: Executable, many: Sequence[Values]) -> None:
        """Write many rows."""
        bound = [self._statements.prepared(statement).bind(values) for values in many]
        try:
            self._cursor.executemany(bound[0][0], [values for _, values in bound])
        except self._driver.error as error:
            raise self._failed(error) from None

    def forget_failure(self) -> None:
        """Begin to look for errors anew."""
        self.failure = None

    def begin_write(self) -> None:
        """Begin a transaction that writes.

        Raises:
            ConnectionLostError: the connection broke, or another process holds the database.
        """
        try:
            self._command(self._driver.begin_write)
        except ContendedError as error:
            raise ConnectionLostError(*error.args) from None

    def begin_read(self) -> None:
        """Begin a transaction in which everything is read as of one moment."""
        self._command(self._driver.begin_read)

    def savepoint(self) -> None:
        """Mark the place to which the next change can be undone."""
        self._command("SAVEPOINT change")

    def release(self) -> None:
        """Keep what was done since the savepoint."""
        self._command("RELEASE SAVEPOINT change")

    def undo(self) -> None:
        """Undo what was done since the savepoint."""
        self._command("ROLLBACK TO SAVEPOINT change")
        self.release()

    def rollback(self) -> None:
        """Undo the transaction."""
        self._command("ROLLBACK")

    def commit(self) -> None:
        """Make the transaction durable.

        Raises:
            ConnectionLostError: it broke meanwhile; whether it did commit is not known.
            ContendedError: it did not commit.
        """
        try:
            self._command("COMMIT")
        except ConnectionLostError as error:
            error.in_doubt = True
            raise
        if not self._driver.is_committed(self._cursor):
            raise ContendedError("the transaction was rolled back")

    def close(self) -> None:
        """Let go of the connection; what was not committed is undone."""
        with suppress(self._driver.error):
            self._connection.close()

    def _command(self, text: str) -> None:
        try:
            self._cursor.execute(text)
        except self._driver.error as error:
            raise self._failed(error) from None

    def _execute(self, statement: Executable, values: Values) -> Prepared:
        prepared = self._statements.prepared(statement)
        try:
            self._cursor.execute(*prepared.bind(values))
        except self._driver.error as error:
            # Its own errors name the values, which may be personal data, and stay out of the log.
            raise self._failed(error) from None
        return prepared

    def _failed(self, error: Exception) -> Exception:
        failure = self._driver.translate(error)
        if self.failure is None or isinstance(failure, ConnectionLostError):
            self.failure = failure
        return failure

    def _rows(self, prepared: Prepared, found: Sequence[Any]) -> list[Row]:
        if not prepared.columns:
            # Interned: records take them as keywords, which are first looked for by identity.
            described = self._cursor.description or ()
            prepared.columns = tuple(sys.intern(column[0]) for column in described)
        names = prepared.columns
        rows: list[dict[str, Any]] = [dict(zip(names, values, strict=True)) for values in found]
        for name in prepared.booleans:
            for row in rows:
                if row[name] is not None:
                    row[name] = bool(row[name])
        return [*rows]


class Change:
    """The transaction as a change sees it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.one = session.one
        self.all = session.all
        self.run = session.run
        self.drafts: list[Draft] = []

    def record(self, event: Event) -> None:
        """Append to the audit log, in the same commit as the change."""
        self.drafts.append(draft(event))


class View:
    """The transaction as a query sees it."""

    def __init__(self, session: Session) -> None:
        self.one = session.one
        self.all = session.all
