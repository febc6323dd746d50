"""The loopback APNs refuses what the real one refuses, one thing changed at a time."""

import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from clients.push_simulator.apns_request import (
    Presented,
    Provider,
    device_token,
    request_fault,
    token_fault,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
TOPIC = "nl.example.login"
HEADERS = {
    ":method": "POST",
    ":path": "/3/device/" + "AB" * 32,
    "apns-topic": TOPIC,
    "apns-push-type": "alert",
    "apns-priority": "10",
    "apns-expiration": "1795694400",
    "apns-id": "0d4688d5-802c-4d4d-af51-b71040bc9a39",
}
BODY = json.dumps({"aps": {"alert": {"body": "x"}}}).encode()


@pytest.fixture
def provider():
    return Provider("TEAM123456", {"ABC123DEFG": KEY.public_key()}, frozenset({TOPIC}))


def bearer(age=timedelta(minutes=5), key=KEY, algorithm="ES256", kid="ABC123DEFG", **claims):
    said = {"iss": "TEAM123456", "iat": int((NOW - age).timestamp())} | claims
    return "bearer " + jwt.encode(said, key, algorithm, {"kid": kid})


def fault(provider, authorization, presented=None):
    headers = {} if authorization is None else {"authorization": authorization}
    return token_fault(headers, provider, presented or Presented(), NOW)


def test_the_teams_token_is_believed(provider):
    assert fault(provider, bearer()) is None
    assert fault(provider, bearer(timedelta(minutes=59))) is None


@pytest.mark.parametrize("authorization", [None, "", "bearer ", "Basic abc"])
def test_no_token_is_missing(provider, authorization):
    assert fault(provider, authorization) == "MissingProviderToken"


@pytest.mark.parametrize(
    "authorization",
    [
        "bearer no.jwt.here",
        bearer(key=ec.generate_private_key(ec.SECP256R1())),
        bearer(key="s" * 32, algorithm="HS256"),
        bearer(kid="OTHER12345"),
        bearer(iss="OTHER12345"),
        bearer(iat=None),
        bearer(iat="soon"),
        bearer(iat=10**20),
        bearer(timedelta(minutes=-2)),
    ],
)
def test_what_the_team_has_not_signed_just_now_is_not_believed(provider, authorization):
    assert fault(provider, authorization) == "InvalidProviderToken"


def test_a_token_is_good_for_an_hour(provider):
    assert fault(provider, bearer(timedelta(minutes=61))) == "ExpiredProviderToken"


def test_a_connection_takes_no_new_token_within_twenty_minutes(provider):
    presented = Presented()
    old, near, far = (bearer(timedelta(minutes=age)) for age in (40, 30, 10))
    assert fault(provider, old, presented) is None
    assert fault(provider, near, presented) == "TooManyProviderTokenUpdates"
    assert fault(provider, far, presented) is None
    assert fault(provider, old, presented) is None


def test_a_good_request_has_no_fault(provider):
    assert request_fault(HEADERS, BODY, provider) is None
    assert device_token(HEADERS) == "ab" * 32


FAULTS = {
    "MethodNotAllowed": {":method": "GET"},
    "BadPath": {":path": "/3/phone/abc"},
    "MissingDeviceToken": {":path": "/3/device/"},
    "BadDeviceToken": {":path": "/3/device/xyz"},
    "TopicDisallowed": {"apns-topic": "nl.example.other"},
    "InvalidPushType": {"apns-push-type": "voice"},
    "BadPriority": {"apns-priority": "11"},
    "BadMessageId": {"apns-id": "ABC"},
    "BadExpirationDate": {"apns-expiration": "soon"},
    "BadCollapseId": {"apns-collapse-id": "x" * 65},
}


@pytest.mark.parametrize("reason", FAULTS)
def test_one_header_that_is_wrong_is_told(provider, reason):
    assert request_fault(HEADERS | FAULTS[reason], BODY, provider) == reason


def test_without_a_topic_it_is_missing(provider):
    headers = {name: value for name, value in HEADERS.items() if name != "apns-topic"}
    assert request_fault(headers, BODY, provider) == "MissingTopic"


def test_a_background_notification_has_priority_five(provider):
    quiet = json.dumps({"aps": {"content-available": 1}}).encode()
    background = HEADERS | {"apns-push-type": "background"}
    assert request_fault(background, quiet, provider) == "BadPriority"
    assert request_fault(background | {"apns-priority": "5"}, quiet, provider) is None
    assert request_fault(background | {"apns-priority": "5"}, BODY, provider) == "InvalidPushType"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "PayloadEmpty"),
        (b"[]", "PayloadEmpty"),
        (b'{"id": "x"}', "PayloadEmpty"),
        (b'{"aps": {}}', "InvalidPushType"),
        (b"x" * 4097, "PayloadTooLarge"),
    ],
)
def test_a_payload_shows_something_and_is_small(provider, body, reason):
    assert request_fault(HEADERS, body, provider) == reason
