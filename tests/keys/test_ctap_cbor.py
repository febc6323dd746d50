"""No CBOR but CTAP2's reaches a decoder."""

import time

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.keys import ctap_cbor

_leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.binary() | st.text()
_keys = st.integers(-(2**63), 2**63) | st.text()
_flat = st.lists(_leaves, max_size=4) | st.dictionaries(_keys, _leaves)


@given(st.dictionaries(st.text(), _leaves | _flat, max_size=6))
def test_what_an_authenticator_can_send_passes(value):
    ctap_cbor.check(cbor2.dumps(value, canonical=True))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_passed_or_refused_and_nothing_else(data):
    try:
        ctap_cbor.check(data)
    except ValueError:
        return
    ctap_cbor.check(data + data)


@pytest.mark.parametrize(
    "value",
    [
        cbor2.CBORTag(35, "a"),
        cbor2.CBORTag(0, "2026-11-22T12:00:00Z"),
        {"a": cbor2.CBORTag(28, [])},
        [cbor2.CBORTag(29, 0)],
        1.5,
        [[[[[[]]]]]],
        cbor2.undefined,
    ],
)
def test_what_ctap2_does_not_know_is_refused(value):
    with pytest.raises(ValueError, match="CBOR"):
        ctap_cbor.check(cbor2.dumps(value))


@pytest.mark.parametrize("data", [b"\x5f\x41a\xff", b"\x9f\xff", b"\xbf\xff", b"\x1c", b"\xff"])
def test_an_open_end_is_refused(data):
    with pytest.raises(ValueError, match="does not know"):
        ctap_cbor.check(data)


@pytest.mark.parametrize(
    "data", [b"\x58", b"\x43ab", b"\x82\x01", b"\xa1\x01", b"\x9b" + b"\xff" * 8]
)
def test_what_ends_early_is_refused_at_once(data):
    began = time.perf_counter()
    with pytest.raises(ValueError, match="ends early"):
        ctap_cbor.check(data)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    "tail", [cbor2.dumps(cbor2.CBORTag(35, "a")), b"\x00" * 17 + b"\xff" + cbor2.dumps({})]
)
def test_authenticator_data_hide_no_tag_behind_the_credential_id(tail):
    key = b"\x00" * 16 + b"\x00\x02" + b"id"
    with pytest.raises(ValueError, match="CBOR"):
        ctap_cbor.check_authenticator_data(b"\x00" * 32 + b"\x45" + b"\x00" * 4 + key + tail)


@pytest.mark.parametrize("size", [0, 36])
def test_authenticator_data_have_their_fixed_part(size):
    with pytest.raises(ValueError, match="end early"):
        ctap_cbor.check_authenticator_data(b"\x00" * size)
