"""The rotating login QR code: which links the server takes for its own, and for how long."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.qr import code
from pairing_server.qr.rotating import (
    FRAMES_BEFORE,
    Frame,
    frame_at,
    is_current,
    is_genuine,
    make,
    parse,
)
from pairing_server.tokens import b64url

MADE_AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
BASE_URL = "https://login.example.nl"
KEY = b"k" * 32
HANDLE = "uQ0J1dCkT0S8aZ1mEo3xYg"

keys = st.binary(min_size=32, max_size=32)
handles = st.binary(min_size=16, max_size=16).map(b64url)
numbers = st.integers(0, 9999)
moments = st.timedeltas(timedelta(0), timedelta(minutes=6)).map(lambda shift: MADE_AT + shift)


@given(handles, numbers, keys)
def test_a_frame_is_read_back_from_its_link(handle, t, key):
    frame = make(BASE_URL, handle, t, key)

    assert parse(frame.link()) == frame
    assert is_genuine(frame, key)


def test_a_link_is_what_the_design_says():
    message = f"pairing_server/login-qr/v1\n{HANDLE}\n17".encode()
    mac = urlsafe_b64encode(hmac.new(KEY, message, hashlib.sha256).digest()[:16]).decode()

    link = make(BASE_URL, HANDLE, 17, KEY).link()

    assert link == f"{BASE_URL}/app/#l.{HANDLE}.17.{mac.rstrip('=')}"


@given(handles, numbers, keys, keys)
def test_another_key_makes_no_genuine_frame(handle, t, key, other):
    assert is_genuine(make(BASE_URL, handle, t, other), key) is (key == other)


@given(handles, handles, numbers, numbers)
def test_a_mac_is_of_its_handle_and_its_second_alone(handle, other, t, later):
    mac = make(BASE_URL, handle, t, KEY).mac

    assert is_genuine(Frame(BASE_URL, other, later, mac), KEY) is ((other, later) == (handle, t))


@given(moments)
def test_a_frame_is_taken_for_four_seconds_and_not_a_moment_longer(now):
    frame = make(BASE_URL, HANDLE, frame_at(MADE_AT, now), KEY)
    began = MADE_AT + timedelta(seconds=frame.t)
    ends = began + timedelta(seconds=1 + FRAMES_BEFORE)

    assert is_current(frame, MADE_AT, now)
    assert is_current(frame, MADE_AT, ends - timedelta(microseconds=1))
    assert not is_current(frame, MADE_AT, ends)


@given(moments, st.integers(1, 400))
def test_a_frame_that_was_not_shown_yet_is_none(now, ahead):
    frame = make(BASE_URL, HANDLE, frame_at(MADE_AT, now) + ahead, KEY)

    assert not is_current(frame, MADE_AT, now)


@given(st.text(max_size=120))
def test_what_is_no_login_link_is_a_value_error(text):
    with pytest.raises(ValueError, match="not a login link"):
        parse(text)


GOOD = make(BASE_URL, HANDLE, 17, KEY).link()


@pytest.mark.parametrize(
    "link",
    [
        GOOD + "\n",
        GOOD + ".",
        " " + GOOD,
        GOOD.replace(".17.", ".017."),
        GOOD.replace(".17.", ".+17."),
        GOOD.replace(".17.", ".-1."),
        GOOD.replace(".17.", ".\u0661\u0667."),
        GOOD.replace(".17.", ".10000."),
        GOOD.replace("#l.", "#p."),
        GOOD.replace("/app/#", "/app/?"),
        GOOD.replace("https://", "https://user@evil.example/"),
        GOOD.replace("https:", "javascript:"),
        GOOD[:-1],
        # The same bytes in another spelling: 128 bits leave four of the last character unused.
        GOOD[:-1] + chr(ord(GOOD[-1]) + 1),
    ],
)
def test_a_frame_has_one_spelling(link):
    with pytest.raises(ValueError, match="not"):
        parse(link)


def test_a_pairing_link_is_no_login_link():
    link = code.PairingCode(BASE_URL, HANDLE, "s" * 43).link()
    with pytest.raises(ValueError, match="not a login link"):
        parse(link)
    with pytest.raises(ValueError, match="not a pairing link"):
        code.parse(GOOD)
