"""The operator's directory of lists: read when it changes, and never the worse for a half file."""

import os

import pytest

from pairing_server.uzi.revocation_files import ListDirectory
from pairing_server.uzi.revocation_reading import ListReader


@pytest.fixture(scope="module")
def issuing(ca):
    return ca.issuing("Z")


@pytest.fixture
def directory(tmp_path, issuing, at):
    (tmp_path / "zorgverlener.crl").write_bytes(issuing.revocation_list(at, [1]))
    return tmp_path


@pytest.fixture
def known(directory):
    """Return the serial numbers of the lists that are in the directory now."""
    lists = ListDirectory(directory, ListReader())

    async def known():
        await lists.refresh()
        return [
            int.from_bytes(one.serials.octets, "big", signed=True) if len(one.serials) else None
            for one in lists.lists
        ]

    return known


async def test_a_directory_of_lists_is_read(known):
    assert await known() == [1]


@pytest.mark.parametrize("named", [False, True])
async def test_without_a_directory_there_are_none(tmp_path, named):
    lists = ListDirectory(tmp_path / "missing" if named else None, ListReader())
    await lists.refresh()

    assert lists.lists == []


async def test_before_the_first_refresh_there_are_none(directory):
    assert ListDirectory(directory, ListReader()).lists == []


async def test_a_directory_that_cannot_be_read_any_more_leaves_what_was_read(known, directory):
    await known()
    directory.rename(directory.with_name("elsewhere"))

    assert await known() == [1]


async def test_a_list_that_cannot_be_read_any_more_leaves_what_was_read(
    known, directory, monkeypatch
):
    await known()
    file = directory / "zorgverlener.crl"
    os.utime(file, ns=(0, 0))
    monkeypatch.setattr(type(file), "read_bytes", refuse)

    assert await known() == [1]


def refuse(_):
    raise PermissionError


async def test_a_list_that_changes_is_read_again(known, directory, issuing, at):
    await known()
    (directory / "zorgverlener.crl").write_bytes(issuing.revocation_list(at, [2]))

    assert await known() == [2]


async def test_a_list_that_stays_is_not_read_again(directory, monkeypatch):
    lists = ListDirectory(directory, ListReader())
    await lists.refresh()
    monkeypatch.setattr(lists, "_reader", None)
    await lists.refresh()

    assert len(lists.lists) == 1


async def test_a_list_that_goes_is_forgotten(known, directory):
    await known()
    (directory / "zorgverlener.crl").unlink()

    assert await known() == []


async def test_a_file_caught_half_written_leaves_what_was_read_of_it(known, directory):
    await known()
    file = directory / "zorgverlener.crl"
    file.write_bytes(file.read_bytes()[:-1])

    assert await known() == [1]


async def test_a_file_that_was_half_written_is_read_when_it_is_whole(
    known, directory, issuing, at
):
    file = directory / "zorgverlener.crl"
    file.write_bytes(b"\x30")
    assert await known() == []
    file.write_bytes(issuing.revocation_list(at, [2]))

    assert await known() == [2]


async def test_a_draft_is_no_list_yet(known, directory, issuing, at):
    (directory / ".zorgverlener.crl").write_bytes(issuing.revocation_list(at, [2]))

    assert await known() == [1]


async def test_what_is_no_list_does_no_harm(known, directory):
    (directory / "README.txt").write_text("lists")
    (directory / "old").mkdir()

    assert await known() == [1]
