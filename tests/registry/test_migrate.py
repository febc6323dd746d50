"""The migrations make the schema that the tables describe, once, whoever else tries."""

import json
import logging
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from pairing_server.audit.filing import filing
from pairing_server.registry import (
    RegistryUnavailableError,
    member_listings,
    migrate,
    phone_listings,
    sqlite,
)
from pairing_server.registry.names import name_key
from pairing_server.registry.schema import metadata
from tests.databases import execute, fetch

_UPGRADE = "import sys; from pairing_server.registry.migrate import upgrade; upgrade(sys.argv[1])"
PAIRS = [("sqlite", "sqlite"), ("postgresql", "postgresql")]


def engine_of(url):
    return sa.create_engine(
        url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool
    )


def described(url):
    """All that the database itself says of its tables."""
    engine = engine_of(url)
    with closing(engine.connect()) as connection:
        inspector = sa.inspect(connection)
        return {
            table: {
                "columns": [
                    (column["name"], str(column["type"]), column["nullable"])
                    for column in inspector.get_columns(table)
                ],
                "primary key": inspector.get_pk_constraint(table),
                "foreign keys": inspector.get_foreign_keys(table),
                "unique": _by_name(inspector.get_unique_constraints(table)),
                "checks": _by_name(inspector.get_check_constraints(table)),
                "indexes": _by_name(inspector.get_indexes(table)),
            }
            for table in metadata.tables
        }


def _by_name(found):
    return {item.pop("name"): _plain(item) for item in found}


def _plain(item):
    options = item.pop("dialect_options", {})
    return {key: str(value) for key, value in {**item, **options}.items()}


def test_the_migrated_schema_is_that_of_the_tables(database_url):
    with closing(engine_of(database_url).connect()) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize(("database_url", "empty_url"), PAIRS, indirect=True)
def test_constraints_too_are_those_of_the_tables(database_url, empty_url):
    migrate.current(empty_url)
    metadata.create_all(engine_of(empty_url))

    assert described(database_url) == described(empty_url)


def test_an_upgrade_leads_from_nothing_to_the_newest(empty_url):
    before = migrate.current(empty_url)
    migrate.upgrade(empty_url)

    assert (before, migrate.current(empty_url)) == (None, migrate.head())


def test_a_second_upgrade_changes_nothing(database_url):
    migrate.upgrade(database_url)

    assert migrate.current(database_url) == migrate.head()


def test_an_upgrade_waits_for_another_one(empty_url, monkeypatch, tmp_path):
    script = migrate.ScriptDirectory.from_config(migrate._config())
    revision = script.get_revision("0001").module
    begun, go_on, rest = threading.Event(), threading.Event(), revision._audit

    def pause():
        begun.set()
        go_on.wait(10)
        rest()

    monkeypatch.setattr(revision, "_audit", pause)
    monkeypatch.setattr(migrate.ScriptDirectory, "from_config", lambda _config: script)
    first = threading.Thread(target=migrate.upgrade, args=[empty_url])
    first.start()
    begun.wait(10)
    second = subprocess.Popen(
        [sys.executable, "-c", _UPGRADE, empty_url],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(migrate.__file__).parents[2])},
        stderr=subprocess.PIPE,
    )
    with pytest.raises(subprocess.TimeoutExpired):
        second.communicate(timeout=1.5)
    go_on.set()
    first.join()

    assert second.communicate(timeout=30)[1] == b""
    assert second.returncode == 0
    assert migrate.current(empty_url) == migrate.head()


def test_a_failed_upgrade_leaves_nothing_behind(empty_url, monkeypatch):
    def fail(*_arguments):
        raise RuntimeError("in the middle")

    script = migrate.ScriptDirectory.from_config(migrate._config())
    migrate.current(empty_url)
    with monkeypatch.context() as patched:
        patched.setattr(script.get_revision("0001").module, "_audit", fail)
        patched.setattr(migrate.ScriptDirectory, "from_config", lambda _config: script)
        with pytest.raises(RuntimeError, match="in the middle"):
            migrate.upgrade(empty_url)

    assert migrate.current(empty_url) is None
    assert sa.inspect(engine_of(empty_url)).get_table_names() == []


