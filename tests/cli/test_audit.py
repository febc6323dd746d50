"""`pairing-server audit` and `pairing-server db`."""

import json
import re
import sqlite3
import stat
from contextlib import closing

import pytest

from pairing_server.registry import migrate


@pytest.fixture
def log(command, tmp_path):
    """Fill an audit log; returns its database."""
    for number in range(3):
        command("organisation", "add", f"9000038{number}", f"Praktijk {number}")
    return tmp_path / "data" / "registry.sqlite3"


def whole(chains, events, checkpoints):
    """The words for a log in which nothing is wrong."""
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    counts = f"{chains}, {events}, {checkpoints}"
    return re.compile(rf"The audit log is whole: {counts}, from {time} to {time}\.\n")


def tamper(database, *statements):
    """Change the log as somebody who holds the database would."""
    with closing(sqlite3.connect(database)) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_log_as_it_was_written_is_whole(command, log):
    status, output = command("audit", "verify")

    assert status == 0
    assert whole("1 chain", "3 events", "3 checkpoints").fullmatch(output)


def test_a_log_without_any_event_is_not_called_whole(command, tmp_path):
    keys, empty = tmp_path / "keys.json", tmp_path / "log.jsonl"
    keys.write_text('{"keys": []}')
    empty.touch()
    told = (1, "Error: The audit log has no event: there is nothing to verify.\n")

    assert command("audit", "verify") == told
    assert command("audit", "verify", empty, "--keys", keys) == told
    assert not (tmp_path / "data" / "seal.key").exists()


def test_a_log_without_any_checkpoint_is_not_called_whole(command, log):
    tamper(log, "DELETE FROM audit_checkpoint")

    assert command("audit", "verify") == (
        1,
        "Error: The audit log has no checkpoint: nothing vouches for it.\n",
    )


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE audit_event SET object = 'x' WHERE sequence = 2", "changed: chain cli, event 2"),
        ("DELETE FROM audit_event WHERE sequence = 2", "missing: chain cli, event 2"),
        ("DELETE FROM audit_event WHERE sequence = 3", "tail cut off: chain cli, event 3"),
        ("DELETE FROM audit_checkpoint WHERE number = 2", "checkpoint missing: checkpoint 2:"),
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
    (head,) = [line for line in file.read_text().splitlines() if '"type": "head"' in line]

    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [line["action"] for line in lines if line["type"] == "event"][-1] == "AuditExported"
    status, output = command("audit", "verify", file, "--keys", keys)
    assert status == 0
    assert whole("1 chain", "4 events", "4 checkpoints").fullmatch(output)
    checkpoints = [line for line in lines if line["type"] == "checkpoint"]
    assert json.loads(checkpoints[-1]["heads"])["cli"]["hash"] == json.loads(head)["hash"]


def test_what_is_no_export_is_named_by_its_line(command, tmp_path):
    file, keys = tmp_path / "log.jsonl", tmp_path / "keys.json"
    keys.write_text('{"keys": []}')
    file.write_text("nothing\n")

    status, output = command("audit", "verify", file, "--keys", keys)

    assert status == 1
    assert output.startswith("malformed: line 1: ")


def forget_since(database, event, checkpoint):
    """Cut the newest off the end, so that what is left contradicts nothing."""
    tamper(
        database,
        f"DELETE FROM audit_event WHERE sequence > {event}",
        f"UPDATE audit_chain SET sequence = {event},"
        f" hash = (SELECT hash FROM audit_event WHERE sequence = {event})",
        f"DELETE FROM audit_checkpoint WHERE number > {checkpoint}",
    )


@pytest.fixture
def kept(command, log, tmp_path):
    """Keep an export, elsewhere."""
    file = tmp_path / "kept.jsonl"
    command("audit", "export", "--output", file)
    return file


