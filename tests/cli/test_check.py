"""`pairing-server check`."""

from datetime import UTC, datetime, timedelta

import pytest

from pairing_server.settings import PREFIX, Settings


def test_an_installation_in_order_has_nothing_wrong(command):
    status, output = command("check")

    assert (status, output.splitlines()[-1]) == (0, "Nothing is wrong.")


def test_every_mistake_is_told_at_once_and_no_value_with_it(command, monkeypatch, tmp_path):
    for name, value in {
        "BASE_URL": "http://login.example.nl/hunter2",
        "PORT": "hunter2",
        "LOG_LEVEL": "hunter2",
        "SYNCED_ACR": "high",
        "NO_SUCH_THING": "hunter2",
    }.items():
        monkeypatch.setenv(PREFIX + name, value)

    status, output = command("check")

    assert status == 1
    assert "hunter2" not in output
    for name in ("BASE_URL", "PORT", "LOG_LEVEL", "SYNCED_ACR", "NO_SUCH_THING"):
        assert PREFIX + name in output


def test_stores_that_do_not_answer_are_told_at_once_without_their_passwords(command, monkeypatch):
    monkeypatch.setenv(PREFIX + "REDIS_URL", "redis://:hunter2@127.0.0.1:1/0")
    monkeypatch.setenv(PREFIX + "DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:1/registry")

    status, output = command("check")

    assert status == 1
    assert "hunter2" not in output
    assert f"{PREFIX}REDIS_URL" in output
    assert f"{PREFIX}DATABASE_URL" in output


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("UZI_ANCHORS", "/no/such/file.pem", "No such file"),
        ("UZI_CRL_DIR", "", "without the issuers' revocation lists every card is refused"),
        ("SEAL_KEY_FILE", "/no/such/file", "new-seal-key"),
    ],
)
def test_what_would_refuse_every_card_or_start_is_told(command, monkeypatch, name, value, told):
    command("keys", "list")
    monkeypatch.setenv(PREFIX + name, value)

    status, output = command("check")

    assert status == 1
    assert told in output


def test_every_setting_is_listed_with_what_it_is(command):
    status, output = command("check", "--list")

    assert status == 0
    for name, field in Settings.model_fields.items():
        assert f"{PREFIX}{name.upper()}\n    {field.description}\n" in output


def test_a_refused_start_names_every_mistake_and_no_value(command, monkeypatch):
    monkeypatch.setenv(PREFIX + "BASE_URL", "ftp://hunter2")
    monkeypatch.setenv(PREFIX + "PORT", "hunter2")

    status, output = command("serve")

    assert status == 2
    assert "hunter2" not in output
    assert PREFIX + "BASE_URL" in output
    assert PREFIX + "PORT" in output


def test_a_list_that_is_stale_or_none_is_named(command, monkeypatch, register, tmp_path):
    lists = tmp_path / "lists"
    lists.mkdir()
    long_ago = datetime.now(UTC) - timedelta(days=3)
    (lists / "old.crl").write_bytes(register.ca.issuing("Z").revocation_list(long_ago))
    (lists / "none.crl").write_text("nothing")
    monkeypatch.setenv(PREFIX + "UZI_CRL_DIR", str(lists))

    _, output = command("check")

    assert "old.crl is not fresh" in output
    assert "none.crl is no revocation list" in output
