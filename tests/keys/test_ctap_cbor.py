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


def behind(tail, flag=0x80):
    return b"\x00" * 32 + bytes([flag]) + b"\x00" * 4 + tail


@given(st.dictionaries(_keys, _leaves | _flat, max_size=6))
def test_what_is_canonical_passes(value):
    ctap_cbor.check_authenticator_data(behind(canonical(value)))


def canonical(value):
    """Encode in CTAP2's order, which is not that of RFC 8949."""
    if not isinstance(value, dict):
        return cbor2.dumps(value)
    members = {cbor2.dumps(key): canonical(held) for key, held in value.items()}
    ordered = sorted(members.items(), key=lambda one: (one[0][0] >> 5, len(one[0]), one[0]))
    size = len(ordered)
    head = bytes([0xA0 | size]) if size < 24 else bytes([0xB8, size])
    return head + b"".join(key + held for key, held in ordered)


NOT_CANONICAL = {
    "a number in two bytes": b"\x18\x17",
    "a number in three bytes": b"\x19\x00\xff",
    "a number in five bytes": b"\x1a\x00\x00\xff\xff",
    "a number in nine bytes": b"\x1b\x00\x00\x00\x00\xff\xff\xff\xff",
    "a negative number in two bytes": b"\x38\x00",
    "a length in two bytes": b"\x58\x01a",
    "a number of members in two bytes": b"\xb8\x01\x01\x01",
    "keys in another order": b"\xa2\x02\x00\x01\x00",
    "keys of another type first": b"\xa2\x20\x00\x01\x00",
    "longer keys first": b"\xa2\x62aa\x00\x61b\x00",
    "a key twice": b"\xa2\x01\x00\x01\x00",
    "deeper within": b"\xa1\x01\x81\xa2\x02\x00\x01\x00",
}


@pytest.mark.parametrize("data", NOT_CANONICAL.values(), ids=NOT_CANONICAL)
def test_an_authenticator_writes_in_one_form(data):
    ctap_cbor.check(data)
    with pytest.raises(ValueError, match="canonical"):
        ctap_cbor.check_authenticator_data(behind(data))


@pytest.mark.parametrize(
    "data", [b"\x18\x18", b"\x19\x01\x00", b"\x1a\x00\x01\x00\x00", b"\x1b" + b"\x01" * 8]
)
def test_the_shortest_form_passes(data):
    ctap_cbor.check_authenticator_data(behind(data))


OBJECT = {"fmt": "none", "attStmt": {}, "authData": behind(b"", 0)}
NO_OBJECT = {
    "a list": [],
    "a text": "text",
    "no format": {"attStmt": {}, "authData": behind(b"", 0)},
    "no statement": {"fmt": "none", "authData": behind(b"", 0)},
    "no authenticator data": {"fmt": "none", "attStmt": {}},
    "authenticator data that end early": OBJECT | {"authData": b""},
}


def test_an_attestation_object_is_decoded():
    assert ctap_cbor.attestation_object(cbor2.dumps(OBJECT)) == OBJECT
    unsorted = cbor2.dumps(dict(reversed(OBJECT.items())))
    assert ctap_cbor.attestation_object(unsorted) == OBJECT


@pytest.mark.parametrize("value", NO_OBJECT.values(), ids=NO_OBJECT)
def test_what_is_no_attestation_object_is_refused(value):
    with pytest.raises(ValueError, match=r"attestation object|end early"):
        ctap_cbor.attestation_object(cbor2.dumps(value))


def test_authenticator_data_are_bytes():
    with pytest.raises(TypeError, match="authenticator data"):
        ctap_cbor.attestation_object(cbor2.dumps(OBJECT | {"authData": "text"}))


def test_a_member_stands_there_once():
    twice = b"\xa4\x63fmt\x64none" + cbor2.dumps(OBJECT)[1:]
    with pytest.raises(ValueError, match="attestation object"):
        ctap_cbor.attestation_object(twice)


@pytest.mark.parametrize("name", ["fmt", "attStmt", "authData"])
def test_a_tag_in_an_attestation_object_is_refused_before_it_is_acted_on(name):
    with pytest.raises(ValueError, match="CTAP2"):
        ctap_cbor.attestation_object(cbor2.dumps(OBJECT | {name: cbor2.CBORTag(35, "a")}))