def test_an_upgrade_says_nothing(empty_url, caplog, capfd):
    caplog.set_level(logging.INFO)
    migrate.upgrade(empty_url)

    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_a_made_file_is_its_owners_alone(tmp_path):
    file = tmp_path / "new" / "registry.sqlite3"
    migrate.upgrade(f"sqlite:///{file}")

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_database_that_cannot_be_reached_is_told(tmp_path):
    with pytest.raises(RegistryUnavailableError):
        migrate.upgrade(f"postgresql://postgres@/postgres?host={tmp_path}")
    with pytest.raises(RegistryUnavailableError):
        migrate.upgrade(f"sqlite:///{tmp_path}")
    (tmp_path / "file").touch()
    with pytest.raises(RegistryUnavailableError):
        migrate.upgrade(f"sqlite:///{tmp_path}/file/registry.sqlite3")


def test_a_database_that_another_process_holds_is_told(sqlite_url, monkeypatch):
    monkeypatch.setattr(sqlite, "MIGRATION_TIMEOUT", 0.01)
    file = sqlite_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RegistryUnavailableError, match="locked"):
            migrate.upgrade(sqlite_url)


def _upgrade_to(url, revision):
    with migrate._begin(migrate.driver_of(url)) as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


PHONE_OF_0001 = (
    "INSERT INTO organisation VALUES ('90000001', 'De Linde', 'active', 0)",
    "INSERT INTO person VALUES ('p', NULL, 'Anna', 'de Vries', 'k', NULL, 'anna', 'active', 0)",
    """
    INSERT INTO credential VALUES ('c', 'p', 'phone', '', 7, '', 'none', 'unknown', FALSE, FALSE,
    'http://eidas.europa.eu/LoA/low', 'ios', 'iPhone', '1', 'blocked', 'uzi-pas', 'pairing',
    'token', NULL, 'fcm', 'address', 1, 2, 3, 'Balie')
    """,
)


def test_a_phone_of_the_first_schema_is_there_after_the_upgrade(empty_url):
    _upgrade_to(empty_url, "0001")
    execute(empty_url, *PHONE_OF_0001)
    migrate.upgrade(empty_url)

    columns = "id, status, sign_count, device_token_digest, last_used_workstation, name, bound_ura"
    assert fetch(empty_url, f"SELECT {columns} FROM credential") == [
        ("c", "blocked", 7, "token", "Balie", "", None)
    ]
    assert fetch(empty_url, "SELECT key_policy FROM organisation") == [("{}",)]
    with pytest.raises(Exception, match=r"(?i)constraint|check"):
        execute(empty_url, "UPDATE credential SET status = 'lost'")


FILLED = {
    "audit_event": (
        "(chain, sequence, id, time, action, actor, object, outcome, evidence, previous, hash)"
        " VALUES ('main', 1, 'a', 0, 'A', 'a', 'o', 'success', '{}', '', '')"
    ),
    "audit_checkpoint": "VALUES (1, 0, '{}', 'a')",
    "auth_answer": "VALUES ('a', 'deny', 'd', 'c', 0, '', '')",
    "redemption": "VALUES ('a', 'client', 'c', 'j', 0)",
}
COLUMN = {
    "audit_event": "evidence",
    "audit_checkpoint": "heads",
    "auth_answer": "decision",
    "redemption": "jti",
}


@pytest.mark.parametrize("table", FILLED)
def test_rows_of_a_log_cannot_be_changed(database_url, table):
    execute(database_url, f"INSERT INTO {table} {FILLED[table]}")

    with pytest.raises(Exception, match=f"rows of {table} stay as they are"):
        execute(database_url, f"UPDATE {table} SET {COLUMN[table]} = 'approve'")


@pytest.mark.parametrize("table", ["audit_event", "audit_checkpoint"])
def test_rows_of_the_audit_log_cannot_be_deleted(database_url, table):
    execute(database_url, f"INSERT INTO {table} {FILLED[table]}")

    with pytest.raises(Exception, match=f"rows of {table} stay as they are"):
        execute(database_url, f"DELETE FROM {table}")


@pytest.mark.parametrize("table", ["audit_event", "audit_checkpoint"])
def test_the_audit_log_cannot_be_truncated(postgresql_url, table):
    with pytest.raises(Exception, match=f"rows of {table} stay as they are"):
        execute(postgresql_url, f"TRUNCATE {table}")


