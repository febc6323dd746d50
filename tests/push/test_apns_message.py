"""What APNs is given of a wake-up: Apple's headers, and a payload that says nothing."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.push import PushAddress, PushService, Wakeup, WakeupKind
from pairing_server.push.apns_message import (
    fixed_headers,
    is_device_token,
    message_id,
    path_header,
    payload,
    varying_headers,
)

PHONE = PushAddress(PushService.APNS, "ab" * 32)
WAKEUP = Wakeup("kCWOZxJ2Xw3fyqeRUrSkDA", datetime(2026, 11, 26, 12, tzinfo=UTC), tag="t" * 22)
TEXTS = st.text(max_size=40)


def read(block):
    return hpack.Decoder().decode(block)


def test_the_headers_are_apples():
    fixed = fixed_headers("api.push.apple.com", "nl.example.login", "a.b.c")
    block = path_header(PHONE) + fixed + varying_headers(PHONE, WAKEUP)
    assert read(block) == [
        (":path", "/3/device/" + "ab" * 32),
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "api.push.apple.com"),
        ("authorization", "bearer a.b.c"),
        ("apns-topic", "nl.example.login"),
        ("apns-push-type", "alert"),
        ("apns-priority", "10"),
        ("apns-id", message_id(PHONE, WAKEUP)),
        ("apns-expiration", "1795694400"),
        ("apns-collapse-id", "t" * 22),
    ]


def test_nobody_on_the_way_keeps_the_phones_token_or_ours():
    headers = read(path_header(PHONE) + fixed_headers("a", "b", "c"))
    assert [header[0] for header in headers if not header.indexable] == [":path", "authorization"]


def test_what_replaces_nothing_collapses_nothing():
    assert "apns-collapse-id" not in dict(read(varying_headers(PHONE, replace(WAKEUP, tag=""))))


@given(TEXTS, TEXTS, st.sampled_from(WakeupKind))
def test_the_id_is_a_canonical_uuid_and_the_same_when_sent_again(address, wakeup_id, kind):
    phone, wakeup = (
        PushAddress(PushService.APNS, address),
        replace(WAKEUP, id=wakeup_id, kind=kind),
    )
    made = message_id(phone, wakeup)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}", made)
    assert made == message_id(phone, replace(wakeup, expires_at=wakeup.expires_at + timedelta(1)))


def test_another_phone_another_kind_and_another_wake_up_have_other_ids():
    other = PushAddress(PushService.APNS, "cd" * 32)
    ids = {
        message_id(PHONE, WAKEUP),
        message_id(other, WAKEUP),
        message_id(PHONE, replace(WAKEUP, id="another")),
        message_id(PHONE, replace(WAKEUP, kind=WakeupKind.WITHDRAWN)),
    }
    assert len(ids) == 4


APS = {
    WakeupKind.REQUEST: {
        "alert": {"body": "Er is een inlogverzoek"},
        "sound": "default",
        "interruption-level": "time-sensitive",
    },
    WakeupKind.NOTICE: {
        "alert": {"body": "Er is nieuws over uw telefoons"},
        "sound": "default",
        "interruption-level": "active",
    },
    WakeupKind.WITHDRAWN: {
        "alert": {"body": "Het inlogverzoek is voorbij"},
        "content-available": 1,
        "interruption-level": "passive",
    },
}


@pytest.mark.parametrize("kind", WakeupKind)
def test_a_payload_is_a_general_line_the_id_and_nothing_to_press(kind):
    assert json.loads(payload(replace(WAKEUP, kind=kind))) == {
        "aps": APS[kind],
        "id": WAKEUP.id,
        "kind": kind,
        "tag": WAKEUP.tag,
    }


def test_the_line_is_in_the_language_of_the_wake_up():
    said = json.loads(payload(replace(WAKEUP, language="en")))
    assert said["aps"]["alert"] == {"body": "There is a login request"}


def test_a_device_token_is_hexadecimal_of_any_length():
    assert is_device_token("ab" * 32)
    assert is_device_token("AB" * 80)
    for no_token in ("", "g" * 64, "ab/../cd", "ab\r\n", "a" * 201, "\u0661" * 64):
        assert not is_device_token(no_token)
