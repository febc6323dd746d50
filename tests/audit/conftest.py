"""The audit log's tests run on SQLite and on PostgreSQL."""

from tests.databases import *  # noqa: F403  (the fixtures that its `__all__` names)
