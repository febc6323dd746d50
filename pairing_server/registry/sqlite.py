"""SQLite, for one machine: the write-ahead log, synced at each commit."""

import sqlite3
from pathlib import Path

from sqlalchemy.dialects import sqlite

from pairing_server.registry import AlreadyExistsError, RegistryUnavailableError
from pairing_server.registry.driver import (
    LOCK_TIMEOUT,
    Connection,
    ConnectionLostError,
    ContendedError,
    Cursor,
    StatementRefusedError,
)

#: How long an upgrade waits for another one.
MIGRATION_TIMEOUT = 60.0
PRIVATE = 0o600

_SET_UP = (
    "PRAGMA journal_mode = WAL",
    # FULL syncs the log at each commit; without it a power cut takes back what was acknowledged.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # REPLACE deletes rows, and fires the triggers that refuse this only when told so.
    "PRAGMA recursive_triggers = ON",
)
_TAKEN = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
_CONTENDED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_LOST = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
#: An extended result code has the primary one in its lowest byte.
_PRIMARY = 0xFF


class SqliteDriver:
    """A database file."""

    error = sqlite3.Error
    readers = 1
    batch = 256
    dialect = sqlite.dialect(paramstyle="named")
    # A transaction that reads first and writes later could not be resumed after another's commit.
    begin_write = "BEGIN IMMEDIATE"
    begin_read = "BEGIN"

    def __init__(self, path: Path) -> None:
        self._path = path

    def connect(self) -> Connection:
        """Open the file, which must exist.

        Raises:
            RegistryUnavailableError: it does not, or cannot be opened.
        """
        return self._connect(LOCK_TIMEOUT.total_seconds())

    def connect_for_migration(self) -> Connection:
        """Open the file, made where there is none, readable for its owner alone.

        Raises:
            RegistryUnavailableError: it cannot be opened.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(PRIVATE, exist_ok=True)
        except OSError as error:
            raise RegistryUnavailableError(str(error)) from error
        return self._connect(MIGRATION_TIMEOUT)

    def translate(self, error: Exception) -> Exception:
        """Return what the registry calls this error."""
        code = getattr(error, "sqlite_errorcode", None)
        if code in _TAKEN:
            return AlreadyExistsError(str(error))
        primary = None if code is None else code & _PRIMARY
        if primary in _CONTENDED:
            return ContendedError(str(error))
        if primary in _LOST:
            return ConnectionLostError(str(error))
        return StatementRefusedError(str(error))

    def is_committed(self, cursor: Cursor) -> bool:
        """Whether the COMMIT did commit: SQLite says otherwise by an error."""
        return cursor is not None

    def _connect(self, timeout: float) -> Connection:
        try:
            # Not creating the file: a registry at a mistyped path is not an empty registry.
            connection = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=timeout,
                isolation_level=None,
            )
        except sqlite3.Error as error:
            raise RegistryUnavailableError(f"{self._path}: {error}") from error
        try:
            for statement in _SET_UP:
                connection.execute(statement)
        except sqlite3.Error as error:
            connection.close()
            raise RegistryUnavailableError(f"{self._path}: {error}") from error
        return connection
