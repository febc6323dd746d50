"""What is posted to FCM, and what is made of each of its answers."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.push_simulator import fcm
from pairing_server.push import PushFailedError, TokenRejectedError, Wakeup, WakeupKind
from pairing_server.push.fcm_message import error_code, examine, message

NOW = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)
WAKEUP = Wakeup("kCWOZxJ2Xw3fyqeRUrSkDA", NOW + timedelta(seconds=119.2), tag="t" * 22)


def posted(**changed):
    wakeup = Wakeup(**{name: getattr(WAKEUP, name) for name in WAKEUP.__slots__} | changed)
    return json.loads(message("token", wakeup, NOW))["message"]


def examined(answer, **headers):
    examine(answer.status, answer.body, headers, NOW)


def failure(answer, **headers):
    with pytest.raises(PushFailedError) as failed:
        examined(answer, **headers)
    return failed.value


def test_a_message_is_data_alone_with_high_priority():
    assert posted() == {
        "token": "token",
        "data": {"id": WAKEUP.id, "kind": "request", "tag": WAKEUP.tag},
        "android": {"priority": "high", "ttl": "120s"},
    }


@pytest.mark.parametrize(
    ("left", "ttl"),
    [(timedelta(hours=-1), "0s"), (timedelta(0), "0s"), (timedelta(weeks=9), "2419200s")],
)
def test_a_message_lives_no_longer_than_it_is_of_use_nor_than_fcm_keeps_it(left, ttl):
    assert posted(expires_at=NOW + left)["android"]["ttl"] == ttl


def test_only_what_waits_for_long_is_collapsed():
    keys = {kind: posted(kind=kind)["android"].get("collapse_key") for kind in WakeupKind}
    assert keys == {"request": None, "withdrawn": None, "notice": WAKEUP.tag}
    assert "collapse_key" not in posted(kind=WakeupKind.NOTICE, tag="")["android"]


def test_a_message_to_be_read_only_says_so():
    assert json.loads(message("token", WAKEUP, NOW, validate_only=True))["validate_only"] is True
    assert "validate_only" not in json.loads(message("token", WAKEUP, NOW))


def test_an_accepted_message_is_no_failure():
    examine(200, b'{"name": "projects/p/messages/1"}', {}, NOW)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (fcm.UNREGISTERED, "UNREGISTERED"),
        (fcm.MALFORMED_TOKEN, "INVALID_ARGUMENT"),
        (
            fcm.error(400, "INVALID_ARGUMENT", "Bad.", "INVALID_ARGUMENT", "message.token"),
            "INVALID_ARGUMENT",
        ),
    ],
)
def test_a_dead_token_is_read_from_the_body(answer, code):
    with pytest.raises(TokenRejectedError) as rejected:
        examined(answer)
    assert rejected.value.code == code


@pytest.mark.parametrize(
    ("answer", "code", "retriable"),
    [
        (fcm.NO_SUCH_PROJECT, "NOT_FOUND", False),
        (fcm.SENDER_ID_MISMATCH, "SENDER_ID_MISMATCH", False),
        (fcm.PERMISSION_DENIED, "PERMISSION_DENIED", False),
        (fcm.UNAUTHENTICATED, "UNAUTHENTICATED", False),
        (fcm.THIRD_PARTY_AUTH_ERROR, "THIRD_PARTY_AUTH_ERROR", False),
        (fcm.QUOTA_EXCEEDED, "QUOTA_EXCEEDED", True),
        (fcm.UNAVAILABLE, "UNAVAILABLE", True),
        (fcm.INTERNAL, "INTERNAL", True),
        (
            fcm.error(400, "INVALID_ARGUMENT", "Bad.", "INVALID_ARGUMENT", "message.android.ttl"),
            "INVALID_ARGUMENT",
            False,
        ),
        (fcm.error(404, "NOT_FOUND", "x", "SOMETHING_NEW"), "NOT_FOUND", False),
        (fcm.error(404, "SOMETHING_NEW", "UNREGISTERED"), "404", False),
        (
            # Of another API in front of it: its code means something else.
            fcm.Answer(
                404, b'{"error": {"details": [{"@type": "x", "errorCode": "UNREGISTERED"}]}}'
            ),
            "404",
            False,
        ),
    ],
)
def test_all_else_is_a_failure_that_closes_no_channel(answer, code, retriable):
    error = failure(answer)
    assert (error.code, error.retriable, error.retry_after) == (code, retriable, None)


def test_how_long_to_wait_is_told():
    error = failure(fcm.QUOTA_EXCEEDED, **{"Retry-After": "60"})
    assert error.retry_after == timedelta(minutes=1)


@given(st.integers(100, 599), st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_no_body_is_too_strange_to_be_a_failure(status, body):
    assert error_code(status, body) == f"{status}"


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": null}',
        b'{"error": {"details": [1]}}',
        b'{"error": {"details": [{"errorCode": 1}]}}',
        b'{"error": {"details": [{"fieldViolations": [{"field": "message.token"}]}]}}',
    ],
)
def test_a_body_of_another_form_is_none(body):
    assert failure(fcm.Answer(400, body)).code == "400"
