"""Large lists are read in a child, with the same outcome as here."""

import asyncio
import io
import os
import sys
from datetime import timedelta
from itertools import count

import pytest
from cryptography import x509

from pairing_server.uzi import revocation_reading
from pairing_server.uzi.revocation import UnusableList, read_revocation_list
from pairing_server.uzi.revocation_reading import MAX_LIST_BYTES, ListReader, answer

NEVER_INLINE = 0


@pytest.fixture(scope="module")
def crl(ca, at):
    return ca.issuing("Z").revocation_list(at, range(1, 50))


async def test_a_list_reads_the_same_in_a_thread_and_in_a_child(crl, ca):
    inline = await ListReader().read(crl)
    child = await ListReader(NEVER_INLINE).read(crl)

    assert inline == child == read_revocation_list(crl)
    assert child.is_from(ca.issuing("Z").certificate)


@pytest.mark.parametrize("data", [b"", b"\x30", b"-----BEGIN X509 CRL-----\n", b"<html>"])
async def test_what_is_no_list_is_none_in_a_child_either(data):
    for reader in (ListReader(), ListReader(-1)):
        with pytest.raises(UnusableList):
            await reader.read(data)


async def test_a_child_says_why(ca, at):
    issuing = ca.issuing("Z")
    builder = issuing.list_builder(at).add_extension(x509.DeltaCRLIndicator(1), critical=True)

    with pytest.raises(UnusableList, match=r"extension 2\.5\.29\.27"):
        await ListReader(NEVER_INLINE).read(issuing.sign_list(builder))


async def test_a_list_that_is_too_large_is_not_read():
    with pytest.raises(UnusableList, match="too large"):
        await ListReader().read(bytes(MAX_LIST_BYTES + 1))


async def test_a_child_that_takes_too_long_is_ended(crl):
    reader = ListReader(NEVER_INLINE, timedelta(seconds=0.01))

    with pytest.raises(UnusableList, match="too slow"):
        await reader.read(crl)


@pytest.mark.parametrize("said", ["print('+nonsense')", "pass", "import os; os.abort()"])
async def test_a_child_that_breaks_off_reads_no_list(crl, monkeypatch, tmp_path, said):
    """As one that ran out of memory does."""
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{said}" 2>/dev/null\n')
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", os.fspath(program))

    with pytest.raises(UnusableList, match="broke off"):
        await ListReader(NEVER_INLINE).read(crl)


async def test_large_lists_are_read_one_after_the_other(crl, monkeypatch):
    running, most, numbers = [], [], count()
    real = ListReader._ask_child

    async def counted(self, data):
        number = next(numbers)
        running.append(number)
        most.append(len(running))
        said = await real(self, data)
        running.remove(number)
        return said

    monkeypatch.setattr(ListReader, "_ask_child", counted)
    reader = ListReader(NEVER_INLINE)

    await asyncio.gather(*(reader.read(crl) for _ in range(3)))

    assert most == [1, 1, 1]


@pytest.mark.parametrize("data", [b"", None])
def test_what_a_child_says(crl, data):
    told = []
    answer(io.BytesIO(crl if data is None else data), told.append)

    assert told[0][:1] == (b"+" if data is None else b"-")


def test_the_child_is_bounded_and_polite(monkeypatch, crl):
    """In this process, with what would change it kept from it."""
    nice, limits, told = [], {}, []
    monkeypatch.setattr(os, "nice", nice.append)
    monkeypatch.setattr(
        revocation_reading.resource, "setrlimit", lambda kind, most: limits.update({kind: most})
    )
    monkeypatch.setattr(sys, "stdin", type("In", (), {"buffer": io.BytesIO(crl)}))
    monkeypatch.setattr(
        sys, "stdout", type("Out", (), {"buffer": type("B", (), {"write": told.append})})
    )

    revocation_reading.main()

    assert nice == [10]
    assert limits[revocation_reading.resource.RLIMIT_AS][0] <= 2 * 1024**3
    assert told[0][:1] == b"+"
