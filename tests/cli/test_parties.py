"""`pairing-server organisation`."""

import json
import sqlite3
from contextlib import closing

import pytest

URA = "90000382"


def test_an_organisation_is_added_once_and_listed(command):
    assert command("organisation", "add", URA, "Huisartsenpost") == (
        0,
        f"Registered Huisartsenpost (URA {URA}).\n",
    )

    assert command("organisation", "add", URA, "Nog eens") == (
        1,
        f"Error: URA {URA} is registered already.\n",
    )
    assert command("organisation", "list") == (0, f"{URA}  active    Huisartsenpost\n")


def test_an_organisation_has_the_servers_policy_until_it_has_its_own(command, tmp_path):
    command("organisation", "add", URA, "Huisartsenpost")
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"backup_eligible": "refuse", "max_phones": 2}))

    before = json.loads(command("organisation", "policy", URA)[1])
    status, output = command("organisation", "policy", URA, "--file", file)
    after = json.loads(output)

    assert (before["backup_eligible"], before["max_phones"], before["synced"]) == (
        "accept",
        5,
        "substantial",
    )
    assert (status, after) == (0, before | {"backup_eligible": "refuse", "max_phones": 2})
    assert json.loads(command("organisation", "policy", URA)[1]) == after
    file.write_text("{}")
    assert json.loads(command("organisation", "policy", URA, "--file", file)[1]) == before


@pytest.mark.parametrize("text", ["no JSON", '{"synced": "high"}', '{"synced_acr": "low"}'])
def test_what_is_no_policy_is_not_set(command, tmp_path, text):
    command("organisation", "add", URA, "Huisartsenpost")
    file = tmp_path / "policy.json"
    file.write_text(text)

    status, output = command("organisation", "policy", URA, "--file", file)

    assert status == 2
    assert "this is no policy" in output


def test_an_organisation_that_is_not_registered_has_no_policy(command):
    assert command("organisation", "policy", URA) == (
        1,
        f"Error: URA {URA} is not registered.\n",
    )


@pytest.mark.parametrize("ura", ["9000038", "900003820", "9000038x", "٩٠٠٠٠٣٨٢"])
def test_a_ura_has_eight_digits(command, ura):
    status, output = command("organisation", "add", ura, "Naam")

    assert status == 2
    assert "a URA has 8 digits" in output


def test_what_an_organisation_was_told_is_listed(command, tmp_path):
    command("organisation", "add", URA, "Huisartsenpost")
    rows = [
        ("n1", URA, "registration_denied", 0, '{"people": [{"name": "Zoë"}]}', None, None),
        ("n2", URA, "several_records", 1000, "{}", "person:p", 2000),
    ]
    with closing(sqlite3.connect(tmp_path / "data" / "registry.sqlite3")) as connection:
        connection.executemany("INSERT INTO notice VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        connection.commit()

    assert command("organisation", "notices", URA) == (
        0,
        (
            "1970-01-01T00:00:01Z  several_records  read by person:p  {}\n"
            '1970-01-01T00:00:00Z  registration_denied  unread  {"people": [{"name": "Zoë"}]}\n'
        ),
    )
    assert command("organisation", "notices", "90000999") == (
        1,
        "Error: URA 90000999 is not registered.\n",
    )
