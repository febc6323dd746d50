"""`pairing-server check`: whom the server believes about keys."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from pairing_server.cli.check_attestation import examine_attestation
from pairing_server.settings import load
from tests.keys.makers import FROM, Authority, authority, issue


@pytest.fixture
def where(tmp_path):
    directory = tmp_path / "attestation"
    (directory / "packed").mkdir(parents=True)
    return directory


def examined(where):
    mistakes, remarks = [], []
    examine_attestation(load({}, attestation_dir=where), mistakes, remarks)
    return mistakes, "\n".join(remarks)


def test_what_ships_is_told_and_what_is_missing():
    mistakes, remarks = examined(None)
    assert mistakes == []
    assert "Attestation roots: packed 0, android-key 4, apple 1, tpm 0." in remarks
    assert "A key whose attestation is packed or tpm with a chain is refused." in remarks
    assert "Fetch it daily from https://android.googleapis.com/attestation/status" in remarks


def test_what_the_operator_trusts_is_told(where):
    (where / "tpm").mkdir()
    root = Authority.root().certificate.public_bytes(Encoding.PEM)
    (where / "packed" / "maker.pem").write_bytes(root)
    (where / "tpm" / "maker.pem").write_bytes(root)
    (where / "android-status.json").write_text('{"entries": {"ab": {"status": "REVOKED"}}}')
    mistakes, remarks = examined(where)
    assert mistakes == []
    assert "packed 1, android-key 4, apple 1, tpm 1." in remarks
    assert "is refused" not in remarks
    assert "Google has called back: 1, as of 2" in remarks
    assert "long ago" not in remarks


def test_a_list_that_nobody_fetches_is_told(where):
    file = where / "android-status.json"
    file.write_text('{"entries": {}}')
    then = (datetime.now(UTC) - timedelta(days=8)).timestamp()
    os.utime(file, (then, then))
    assert "That is long ago: fetch it daily" in examined(where)[1]


def test_a_root_that_is_over_is_a_mistake(where):
    key = Authority.root().key
    called = {one.oid: one.value for one in Authority.root(key=key).certificate.subject}
    old = issue(called, key, called, key, authority(), valid=(FROM, FROM + timedelta(days=1)))
    (where / "packed" / "old.pem").write_bytes(old.public_bytes(Encoding.PEM))
    (mistake,) = examined(where)[0]
    assert mistake.startswith("PAIRING_ATTESTATION_DIR: the root in ")
    assert "old.pem is not valid now" in mistake


def test_a_directory_that_is_wrong_is_a_mistake(where):
    (where / "pakced").mkdir()
    (mistake,), remarks = examined(where)
    assert mistake.startswith("PAIRING_ATTESTATION_DIR: ")
    assert "pakced is none of packed/" in mistake
    assert remarks == ""


def test_the_command_says_it(command, monkeypatch, where):
    (where / "pakced").mkdir()
    monkeypatch.setenv("PAIRING_ATTESTATION_DIR", str(where))
    status, output = command("check")
    assert status == 1
    assert " ! PAIRING_ATTESTATION_DIR: " in output
