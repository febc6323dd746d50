"""What Android's key store says is read; what is not of its form is refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.keys.attestation.key_description import (
    SecurityLevel,
    read_key_description,
)
from tests.keys.makers import Making
from tests.keys.statements import (
    authorizations,
    explicit,
    integer,
    key_description,
    tlv,
)


def described(attestation=1, key=1, software=b"", hardware=b""):
    """Compose a description out of raw lists."""
    return tlv(
        0x30,
        integer(300) + integer(attestation, 10) + integer(300) + integer(key, 10)
        + tlv(4, b"c") + tlv(4, b"") + tlv(0x30, software) + tlv(0x30, hardware),
    )  # fmt: skip


def root_of_trust(*parts):
    return explicit(704, tlv(0x30, b"".join(parts)))


LOCKED = (tlv(4, b"key"), tlv(1, b"\xff"), integer(0, 10))


def test_it_says_where_a_key_lives_and_what_was_asked():
    making = Making()
    read = read_key_description(
        key_description(making, levels=(2, 1), software={"purposes": [2, 3], "origin": 0})
    )
    assert read.level is SecurityLevel.TRUSTED_ENVIRONMENT
    assert read.challenge == making.client_data_hash
    assert (read.software.purposes, read.software.origin) == ({2, 3}, 0)
    assert (read.hardware.purposes, read.hardware.device_locked) == ({2}, True)
    assert not read.software.device_locked


def test_the_first_versions_say_nothing_of_what_was_started():
    assert read_key_description(described(hardware=root_of_trust(*LOCKED))).hardware.device_locked


def test_all_applications_are_seen_in_either_list():
    said = authorizations(all_applications=True)[2:]
    assert read_key_description(described(software=said)).software.all_applications
    assert read_key_description(described(hardware=said)).hardware.all_applications


MALFORMED = {
    "nothing": b"",
    "no sequence": integer(1),
    "something behind it": described() + b"\0\0",
    "a field less": tlv(0x30, integer(300)),
    "an unknown level": described(attestation=3),
    "an unknown level of the key": described(key=3),
    "a purpose that is no number": described(hardware=explicit(1, tlv(0x31, tlv(4, b"2")))),
    "purposes without a set": described(hardware=explicit(1, integer(2))),
    "an origin that is no number": described(hardware=explicit(702, tlv(4, b"\0"))),
    "an origin without digits": described(hardware=explicit(702, tlv(2, b""))),
    "an origin without end": described(hardware=explicit(702, tlv(2, b"\1" * 9))),
    "a root of trust of another form": described(hardware=root_of_trust(*LOCKED[1:])),
    "a root of trust without form": described(hardware=explicit(704, integer(1))),
    "a list that ends early": described(hardware=b"\xbf"),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_what_is_of_another_form_is_refused(data):
    with pytest.raises(ValueError, match=r"."):
        read_key_description(data)


@given(st.binary(max_size=120))
def test_arbitrary_bytes_are_read_or_refused(data):
    with contextlib.suppress(ValueError):
        read_key_description(described(hardware=data))
