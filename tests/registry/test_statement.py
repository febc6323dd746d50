"""Statements, compiled once."""

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg

from pairing_server.registry import statement
from pairing_server.registry.database import driver_of
from pairing_server.registry.statement import Prepared, Statements, statements_of
from pairing_server.registry.tables import credential, organisation

SQLITE = sqlite.dialect(paramstyle="named")
POSTGRESQL = psycopg.dialect()

_select = sa.select(organisation).where(organisation.c.ura == sa.bindparam("ura"))
_some = sa.select(organisation.c.ura).where(
    organisation.c.ura.in_(sa.bindparam("uras", expanding=True)),
    organisation.c.status == "active",
)


def test_a_lock_for_share_is_postgresqls_alone():
    locking = _select.with_for_update(read=True)

    assert Prepared(locking, POSTGRESQL).bind({"ura": "1"})[0].endswith("FOR SHARE")
    assert "FOR" not in Prepared(locking, SQLITE).bind({"ura": "1"})[0]


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL])
def test_own_values_are_merged_with_those_given(dialect):
    text, values = Prepared(_select.where(organisation.c.name == "x"), dialect).bind({"ura": "1"})

    assert values == {"ura": "1", "name_1": "x"}
    assert "name_1" in text


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL])
def test_a_list_is_expanded_to_as_many_values(dialect):
    _, values = Prepared(_some, dialect).bind({"uras": ["1", "2"]})

    assert values == {"uras_1": "1", "uras_2": "2", "status_1": "active"}


def test_a_statement_is_compiled_once():
    statements = Statements(SQLITE)

    assert statements.prepared(_select) is statements.prepared(_select)


@pytest.mark.parametrize("url", ["sqlite:////file", "postgresql:///name"])
def test_a_statement_is_compiled_once_for_all_databases_of_a_kind(url):
    one, other = (statements_of(driver_of(url).dialect) for _ in range(2))

    assert one.prepared(_select) is other.prepared(_select)


def test_the_two_kinds_of_database_share_no_text():
    sqlite_text, postgresql_text = (
        statements_of(driver_of(url).dialect).prepared(_select).bind({"ura": "1"})[0]
        for url in ("sqlite:////file", "postgresql:///name")
    )

    assert ":ura" in sqlite_text
    assert "%(ura)s" in postgresql_text


def test_statements_that_nobody_keeps_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(statement, "CACHE_SIZE", 2)
    statements = Statements(SQLITE)
    first = statements.prepared(_select)
    statements.prepared(sa.select(organisation))
    statements.prepared(sa.select(organisation))

    assert statements.prepared(_select) is not first


def test_boolean_columns_are_known():
    assert Prepared(sa.select(credential), SQLITE).booleans == ("backup_eligible", "backed_up")
    assert Prepared(sa.text("SELECT 1"), SQLITE).booleans == ()


async def test_lists_work_on_the_database(registry):
    assert await registry.read(lambda tx: tx.all(_some, uras=["1", "2"])) == []
    assert await registry.read(lambda tx: tx.all(_some, uras=["1"])) == []


async def test_an_absent_boolean_stays_absent(registry):
    absent = sa.select(sa.cast(sa.null(), sa.Boolean).label("found"))

    assert await registry.read(lambda tx: tx.one(absent)) == {"found": None}
