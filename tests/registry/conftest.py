"""The registry's tests run on SQLite and on PostgreSQL."""

from tests.databases import (
    clock,
    database_url,
    empty_postgresql_url,
    empty_url,
    open_at,
    own_postgresql_url,
    own_url,
    postgresql_server,
    postgresql_url,
    registry,
    sqlite_template,
    sqlite_url,
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
