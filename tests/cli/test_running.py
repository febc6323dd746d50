"""How every command starts and ends: no registry made by the way, a checkpoint behind each act."""

import os
import pwd
import sqlite3
from contextlib import closing

import pytest

from pairing_server.cli.running import operator

URA = "90000382"
#: Commands that make no registry.
WITHOUT = [
    ("audit", "verify"),
    ("audit", "export"),
    ("organisation", "list"),
    ("organisation", "add", URA, "Huisartsenpost"),
    ("client", "list"),
    ("phone", "list"),
    ("phone", "block", "AAAA"),
    ("keys", "list"),
    ("keys", "rotate"),
    ("keys", "jwks"),
]


@pytest.fixture
def data(environ, tmp_path):
    return tmp_path / "data"


@pytest.fixture
def checkpoints(data):
    def count():
        with closing(sqlite3.connect(data / "registry.sqlite3")) as connection:
            return connection.execute("SELECT count(*) FROM audit_checkpoint").fetchone()[0]

    return count


@pytest.mark.parametrize("arguments", WITHOUT, ids=" ".join)
def test_where_there_is_no_registry_none_is_made(bare_command, data, arguments):
    assert bare_command(*arguments) == (
        2,
        (
            f"Error: there is no registry in {data}: set PAIRING_DATA_DIR, or run "
            "`pairing-server db upgrade` to make one\n"
        ),
    )
    assert not data.exists()


def test_a_registry_is_made_by_upgrading(bare_command, data):
    bare_command("db", "upgrade")

    assert [file.name for file in data.iterdir()] == ["registry.sqlite3"]
    assert bare_command("organisation", "list") == (0, "")


def test_a_registry_without_a_schema_is_told_and_not_upgraded(bare_command, data):
    data.mkdir()
    (data / "registry.sqlite3").touch()

    status, output = bare_command("organisation", "list")

    assert status == 2
    assert "has no schema: upgrade it" in output


def test_each_act_ends_with_a_checkpoint(command, checkpoints, jwks_file):
    command("organisation", "add", URA, "Huisartsenpost")
    assert checkpoints() == 1

    command("client", "add", "HIS", "--ura", URA, "--jwks", jwks_file)
    assert checkpoints() == 2

    command("keys", "rotate", "--compromised")
    assert checkpoints() == 3


def test_what_does_nothing_signs_nothing(command, checkpoints):
    command("organisation", "add", URA, "Huisartsenpost")

    command("organisation", "add", URA, "Nog eens")
    command("organisation", "list")
    command("phone", "block", "AAAA")
    command("keys", "rotate")
    command("audit", "verify")

    assert checkpoints() == 1


def test_an_act_stands_without_a_checkpoint(command, checkpoints, monkeypatch, tmp_path):
    monkeypatch.setenv("PAIRING_SEAL_KEY_FILE", str(tmp_path / "none"))

    status, output = command("organisation", "add", URA, "Huisartsenpost")

    assert status == 0
    assert output.startswith("Warning: this is done, but no checkpoint vouches for it: ")
    assert output.endswith(f"Registered Huisartsenpost (URA {URA}).\n")
    assert checkpoints() == 0


def test_the_operator_is_the_user_of_the_process_whatever_the_environment_says(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(name, "somebody-else")

    assert operator() == f"operator:{pwd.getpwuid(os.getuid()).pw_name}"


def test_a_user_without_a_name_is_a_number(monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)

    assert operator() == "operator:4000000000"
