"""A subscription is read whole or not at all."""

import json
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.push_simulator.web_push_content import BrowserKeys
from pairing_server.push.subscription import MalformedSubscriptionError, read_subscription
from pairing_server.tokens import b64url

KEYS = BrowserKeys(secrets.token_bytes(16))
POINT, AUTH = b64url(KEYS.point), b64url(KEYS.auth)
ENDPOINT = "https://updates.push.services.mozilla.com/wpush/v2/gAAAA:x-_"
COMPRESSED = b64url(bytes([2 + KEYS.point[64] % 2]) + KEYS.point[1:33])
#: Not on the curve: whoever computes with it tells of their own key.
STRAY = b64url(b"\x04" + bytes(31) + b"\x01" + bytes(31) + b"\x01")


def text(endpoint=ENDPOINT, p256dh=POINT, auth=AUTH, **further):
    keys = {"p256dh": p256dh, "auth": auth}
    return json.dumps({"endpoint": endpoint, "keys": keys, **further})


def malformed(given):
    with pytest.raises(MalformedSubscriptionError) as refused:
        read_subscription(given)
    return str(refused.value)


def test_what_browsers_give_is_read():
    read = read_subscription(text(expirationTime=None))
    assert (read.endpoint, read.point, read.auth) == (ENDPOINT, KEYS.point, KEYS.auth)
    assert read.key == KEYS.key.public_key()


@pytest.mark.parametrize(
    ("endpoint", "origin"),
    [
        ("https://push.test/a", "https://push.test"),
        ("https://push.test:443/a", "https://push.test"),
        ("https://push.test:8443/a", "https://push.test:8443"),
    ],
)
def test_the_origin_is_as_a_token_names_it(endpoint, origin):
    assert read_subscription(text(endpoint)).origin == origin


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"endpoint": "http://push.test/a"}, "endpoint"),
        ({"endpoint": "https://10.0.0.1/a"}, "endpoint"),
        ({"endpoint": "https://user@push.test/a"}, "endpoint"),
        ({"endpoint": "https://push.test/a#b"}, "endpoint"),
        ({"endpoint": "javascript:alert(1)"}, "endpoint"),
        ({"p256dh": ""}, "p256dh"),
        ({"p256dh": POINT + "="}, "p256dh"),
        ({"p256dh": STRAY}, "p256dh"),
        ({"p256dh": COMPRESSED}, "p256dh"),
        ({"auth": ""}, "auth"),
        ({"auth": b64url(bytes(15))}, "auth"),
        ({"auth": b64url(bytes(17))}, "auth"),
        ({"auth": AUTH + "=="}, "auth"),
        ({"auth": 1}, "subscription"),
    ],
)
def test_what_is_none_is_told_by_its_member(changed, told):
    assert malformed(text(**changed)) == told


@given(st.text(max_size=100))
def test_any_other_text_is_none(given):
    assert malformed(given) == "subscription"


def test_nothing_secret_is_shown():
    shown = repr(read_subscription(text()))
    assert "gAAAA" not in shown
    assert "origin='https://updates.push.services.mozilla.com'" in shown