@pytest.mark.parametrize("table", ["audit_start"])
def test_where_a_chain_begins_is_kept(database_url, table):
    execute(database_url, "INSERT INTO audit_start VALUES ('main', 5, 'h')")

    for statement in (
        "DELETE FROM audit_start",
        "UPDATE audit_start SET sequence = 4",
        "UPDATE audit_start SET hash = 'x'",
        "UPDATE audit_start SET name = 'x', sequence = 6",
    ):
        with pytest.raises(Exception, match=f"rows of {table} stay as they are"):
            execute(database_url, statement)


def test_what_is_behind_a_chains_start_can_be_deleted(database_url):
    execute(
        database_url,
        f"INSERT INTO audit_event {FILLED['audit_event']}",
        "INSERT INTO audit_start VALUES ('main', 1, 'h'), ('other', 9, 'h')",
        "DELETE FROM audit_event",
    )

    assert fetch(database_url, "SELECT * FROM audit_event") == []


@pytest.mark.parametrize(
    ("sequence", "days"),
    [(2, 1831), (1, 1829)],
    ids=["what is not behind the start", "what is younger than five years"],
)
def test_nothing_else_can_be_deleted(database_url, sequence, days):
    time = int((datetime.now(UTC) - timedelta(days=days)).timestamp() * 1000)
    event = FILLED["audit_event"].replace("'main', 1, 'a', 0", f"'main', {sequence}, 'a', {time}")
    execute(
        database_url,
        f"INSERT INTO audit_event {event}",
        "INSERT INTO audit_start VALUES ('main', 1, 'h')",
    )

    with pytest.raises(Exception, match="rows of audit_event stay as they are"):
        execute(database_url, "DELETE FROM audit_event")


FILED = {
    ("person:p", "auth-request:a", '{"credential": "c", "signed": {"workstation": "Balie"}}'): (
        *(None, "c", "Balie"),
    ),
    ("person:p", "auth-request:a", '{"credential": "c", "shown": {"workstation": "Balie"}}'): (
        *(None, "c", "Balie"),
    ),
    ("client:x", "person:p", '{"credential": "c"}'): ("p", "c", None),
    ("operator:o", "credential:c", '{"credential": "d", "workstation": ""}'): (None, "c", None),
    ("system", "session:s", '{"person": "p", "workstation": "a\\u0000b"}'): ("p", None, None),
    ("person:p", "person:p", "{}"): (None, None, None),
    ("person:p", "client:c", '{"workstation": "Balie", "shown": 5}'): (None, None, "Balie"),
}


def test_events_of_before_are_filed_by_the_upgrade(empty_url):
    columns = (
        "(chain, sequence, id, time, action, actor, object, outcome, evidence, previous, hash)"
    )
    _upgrade_to(empty_url, "0012")
    for number, (actor, about, evidence) in enumerate(FILED, start=1):
        execute(
            empty_url,
            f"INSERT INTO audit_event {columns} VALUES ('main', {number}, '{number}', 0, 'A',"
            f" '{actor}', '{about}', 'success', '{evidence}', '', '')",
        )
    migrate.upgrade(empty_url)

    found = fetch(
        empty_url, "SELECT person, credential, workstation FROM audit_event ORDER BY sequence"
    )
    assert found == [*FILED.values()]
    assert [
        (each.person, each.credential, each.workstation)
        for each in (
            filing(actor, about, json.loads(evidence)) for actor, about, evidence in FILED
        )
    ] == [*FILED.values()]


MEMBERSHIPS_OF_0011 = {
    "anne": ("'01.015', 'employee', 'administrator', NULL, 5, '[\"30.000\"]'"),
    "otto": ("'30.000', 'guest', NULL, 9, 6, '[]'"),
}


