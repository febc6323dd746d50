"""What is pushed to a browser, and what is made of each answer."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pairing_server.push import PushFailedError, TokenRejectedError, Wakeup, WakeupKind
from pairing_server.push.webpush_message import PADDED, content, examine, headers

NOW = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)
WAKEUP = Wakeup("kCWOZxJ2Xw3fyqeRUrSkDA", NOW + timedelta(seconds=119.2), tag="t" * 22)


def test_a_message_has_the_life_of_the_request_and_is_urgent():
    assert headers(WAKEUP, NOW) == {
        "TTL": "120",
        "Urgency": "high",
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "Topic": "t" * 22,
    }


@pytest.mark.parametrize(
    ("left", "ttl"), [(timedelta(hours=-1), "0"), (timedelta(weeks=9), "2419200")]
)
def test_a_message_lives_no_longer_than_it_is_of_use_nor_than_services_keep_it(left, ttl):
    assert headers(replace(WAKEUP, expires_at=NOW + left), NOW)["TTL"] == ttl


def test_what_replaces_nothing_has_no_topic():
    assert "Topic" not in headers(replace(WAKEUP, tag=""), NOW)


@pytest.mark.parametrize("kind", WakeupKind)
def test_the_app_gets_the_id_the_kind_and_the_tag(kind):
    written = content(replace(WAKEUP, kind=kind))
    assert json.loads(written) == {"id": WAKEUP.id, "kind": kind.value, "tag": WAKEUP.tag}
    assert len(written) < PADDED


@pytest.mark.parametrize("status", [200, 201, 202])
def test_an_accepted_message_is_no_failure(status):
    examine(status, {}, NOW)


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_is_not_there_is_dead(status):
    with pytest.raises(TokenRejectedError) as rejected:
        examine(status, {}, NOW)
    assert rejected.value.code == f"{status}"


@pytest.mark.parametrize(
    ("status", "retriable"),
    [
        *((status, False) for status in (204, 301, 307, 400, 401, 403, 405, 413, 418)),
        *((status, True) for status in (429, 500, 502, 503)),
    ],
)
def test_all_else_is_a_failure_that_closes_no_channel(status, retriable):
    with pytest.raises(PushFailedError) as failed:
        examine(status, {"Retry-After": "7"}, NOW)
    error = failed.value
    assert (error.code, error.retriable) == (f"{status}", retriable)
    assert error.retry_after == timedelta(seconds=7)
