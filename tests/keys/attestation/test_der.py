"""DER is read element by element, and nothing but `ValueError` comes of it."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.keys.attestation import der
from pairing_server.keys.attestation.der import Element
from tests.keys.statements import explicit, integer, tlv


def test_elements_follow_one_another():
    data = integer(7) + explicit(702, integer(1)) + tlv(4, b"x" * 300)
    assert list(der.elements(data)) == [
        Element(der.INTEGER, b"\x07"),
        Element((der.CONTEXT, 702), integer(1)),
        Element(der.OCTET_STRING, b"x" * 300),
    ]


@pytest.mark.parametrize("data", [b"", integer(1), tlv(4, b"a") * 2, tlv(4, b"a") + b"\0\0"])
def test_only_the_one_that_is_asked_for_is_taken(data):
    with pytest.raises(ValueError, match="form"):
        der.only(data, der.OCTET_STRING)
    assert der.only(tlv(4, b"a"), der.OCTET_STRING) == b"a"


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_are_read(value):
    size = (value + (value < 0)).bit_length() // 8 + 1
    assert der.integer(value.to_bytes(size, signed=True)) == value


@pytest.mark.parametrize("contents", [b"", b"\1" * 9])
def test_an_integer_of_another_size_is_refused(contents):
    with pytest.raises(ValueError, match="size"):
        der.integer(contents)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_read_or_refused(data):
    with contextlib.suppress(ValueError):
        list(der.elements(data))
