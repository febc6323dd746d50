"""The file of a phone: private, whole, and changed by one program at a time."""

import asyncio
import json
import os

import pytest

from clients import phone_file
from clients.phone import SoftwarePhone
from clients.phone_file import PhoneFile, StateRefused

#: A phone of a server that is reached without TLS.
PLAIN_HTTP = (
    b'{"base": "http://login.example.nl", "device_token": "", "credential_id": "",'
    b' "authenticator": {"attestation": "none", "aaguid": "", "backup": 0, "credentials": []}}'
)


@pytest.fixture
def file(tmp_path):
    return PhoneFile.named("balie", {"XDG_DATA_HOME": str(tmp_path / "share")})


@pytest.fixture
def phone(http):
    back_up = {"base": "https://login.example.nl", "device": {}, "identity": None}
    return SoftwarePhone.from_back_up(http, back_up)


def modes(file):
    return {path.stat().st_mode & 0o777 for path in file.directory.iterdir()}


def test_what_is_kept_is_read_again(http, file, phone):
    file.write(phone)

    assert file.read(http).to_json() == phone.to_json()


def test_a_phone_is_kept_from_others_whatever_the_umask(file, phone):
    before = os.umask(0)
    try:
        file.write(phone)
        file.write(phone)
    finally:
        os.umask(before)

    assert file.directory.stat().st_mode & 0o777 == 0o700
    assert modes(file) == {0o600}


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o620, 0o602])
def test_a_file_that_others_can_open_is_refused(http, file, phone, mode):
    file.write(phone)
    file.path.chmod(mode)

    with pytest.raises(StateRefused, match=r"open to others.*chmod 600"):
        file.read(http)


@pytest.mark.parametrize("mode", [0o755, 0o711, 0o770])
def test_a_directory_that_others_can_open_is_refused(http, file, phone, mode):
    file.write(phone)
    file.directory.chmod(mode)

    with pytest.raises(StateRefused, match=r"open to others.*chmod 700"):
        file.read(http)
    with pytest.raises(StateRefused, match=r"open to others.*chmod 700"):
        file.write(phone)


def test_a_link_in_the_place_of_the_file_is_refused(http, file, phone, tmp_path):
    file.write(phone)
    file.path.rename(tmp_path / "elsewhere.json")
    file.path.symlink_to(tmp_path / "elsewhere.json")

    with pytest.raises(StateRefused, match="cannot be read"):
        file.read(http)


def test_a_file_of_somebody_else_is_refused(http, file, phone, monkeypatch):
    file.write(phone)
    monkeypatch.setattr(os, "getuid", lambda: 12345)

    with pytest.raises(StateRefused, match="somebody else"):
        file.read(http)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"base": "https://login.example.nl"}',
        PLAIN_HTTP,
    ],
)
def test_what_is_no_phone_is_refused(http, file, content):
    file.write_bytes(content)

    with pytest.raises(StateRefused, match="not the file of a phone"):
        file.read(http)


def test_a_phone_that_is_not_there_is_told_with_those_that_are(http, file, phone, tmp_path):
    file.write(phone)
    other = PhoneFile.named("other", {"XDG_DATA_HOME": str(tmp_path / "share")})

    with pytest.raises(StateRefused, match=r"name other: pair one first\. There is: balie"):
        other.read(http)


def test_a_write_that_fails_leaves_what_was_there(file, phone, monkeypatch):
    file.write(phone)
    before = file.path.read_bytes()

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateRefused, match="No space left"):
        file.write_bytes(b"half")

    assert file.path.read_bytes() == before
    assert [path.name for path in file.directory.iterdir()] == ["balie.json"]


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a" * 65, "naïef", "a b", "a\n"])
def test_a_name_that_is_no_file_is_refused(name):
    with pytest.raises(ValueError, match="name"):
        PhoneFile.named(name, {})


async def test_two_programs_take_turns(http, file, phone):
    file.write(phone)
    order = []

    async def sign(name):
        async with file.held():
            order.append(f"{name} reads")
            taken = file.read(http)
            await asyncio.sleep(0.1)
            taken.credential_id += name
            file.write(taken)
            order.append(f"{name} wrote")

    await asyncio.gather(sign("a"), sign("b"))

    assert order in (
        ["a reads", "a wrote", "b reads", "b wrote"],
        ["b reads", "b wrote", "a reads", "a wrote"],
    )
    assert sorted(json.loads(file.path.read_text())["credential_id"]) == ["a", "b"]


async def test_who_does_not_get_a_turn_is_told(file, monkeypatch):
    monkeypatch.setattr(phone_file, "PATIENCE", 0)

    async with file.held():
        with pytest.raises(StateRefused, match="busy with phone balie"):
            async with file.held():
                pass


async def test_a_turn_ends_with_its_program(file):
    with pytest.raises(RuntimeError, match="died"):
        async with file.held():
            raise RuntimeError("died")

    async with file.held():
        assert modes(file) == {0o600}
