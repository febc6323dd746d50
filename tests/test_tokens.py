"""Identifiers, secrets and their digests."""

import hashlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pairing_server.tokens import (
    RepeatedDrawError,
    b64url,
    b64url_decode,
    digest,
    mark,
    new_id,
    new_secret,
)

#: A machine that is busy is no failure.
never_late = settings(deadline=None)
any_text = st.text(st.characters(exclude_categories=[]))


@never_late
@given(st.binary())
def test_bytes_come_back(data):
    assert b64url_decode(b64url(data)) == data


@never_late
@given(st.text() | st.text("AB-_=+/ \n", max_size=8))
def test_one_spelling_alone_is_read(text):
    try:
        data = b64url_decode(text)
    except ValueError:
        return

    assert b64url(data) == text


@pytest.mark.parametrize(
    "text", ["AB", "AA==", "AA=", "A", "A+", "A/", "AA\n", " AA", "é", "AAA "]
)
def test_every_second_spelling_is_refused(text):
    with pytest.raises(ValueError, match=r"base64|ASCII"):
        b64url_decode(text)


def test_an_identifier_has_128_bits_and_a_secret_256():
    asked = []

    def random(size):
        asked.append(size)
        return bytes(size)

    drawn = [new_id(random), new_secret(random)]

    assert asked == [16, 32]
    assert [len(text) for text in drawn] == [22, 43]


def test_an_identifier_is_taken_for_no_option_of_a_command():
    """`zorgid-login --client-id -x` and `pairing-server client show -x` are misunderstood."""
    draws = iter([b"\xf8" + bytes(15), b"\xfb" + bytes(15), bytes(16)])
    assert b64url(b"\xf8" + bytes(15)).startswith("-")
    assert new_id(lambda _: next(draws)) == b64url(bytes(16))


def test_no_identifier_is_drawn_for_ever():
    with pytest.raises(RepeatedDrawError):
        new_id(lambda count: b"\xf8" * count)


def test_a_digest_is_sha_256():
    assert b64url_decode(digest("é")) == hashlib.sha256("é".encode()).digest()


@never_late
@given(any_text, any_text)
@example("\udcff", "\udcfe")
@example("\udcc3\udca9", "é")
def test_texts_that_are_no_unicode_have_digests_of_their_own(one, other):
    assert (digest(one) == digest(other)) == (one == other)


def test_a_mark_tells_identifiers_apart_and_not_what_they_are():
    assert len(mark("an identifier")) == 8
    assert digest("an identifier").startswith(mark("an identifier"))