def test_what_was_cut_off_the_end_is_missed_by_an_older_export(command, log, kept):
    forget_since(log, event=2, checkpoint=2)

    status, output = command("audit", "verify", "--since", kept)

    assert command("audit", "verify")[0] == 0
    assert status == 1
    assert output.splitlines() == [
        (
            "checkpoint missing: checkpoint 4: it was kept elsewhere, and the log ends at "
            "checkpoint 2"
        ),
        (
            "checkpoint broken: chain cli, event 4: checkpoint 4 saw the head at 4, and no event "
            "is there now"
        ),
    ]


def test_a_newer_export_is_compared_with_the_last_checkpoint_of_an_older(
    command, log, kept, tmp_path
):
    newer, keys = tmp_path / "newer.jsonl", tmp_path / "keys.json"
    keys.write_text(command("keys", "jwks")[1])
    kept.write_text(kept.read_text().splitlines()[4])
    compare = ("audit", "verify", newer, "--keys", keys, "--since", kept)
    newer.write_text(command("audit", "export")[1])
    assert command(*compare)[0] == 0

    forget_since(log, event=2, checkpoint=2)
    newer.write_text(command("audit", "export")[1])

    status, output = command(*compare)
    assert status == 1
    assert output.startswith("checkpoint missing: checkpoint 4")


def test_a_log_that_has_grown_since_is_whole(command, log, kept):
    command("organisation", "add", "90000383", "Praktijk 3")

    assert command("audit", "verify", "--since", kept)[0] == 0


def test_what_has_no_checkpoint_is_nothing_to_compare_with(command, log, kept):
    kept.write_text("nothing")

    status, output = command("audit", "verify", "--since", kept)

    assert status == 2
    assert "is not an export with a checkpoint" in output


def test_a_changed_export_is_found_out(command, log, tmp_path):
    file, keys = tmp_path / "log.jsonl", tmp_path / "keys.json"
    keys.write_text(command("keys", "jwks")[1])
    command("audit", "export", "--output", file)
    file.write_text(file.read_text().replace("organisation:90000381", "organisation:90000389"))

    status, output = command("audit", "verify", file, "--keys", keys)

    assert status == 1
    assert output.startswith("changed: chain cli, event 2")


def test_an_export_brings_its_keys_and_they_are_named(command, log, tmp_path, capfd):
    file = tmp_path / "log.jsonl"
    command("audit", "export", "--output", file)
    (key, *_) = json.loads(file.read_text().splitlines()[0])["keys"]

    status, output = command("audit", "verify", file)

    assert status == 0
    assert "the server has to know them" in output
    assert key["kid"] in output
    assert "d" not in key


def test_an_export_without_keys_needs_them_from_elsewhere(command, log, tmp_path):
    file = tmp_path / "log.jsonl"
    command("audit", "export", "--output", file)
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))

    status, output = command("audit", "verify", file)

    assert status == 2
    assert "name them by --keys" in output


def test_an_export_replaces_nothing(command, log, tmp_path):
    file = tmp_path / "log.jsonl"
    file.write_text("mine")

    assert command("audit", "export", "--output", file)[0] == 1
    assert file.read_text() == "mine"


def test_the_schema_can_be_upgraded_twice(command):
    first, second = command("db", "upgrade"), command("db", "upgrade")

    assert first == second == (0, f"The schema is at {migrate.head()}.\n")


def test_nothing_is_deleted_that_is_not_old_enough(command, log):
    before = fetch(log)

    assert command("audit", "prune", "--yes") == (0, "Nothing is older than 5 years.\n")
    assert fetch(log) == before


def test_nothing_is_deleted_without_being_asked_for(command, log):
    status, output = command("audit", "prune")

    assert status == 1
    assert "Delete all events that are older than 5 years?" in output


def test_a_log_in_which_something_is_wrong_is_not_touched(command, log):
    tamper(log, "UPDATE audit_event SET object = 'x' WHERE sequence = 2")
    before = fetch(log)

    status, output = command("audit", "prune", "--yes")

    assert status == 1
    assert output.startswith("changed: chain cli, event 2")
    assert fetch(log) == before


def fetch(database):
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT id FROM audit_event ORDER BY sequence").fetchall()
