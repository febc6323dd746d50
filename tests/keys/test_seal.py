"""What is sealed opens with the same key under the same name, and in no other way."""

import asyncio
import secrets
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairing_server.keys.seal import (
    Seal,
    SealError,
    derived_key,
    make_seal_key,
    read_seal_key,
    server_secret_named,
)
from pairing_server.registry import AlreadyExistsError
from pairing_server.tokens import b64url

KEY = b"k" * 32

never_late = settings(deadline=None)


def seal(key=KEY):
    return Seal(key, secrets.token_bytes)


@never_late
@given(st.text(st.characters(codec="utf-8")), st.binary())
def test_what_was_sealed_opens(name, data):
    sealed = seal().close(name, data)
    assert seal().open(name, sealed) == data
    assert seal().close(name, data) != sealed


@never_late
@given(st.data(), st.binary(min_size=1))
def test_a_changed_byte_does_not_open(data, secret):
    sealed = bytearray(seal().close("name", secret))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealError):
        seal().open("name", bytes(sealed))


@never_late
@given(st.binary(max_size=40))
def test_what_was_never_sealed_does_not_open(sealed):
    with pytest.raises(SealError):
        seal().open("name", sealed)


def test_neither_another_key_nor_another_name_opens():
    sealed = seal().close("name", b"secret")
    with pytest.raises(SealError, match="name"):
        seal(b"K" * 32).open("name", sealed)
    with pytest.raises(SealError):
        seal().open("Name", sealed)


def test_a_key_is_made_for_its_owner_alone(tmp_path):
    file = tmp_path / "new" / "seal.key"
    key = make_seal_key(file, secrets.token_bytes)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_seal_key(file) == key
    assert list(file.parent.iterdir()) == [file]


def test_a_key_is_never_replaced(tmp_path):
    file = tmp_path / "seal.key"
    first = make_seal_key(file, secrets.token_bytes)
    assert make_seal_key(file, secrets.token_bytes) == first
    assert list(tmp_path.iterdir()) == [file]


def test_all_who_make_a_key_at_once_get_the_same(tmp_path):
    file = tmp_path / "seal.key"
    with ThreadPoolExecutor(16) as pool:
        made = [pool.submit(make_seal_key, file, secrets.token_bytes) for _ in range(16)]
    assert {each.result() for each in made} == {read_seal_key(file)}
    assert list(tmp_path.iterdir()) == [file]


BAD_FILES = {
    "empty": b"",
    "too short": b64url(b"k" * 31).encode(),
    "too long": b64url(b"k" * 33).encode(),
    "padded": b64url(KEY).encode() + b"=",
    "not base64url": b"?" * 43,
    "not text": b"\xff" * 32,
    "not ASCII": "é".encode() * 43,
}


@pytest.mark.parametrize("content", BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_holds_no_key_is_refused(tmp_path, content):
    file = tmp_path / "seal.key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(SealError, match=r"seal\.key"):
        read_seal_key(file)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_key_that_others_can_read_is_refused(tmp_path, mode):
    file = tmp_path / "seal.key"
    make_seal_key(file, secrets.token_bytes)
    file.chmod(mode)
    with pytest.raises(SealError, match="chmod 600"):
        read_seal_key(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SealError, match=r"none\.key"):
        read_seal_key(tmp_path / "none.key")


async def named(name, registry, clock, key=KEY):
    return await server_secret_named(name, registry, seal(key), clock, secrets.token_bytes)


async def test_a_server_secret_is_made_once(registry, clock):
    secret = await named("pairwise", registry, clock)
    assert len(secret) == 32
    assert await named("pairwise", registry, clock) == secret
    assert await named("other", registry, clock) != secret


async def test_nodes_that_make_a_server_secret_at_once_share_it(registry, other_node, clock):
    nodes = [registry, other_node] * 8
    made = await asyncio.gather(*(named("pairwise", node, clock) for node in nodes))
    assert len(set(made)) == 1


async def test_another_seal_key_does_not_open_a_server_secret(registry, clock):
    await named("pairwise", registry, clock)
    with pytest.raises(SealError):
        await named("pairwise", registry, clock, b"K" * 32)


async def test_a_server_secret_lies_sealed(registry, clock, tmp_path):
    secret = await named("pairwise", registry, clock)
    raw = b"".join(file.read_bytes() for file in tmp_path.glob("registry.sqlite3*"))
    assert b"pairwise" in raw
    assert secret not in raw


async def test_a_secret_that_was_and_is_not_there_is_an_error(clock):
    class Forgetful:
        async def read(self, _query):
            return None

        async def commit(self, _change):
            raise AlreadyExistsError

    with pytest.raises(SealError, match="pairwise"):
        await named("pairwise", Forgetful(), clock)


def test_a_key_is_derived_for_one_purpose_and_from_one_secret():
    keys = {derived_key(secret, purpose) for secret in (b"a", b"b") for purpose in ("x", "y")}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}
    assert derived_key(b"a", "x") in keys
