"""Bringing a database to this version's schema, driven from code: there is no `alembic.ini`."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from pairing_server.registry import RegistryUnavailableError, migrations
from pairing_server.registry.database import driver_of
from pairing_server.registry.driver import Driver

#: Whoever holds this PostgreSQL advisory lock upgrades; the bytes of "pairing".
ADVISORY_LOCK = 0x70616972696E67


def head() -> str:
    """Return the newest revision of the schema."""
    (revision,) = ScriptDirectory.from_config(_config()).get_heads()
    return revision


def current(url: str) -> str | None:
    """Return the revision of the database, `None` when it has no schema.

    Raises:
        RegistryUnavailableError: the database cannot be reached.
        ValueError: the URL is not well formed.
    """
    with _begin(driver_of(url)) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(url: str) -> None:
    """Bring the database to the newest schema, in one transaction.

    Of several that upgrade at once, one does it and the others wait and find it done.

    Raises:
        RegistryUnavailableError: the database cannot be reached.
        ValueError: the URL is not well formed.
    """
    # Alembic tells each of its steps at INFO.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = _config()
    with _begin(driver_of(url)) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    # A percent sign in the path is Alembic's interpolation unless doubled.
    path = str(Path(migrations.__file__).parent).replace("%", "%%")
    config.set_main_option("script_location", path)
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _begin(driver: Driver) -> Iterator[sa.Connection]:
    """Begin a transaction in which nobody else upgrades."""
    engine = sa.create_engine(
        f"{driver.dialect.name}+{driver.dialect.driver}://",
        creator=driver.connect_for_migration,
        poolclass=sa.NullPool,
    )
    # The driver leaves transactions to whoever uses it.
    sa.event.listen(engine, "begin", lambda begun: begun.exec_driver_sql(driver.begin_write))
    try:
        with engine.begin() as connection:
            if driver.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
            yield connection
    except sa.exc.OperationalError as error:
        raise RegistryUnavailableError(str(error.orig)) from error
