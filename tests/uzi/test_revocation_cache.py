"""Fetched lists on disk: in one step, and harmless when damaged."""

import stat
from pathlib import Path

import pytest
from cryptography import x509

from pairing_server.uzi.revocation_cache import Kept, ListCache

ONE = Kept("http://crl.test/one.crl", b"one")
TWO = Kept("http://crl.test/two.crl", b"two")


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "lists"


@pytest.fixture
def cache(directory):
    return ListCache(directory)


def kept(cache):
    return {one.url: one.data for one in cache.lists()}


def test_what_was_kept_is_there(cache):
    cache.keep_list(ONE)
    cache.keep_list(TWO)
    cache.keep_list(Kept(ONE.url, b"newer"))

    assert kept(cache) == {ONE.url: b"newer", TWO.url: b"two"}


def test_it_is_the_servers_alone(cache, directory):
    cache.keep_list(ONE)

    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_an_empty_or_missing_cache_is_empty(cache):
    assert kept(cache) == {}
    assert list(cache.authorities()) == []


def test_a_write_that_fails_leaves_the_one_before(cache, directory, monkeypatch):
    cache.keep_list(ONE)

    def fail(_, __):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    cache.keep_list(Kept(ONE.url, b"newer"))

    assert kept(cache) == {ONE.url: b"one"}


def test_a_draft_that_a_crash_left_is_passed_over(cache, directory):
    cache.keep_list(ONE)
    for file in list(directory.iterdir()):
        file.with_name(file.name + ".part").write_bytes(b"half")

    assert kept(cache) == {ONE.url: b"one"}


@pytest.mark.parametrize("address", [None, b"", b"http://crl.test/two.crl", b"\xff\xfe"])
def test_a_list_without_its_own_address_is_passed_over(cache, directory, address):
    cache.keep_list(ONE)
    (file,) = directory.glob("*.url")
    if address is None:
        file.unlink()
    else:
        file.write_bytes(address)

    assert kept(cache) == {}


def test_authorities_are_remembered(cache, ca, directory):
    for authority in (ca.root, ca.level_2, ca.root):
        cache.keep_authority(authority.certificate)
    (directory / "broken.cer").write_bytes(b"\x30")

    assert set(cache.authorities()) == {ca.root.certificate, ca.level_2.certificate}


def test_an_authority_that_a_disk_damaged_is_passed_over(cache, ca, directory):
    """It parses; who reads its name later, with every list that is fetched, would fail."""
    cache.keep_authority(ca.root.certificate)
    (file,) = directory.glob("*.cer")
    data = file.read_bytes()
    name = data.index(b"\x06\x03\x55\x04\x0a") + 5
    file.write_bytes(data[:name] + b"\x03" + data[name + 1 :])
    with pytest.raises((ValueError, TypeError)):
        _ = x509.load_der_x509_certificate(file.read_bytes()).issuer

    assert list(cache.authorities()) == []
