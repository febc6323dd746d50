"""`pairing-server audit` and `pairing-server db`."""

import json
import sqlite3
import stat
from contextlib import closing

import pytest


@pytest.fixture
def log(command, tmp_path):
    """Fill an audit log; returns its database."""
    for number in range(3):
        command("organisation", "add", f"9000038{number}", f"Praktijk {number}")
    return tmp_path / "data" / "registry.sqlite3"


def tamper(database, statement):
    """Change the log as somebody who holds the database would."""
    with closing(sqlite3.connect(database)) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute(statement)
        connection.commit()


def test_a_log_as_it_was_written_is_whole(command, log):
    assert command("audit", "verify") == (0, "The audit log is whole.\n")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE audit_event SET object = 'x' WHERE sequence = 2", "changed: chain cli, event 2"),
        ("DELETE FROM audit_event WHERE sequence = 2", "missing: chain cli, event 2"),
        ("DELETE FROM audit_event WHERE sequence = 3", "tail cut off: chain cli, event 3"),
    ],
)
def test_what_was_done_to_the_log_is_named_with_its_place(command, log, statement, told):
    tamper(log, statement)

    status, output = command("audit", "verify")

    assert status == 1
    assert output.startswith(told)


def test_an_export_is_private_told_of_and_verified_away_from_the_server(command, log, tmp_path):
    file, keys = tmp_path / "log.jsonl", tmp_path / "keys.json"
    keys.write_text(command("keys", "jwks")[1])

    assert command("audit", "export", "--output", file) == (0, "")

    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [line["action"] for line in lines if line["type"] == "event"][-1] == "AuditExported"
    verified = command("audit", "verify", "--export", file, "--keys", keys)
    assert verified == (0, "The audit log is whole.\n")


def test_a_changed_export_is_found_out(command, log, tmp_path):
    file, keys = tmp_path / "log.jsonl", tmp_path / "keys.json"
    keys.write_text(command("keys", "jwks")[1])
    command("audit", "export", "--output", file)
    file.write_text(file.read_text().replace("organisation:90000381", "organisation:90000389"))

    status, output = command("audit", "verify", "--export", file, "--keys", keys)

    assert status == 1
    assert output.startswith("changed: chain cli, event 2")


def test_an_export_needs_keys_from_elsewhere(command, log, tmp_path):
    file = tmp_path / "log.jsonl"
    command("audit", "export", "--output", file)

    assert command("audit", "verify", "--export", file)[0] == 2


def test_an_export_replaces_nothing(command, log, tmp_path):
    file = tmp_path / "log.jsonl"
    file.write_text("mine")

    assert command("audit", "export", "--output", file)[0] == 1
    assert file.read_text() == "mine"


def test_the_schema_can_be_upgraded_twice(command):
    first, second = command("db", "upgrade"), command("db", "upgrade")

    assert first == second == (0, "The schema is at 0001.\n")
