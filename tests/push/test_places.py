"""Which push servers a phone may name."""

import json
import secrets

import pytest

from clients.push_simulator.web_push_content import BrowserKeys
from pairing_server.push import PushAddress, PushService
from pairing_server.push.places import (
    PushHostNotAllowed,
    UnusableSubscription,
    known_hosts,
    push_places,
)
from pairing_server.settings import load
from pairing_server.tokens import b64url

KEYS = BrowserKeys(secrets.token_bytes(16))


def address(endpoint, auth=KEYS.auth):
    keys = {"p256dh": b64url(KEYS.point), "auth": b64url(auth)}
    text = json.dumps({"endpoint": endpoint, "keys": keys})
    return PushAddress(PushService.WEBPUSH, text)


@pytest.fixture
def places():
    return push_places(load({"PAIRING_PUSH_HOSTS": "ntfy.example.nl,push.example.nl:8443"}))


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/dJ:APA91b",
        "https://fcm.googleapis.com/wp/dJ:APA91b",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAAA",
        "https://web.push.apple.com/QGz",
        "https://api.push.apple.com/3/device/1",
        "https://wns2-par02p.notify.windows.com/w/?token=BQY%2fx",
        "https://ntfy.example.nl/upX?up=1",
        "https://push.example.nl:8443/x",
    ],
)
def test_the_browsers_push_servers_and_the_operators_may_be_named(places, endpoint):
    places.check(address(endpoint))


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://example.nl/",
        "https://push.example.nl/x",
        "https://a.ntfy.example.nl/",
        "https://fcm.googleapis.com.example.nl/",
        "https://a.fcm.googleapis.com/",
        "https://fcm.googleapis.com:8443/",
        "https://evil-notify.windows.com/",
        "https://notify.windows.com/",
        "https://localhost/",
    ],
)
def test_no_other_may(places, endpoint):
    with pytest.raises(PushHostNotAllowed) as refused:
        places.check(address(endpoint))
    assert "ask your administrator" in refused.value.description


@pytest.mark.parametrize(
    "given",
    [
        address("http://fcm.googleapis.com/wp/x"),
        address("https://127.0.0.1/"),
        address("https://fcm.googleapis.com/wp/x", auth=b"short"),
        PushAddress(PushService.WEBPUSH, "{}"),
    ],
)
def test_what_is_no_subscription_is_refused(places, given):
    with pytest.raises(UnusableSubscription) as refused:
        places.check(given)
    assert "subscribe again" in refused.value.description


@pytest.mark.parametrize("service", [PushService.APNS, PushService.FCM])
def test_a_token_is_the_platforms_to_judge(places, service):
    places.check(PushAddress(service, "https://localhost/"))


def test_those_that_have_one_name_are_asked_by_the_check():
    assert known_hosts() == (
        "fcm.googleapis.com",
        "updates.push.services.mozilla.com",
        "web.push.apple.com",
    )
