"""PostgreSQL, for several nodes."""

from collections.abc import Mapping
from typing import Any, cast

import psycopg
from psycopg import errors
from psycopg.abc import RV, PQGen
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect

from pairing_server.registry import AlreadyExistsError, RegistryUnavailableError
from pairing_server.registry.driver import (
    CONNECT_TIMEOUT,
    LOCK_TIMEOUT,
    STATEMENT_TIMEOUT,
    Connection,
    ConnectionLostError,
    ContendedError,
    Cursor,
    StatementRefusedError,
)

#: Seconds after which a server that says nothing is given up: it would have ended the statement.
SILENCE = STATEMENT_TIMEOUT.total_seconds() + 2
#: How long an upgrade waits for another one and for the tables it changes.
MIGRATION_TIMEOUT = 60

_DEFAULTS: dict[str, Any] = {
    "connect_timeout": int(CONNECT_TIMEOUT.total_seconds()),
    "application_name": "pairing-server",
    # A standby would answer with what was true a moment ago.
    "target_session_attrs": "read-write",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8000,
}
#: libpq's own default takes a connection without TLS, silently, and any certificate with it.
_SECURE = {"sslmode": "verify-full", "sslrootcert": "system"}
_NEAR = frozenset({"", "localhost", "127.0.0.1", "::1"})
# A server set to answer before it has written would lose what was acknowledged.
_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off'"
)
# All that is run here reads a page at most: to start workers for that, or to compile it, takes
# longer than the work, and more so the busier the server is.
_FOR_SHORT = ("SET max_parallel_workers_per_gather = 0", "SET jit = off")
#: SQLSTATEs: serialization failure, deadlock, lock and statement timeout.
_CONTENDED = ("40001", "40P01", "55P03", "57014")
#: Connection exception, operator intervention, insufficient resources, system error, a server that
#: became a standby, a transaction that was idle for too long.
_LOST = ("08", "57P", "53", "58", "25006", "25P03")


def _is_near(given: Mapping[str, Any]) -> bool:
    """Tell whether all that is said stays on this machine."""
    names = f"{given.get('host', '')},{given.get('hostaddr', '')}".split(",")
    return all(name in _NEAR or name.startswith(("/", "@")) for name in names)


class _Connection(psycopg.Connection[Any]):
    """A connection that does not wait for ever for a server that has gone silent."""

    silence: float | None = SILENCE

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait for the server's answer.

        Raises:
            psycopg.OperationalError: it did not come; the connection is closed.
        """
        try:
            return super().wait(gen, interval, self.silence if timeout is None else timeout)
        except errors._WaitTimeout as error:  # noqa: SLF001  (documented in the base method)
            self.close()
            raise psycopg.OperationalError("the server does not answer") from error


class PostgresqlDriver:
    """A PostgreSQL server, or several of which one is the primary."""

    error = psycopg.Error
    readers = 4
    # PostgreSQL keeps 64 subtransactions of a session in shared memory, PGPROC_MAX_CACHED_SUBXIDS;
    # with more of them every other session has to look them up on disk.
    batch = 60
    dialect = psycopg_dialect.dialect()  # type: ignore[no-untyped-call]
    begin_write = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
    begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def __init__(self, url: str) -> None:
        try:
            given = conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            # The message of the library repeats the URL, and the password in it.
            raise ValueError("the database URL is not well formed") from None
        secure = {} if _is_near(given) else _SECURE
        self._parameters = {**_DEFAULTS, **secure, **given, "client_encoding": "utf8"}

    def connect(self) -> Connection:
        """Connect, with a deadline on everything.

        Raises:
            RegistryUnavailableError: there is no server that can be written to.
        """
        return self._connect(
            SILENCE,
            f"SET statement_timeout = {_milliseconds(STATEMENT_TIMEOUT.total_seconds())}",
            f"SET lock_timeout = {_milliseconds(LOCK_TIMEOUT.total_seconds())}",
            f"SET idle_in_transaction_session_timeout = {_milliseconds(2 * SILENCE)}",
            *_FOR_SHORT,
            _DURABLE,
        )

    def connect_for_migration(self) -> Connection:
        """Connect for work that may take its time.

        Raises:
            RegistryUnavailableError: there is no server that can be written to.
        """
        return self._connect(
            None,
            "SET statement_timeout = 0",
            f"SET lock_timeout = {_milliseconds(MIGRATION_TIMEOUT)}",
            _DURABLE,
        )

    def translate(self, error: Exception) -> Exception:
        """Return what the registry calls this error, without the values that its detail quotes."""
        failed = cast("psycopg.Error", error)
        state = failed.sqlstate
        if isinstance(failed, errors.UniqueViolation):
            return AlreadyExistsError(failed.diag.constraint_name)
        if state is None:
            lost = isinstance(failed, psycopg.OperationalError | psycopg.InterfaceError)
            return (ConnectionLostError if lost else StatementRefusedError)(_sentence(error))
        if state in _CONTENDED:
            return ContendedError(_sentence(error))
        if state.startswith(_LOST):
            return ConnectionLostError(_sentence(error))
        return StatementRefusedError(state, failed.diag.message_primary)

    def is_committed(self, cursor: Cursor) -> bool:
        """Whether the COMMIT did commit: that of a failed transaction quietly rolls back."""
        return getattr(cursor, "statusmessage", None) == "COMMIT"

    def _connect(self, silence: float | None, *set_up: str) -> Connection:
        try:
            connection = _Connection.connect(autocommit=True, **self._parameters)
        except psycopg.Error as error:
            raise RegistryUnavailableError(_sentence(error)) from error
        connection.silence = silence
        try:
            for statement in set_up:
                connection.execute(statement)
        except psycopg.Error as error:
            connection.close()
            raise RegistryUnavailableError(_sentence(error)) from error
        return connection


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _sentence(error: Exception) -> str:
    return str(error).partition("\n")[0]
