"""A TPM's structures are read field by field; what is not of their form is refused."""

import contextlib

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.keys.attestation.tpm_structures import (
    BOUND_TO_TPM,
    EccPublic,
    RsaPublic,
    read_attest,
    read_public,
)
from tests.keys.makers import Making
from tests.keys.statements import TPM_ATTRIBUTES, certify_info, public_area

MAKING = Making()
AREA = public_area(MAKING.key)
INFO = certify_info(MAKING, AREA)
RSA = rsa.generate_private_key(65537, 2048)


def test_an_elliptic_key_is_read():
    read = read_public(AREA)
    point = MAKING.key.public_key().public_numbers()
    assert read.key == EccPublic(3, point.x, point.y)
    assert (read.name_algorithm, read.attributes) == (0x000B, TPM_ATTRIBUTES)


@pytest.mark.parametrize(("said", "meant"), [(0, 65537), (65537, 65537), (3, 3)])
def test_an_rsa_key_is_read(said, meant):
    modulus = RSA.public_key().public_numbers().n
    assert read_public(public_area(RSA, exponent=said)).key == RsaPublic(modulus, meant)


def test_a_scheme_has_its_hash_behind_it():
    rsassa = bytes.fromhex("0014000b")
    assert read_public(public_area(RSA, scheme=rsassa)).key == read_public(public_area(RSA)).key


def test_what_windows_makes_is_bound_to_its_tpm():
    assert read_public(AREA).attributes & BOUND_TO_TPM == BOUND_TO_TPM == 0b110010


def test_a_certification_is_read():
    read = read_attest(INFO)
    assert read.extra_data in INFO
    assert read.name.startswith(b"\0\x0b")
    assert len(read.name) == 34


@pytest.mark.parametrize("size", range(len(AREA)))
def test_a_public_area_that_ends_early_is_refused(size):
    with pytest.raises(ValueError, match="TPM"):
        read_public(AREA[:size])


@pytest.mark.parametrize("size", range(len(INFO)))
def test_a_certification_that_ends_early_is_refused(size):
    with pytest.raises(ValueError, match="TPM"):
        read_attest(INFO[:size])


def test_what_does_not_end_is_refused():
    with pytest.raises(ValueError, match="end"):
        read_public(AREA + b"\0")
    with pytest.raises(ValueError, match="end"):
        read_attest(INFO + b"\0")


@pytest.mark.parametrize(
    ("place", "put", "complaint"),
    [(0, b"\0\x08", "kind"), (2, b"\0\x04", "algorithm"), (16, b"\0\x06", "signing")],
    ids=["kind", "name", "symmetric"],
)
def test_a_key_of_another_kind_is_refused(place, put, complaint):
    with pytest.raises(ValueError, match=complaint):
        read_public(AREA[:place] + put + AREA[place + 2 :])


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_refused(data):
    with contextlib.suppress(ValueError):
        read_public(data)
    with contextlib.suppress(ValueError):
        read_attest(b"\xffTCG\x80\x17" + data)
