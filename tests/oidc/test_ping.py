"""What a notification says, and what its answer means."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.destination import Reason
from pairing_server.errors import InvalidRequest
from pairing_server.oidc import ping
from pairing_server.oidc.ping import Outcome

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
EXPIRES_AT = NOW + timedelta(minutes=2)


@pytest.mark.parametrize("token", ["x" * 22, "x" * 1024, "AZaz09._~+/-AZaz09._~+/-==", "0" * 39])
def test_a_bearer_token_of_128_bits_is_taken(token):
    assert ping.notification_token({"client_notification_token": token}) == token


@pytest.mark.parametrize(
    "token",
    ["", "x" * 21, "x" * 1025, "x" * 22 + " ", "é" * 30, "=" * 30, "a=b" * 10, "x" * 30 + "\n"],
)
def test_another_is_refused(token):
    with pytest.raises(InvalidRequest):
        ping.notification_token({"client_notification_token": token})


def test_in_ping_mode_there_has_to_be_one():
    with pytest.raises(InvalidRequest):
        ping.notification_token({})


def test_a_notification_says_which_request_and_no_more():
    assert ping.body("abc") == b'{"auth_req_id":"abc"}'
    assert ping.headers("t") == {
        "Authorization": "Bearer t",
        "Content-Type": "application/json",
    }


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.SENT),
        (204, Outcome.SENT),
        (301, Outcome.REDIRECT),
        (304, Outcome.REDIRECT),
        (307, Outcome.REDIRECT),
        (400, Outcome.REFUSED),
        (401, Outcome.UNAUTHORIZED),
        (403, Outcome.REFUSED),
        (404, Outcome.REFUSED),
        (408, Outcome.FAILED),
        (410, Outcome.REFUSED),
        (425, Outcome.FAILED),
        (429, Outcome.FAILED),
        (500, Outcome.FAILED),
        (503, Outcome.FAILED),
        (599, Outcome.FAILED),
    ],
)
def test_what_an_answer_means(status, outcome):
    assert ping.of_status(status) is outcome


@pytest.mark.parametrize("reason", Reason)
def test_what_no_answer_means(reason):
    expected = {
        Reason.REDIRECT: Outcome.REDIRECT,
        Reason.ENCODED: Outcome.SENT,
        Reason.TOO_LARGE: Outcome.SENT,
        Reason.URL: Outcome.FORBIDDEN,
        Reason.PLAIN_HTTP: Outcome.FORBIDDEN,
        Reason.HOST: Outcome.FORBIDDEN,
        Reason.ADDRESS: Outcome.FORBIDDEN,
    }
    assert ping.of_reason(reason) is expected.get(reason, Outcome.FAILED)


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome != Outcome.FAILED])
def test_what_was_answered_is_not_tried_again(outcome):
    assert ping.next_try(outcome, 1, 0.5, NOW, EXPIRES_AT) is None


def test_each_wait_is_about_twice_the_one_before_and_half_a_minute_at_most():
    waits = [
        (ping.next_try(Outcome.FAILED, tries, 1, NOW, EXPIRES_AT) - NOW).total_seconds()
        for tries in range(1, 9)
    ]
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]


@given(st.integers(1, 10**6), st.floats(0, 1), st.integers(-600, 600))
def test_a_wait_is_at_least_half_its_length_and_ends_before_nobody_cares(tries, lot, seconds):
    expires_at = NOW + timedelta(seconds=seconds)
    at = ping.next_try(Outcome.FAILED, tries, lot, NOW, expires_at)
    if at is None:
        assert expires_at + ping.PATIENCE <= NOW + ping.LAST_RETRY
    else:
        assert NOW + ping.FIRST_RETRY / 2 <= at <= NOW + ping.LAST_RETRY
        assert at < expires_at + ping.PATIENCE
