"""`pairing-server keys`."""

import json
import stat

import pytest


@pytest.fixture
def kids(command):
    """Make the first keys, and tell the current and the next."""

    def read():
        _, output = command("keys", "list")
        return {line.split()[2]: line.split()[0] for line in output.splitlines()}

    return read


def test_the_first_keys_are_one_that_signs_and_one_that_waits(kids):
    assert set(kids()) == {"current", "next"}


def test_a_key_that_nobody_can_know_yet_does_not_sign(command, kids):
    before = kids()

    status, output = command("keys", "rotate")

    assert status == 1
    assert "rotate after" in output
    assert kids() == before


def test_a_compromised_key_is_rotated_at_once(command, kids):
    before = kids()

    status, output = command("keys", "rotate", "--compromised")

    assert (status, output) == (0, f"{before['next']} signs from now on.\n")
    assert kids()["current"] == before["next"]
    assert kids()["retired"] == before["current"]


def test_the_printed_key_set_has_every_key_and_no_private_part(command, kids):
    known = set(kids().values())

    _, output = command("keys", "jwks")

    keys = json.loads(output)["keys"]
    assert {key["kid"] for key in keys} == known
    assert all("d" not in key for key in keys)


def test_a_seal_key_is_made_for_its_owner_alone_and_never_replaced(command, tmp_path):
    file = tmp_path / "seal.key"

    assert command("keys", "new-seal-key", file)[0] == 0
    made = file.read_text()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert command("keys", "new-seal-key", file) == (1, f"Error: {file} is there already.\n")
    assert file.read_text() == made


def test_keys_do_not_open_with_another_seal_key(command, kids, tmp_path, monkeypatch):
    kids()
    other = tmp_path / "other.key"
    command("keys", "new-seal-key", other)
    monkeypatch.setenv("PAIRING_SEAL_KEY_FILE", str(other))

    status, output = command("keys", "list")

    assert status == 2
    assert "was not sealed with this seal key" in output


def test_a_seal_key_that_others_can_read_is_refused(command, tmp_path, monkeypatch):
    file = tmp_path / "seal.key"
    command("keys", "new-seal-key", file)
    file.chmod(0o644)
    monkeypatch.setenv("PAIRING_SEAL_KEY_FILE", str(file))

    status, output = command("keys", "list")

    assert status == 2
    assert "chmod 600" in output


def test_a_lost_seal_key_is_told_and_not_replaced(command, kids, tmp_path):
    kids()
    seal_key = tmp_path / "data" / "seal.key"
    seal_key.unlink()

    status, output = command("keys", "list")

    assert status == 2
    assert "put it back from your back-up" in output
    assert not seal_key.exists()