def test_memberships_of_before_the_service_desk_are_there_after_the_upgrade(empty_url):
    columns = "role_code, kind, administrative_role, valid_until, created_at, other_role_codes"
    person = "id, first_names, last_name, name_key, user_name, status, created_at"
    _upgrade_to(empty_url, "0011")
    execute(empty_url, PHONE_OF_0001[0].replace("0)", "0, '{}')"))
    for name, membership in MEMBERSHIPS_OF_0011.items():
        execute(
            empty_url,
            f"INSERT INTO person ({person}) VALUES"
            f" ('{name}', 'A', 'B', 'a', '{name}', 'active', 0)",
            f"INSERT INTO membership (person_id, ura, {columns})"
            f" VALUES ('{name}', '90000001', {membership})",
        )
    migrate.upgrade(empty_url)

    found = fetch(empty_url, f"SELECT person_id, {columns} FROM membership ORDER BY person_id")
    assert found == [
        ("anne", "01.015", "employee", "administrator", None, 5, '["30.000"]'),
        ("otto", "30.000", "guest", None, 9, 6, "[]"),
    ]
    execute(empty_url, "UPDATE membership SET administrative_role = 'service_desk'")
    for refused in ("administrative_role = 'janitor'", "kind = 'x'", "ura = 'nowhere'"):
        with pytest.raises(Exception, match=r"(?i)constraint|check"):
            execute(empty_url, f"UPDATE membership SET {refused}")
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        execute(
            empty_url,
            "INSERT INTO membership (person_id, ura, role_code, kind, created_at)"
            " VALUES ('anne', '90000001', 'x', 'guest', 0)",
        )


CALLED = {
    "anne": ("Ánne-Marié", "van \u2019t Hof", ["Werk\u2011telefoon", ""]),
    "Bea": ("Bea", "Öztürk", []),
    "çelik": ("A" * 150, "B" * 150, ["x" * 300]),
}


async def test_members_of_before_are_listed_by_the_upgrade_as_they_are_from_then_on(
    empty_url, open_at, monkeypatch
):
    script = migrate.ScriptDirectory.from_config(migrate._config())
    monkeypatch.setattr(script.get_revision("0016").module, "PAGE", 2)
    monkeypatch.setattr(migrate.ScriptDirectory, "from_config", lambda _config: script)
    _upgrade_to(empty_url, "0015")
    execute(
        empty_url,
        "INSERT INTO organisation (ura, name, status, registered_at)"
        " VALUES ('90000001', 'De Linde', 'active', 0)",
        *(line for name, called in CALLED.items() for line in _member_of_0015(name, *called)),
    )
    migrate.upgrade(empty_url)
    members, phones = (
        f"SELECT * FROM {table} ORDER BY 1, 2" for table in ("member_listing", "phone_listing")
    )
    before = fetch(empty_url, members), fetch(empty_url, phones)

    registry = open_at(empty_url)
    for listings in (member_listings, phone_listings):
        for name in CALLED:
            await registry.commit(
                lambda tx, name=name, listings=listings: listings.refresh(tx, name)
            )

    assert (fetch(empty_url, members), fetch(empty_url, phones)) == before
    assert {row[1] for row in before[0]} == {*CALLED}
    assert len(before[1]) == sum(len(phones) for *_, phones in CALLED.values())


def _member_of_0015(name, first_names, last_name, phones):
    key = name_key(first_names, last_name).replace("'", "''")
    yield (
        "INSERT INTO person (id, first_names, last_name, name_key, user_name, status, created_at)"
        f" VALUES ('{name}', '{first_names}', '{last_name}', '{key}', '{name}', 'active', 0)"
    )
    yield (
        "INSERT INTO membership (person_id, ura, role_code, kind, created_at)"
        f" VALUES ('{name}', '90000001', '01.015', 'employee', 0)"
    )
    for number, phone in enumerate(phones):
        yield (
            "INSERT INTO credential (id, person_id, kind, public_key, sign_count, aaguid,"
            " attestation_format, attestation_verdict, backup_eligible, backed_up, acr, platform,"
            " model, app_version, status, bound_by, pairing_id, bound_at, expires_at, name) VALUES"
            f" ('{name}-{number}', '{name}', 'phone', '', 0, '', 'none', 'unknown', FALSE, FALSE,"
            " 'low', 'ios', 'iPhone', '1', 'active', 'uzi-pas', "
            f"'{name}-{number}', {number}, 2, '{phone}')"
        )


def test_the_audit_log_cannot_be_replaced(sqlite_url):
    execute(sqlite_url, f"INSERT INTO audit_event {FILLED['audit_event']}")

    with pytest.raises(Exception, match="rows of audit_event stay as they are"):
        execute(sqlite_url, f"INSERT OR REPLACE INTO audit_event {FILLED['audit_event']}")


@pytest.mark.parametrize("table", ["auth_answer", "redemption"])
def test_old_answers_can_be_cleared_away(database_url, table):
    execute(database_url, f"INSERT INTO {table} {FILLED[table]}", f"DELETE FROM {table}")

    assert fetch(database_url, f"SELECT * FROM {table}") == []
