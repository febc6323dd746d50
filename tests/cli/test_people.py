"""`pairing-server person`."""

import sqlite3
from contextlib import closing

import pytest

TO = "saskia@ziekenhuis.example"


@pytest.fixture
def people(command, tmp_path):
    file = tmp_path / "data" / "registry.sqlite3"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(
            "INSERT INTO person (id, first_names, last_name, name_key, user_name, status,"
            " created_at) VALUES ('p', 'Saskia', 'de Boer', 'k', 'sdeboer', 'active', 0)"
        )
    return file


def address(file):
    with closing(sqlite3.connect(file)) as database:
        return database.execute("SELECT email FROM person").fetchone()[0]


def test_an_address_is_set_and_taken_away(command, people):
    assert command("person", "mail", "sdeboer", TO) == (0, "Set.\n")
    assert address(people) == TO
    assert command("person", "mail", "sdeboer") == (0, "Taken away.\n")
    assert address(people) is None


def test_nobody_is_told_so(command, people):
    assert command("person", "mail", "other", TO) == (
        1,
        "Error: Nobody has the user name other.\n",
    )


def test_what_is_no_address_is_not_set(command, people):
    status, said = command("person", "mail", "sdeboer", "a b@c.nl")

    assert (status, "this is no address" in said) == (2, True)
    assert address(people) is None
