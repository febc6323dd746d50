"""What APNs answers closes a channel only where Apple says that the token is dead."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.push_simulator.apns_reasons import STATUSES
from pairing_server.push import PushFailedError, TokenRejectedError
from pairing_server.push.apns_answers import VERDICTS, Reply, Verdict, is_expired, judge

NOW = datetime(2026, 11, 26, tzinfo=UTC)
#: By Apple's words, "there is no need to send further pushes to the same device token".
DEAD = {"Unregistered", "ExpiredToken"}


def reply(status, reason=None, headers=None):
    body = b"" if reason is None else json.dumps({"reason": reason}).encode()
    return Reply(status, headers or {}, body)


def outcome(answer, *, others_live=True):
    try:
        judge(answer, NOW, others_live=others_live)
    except (PushFailedError, TokenRejectedError) as error:
        return error
    return None


def test_200_is_accepted():
    assert outcome(reply(200)) is None


@pytest.mark.parametrize("reason", sorted(DEAD))
@pytest.mark.parametrize("others_live", [True, False])
def test_a_dead_token_is_rejected(reason, others_live):
    error = outcome(reply(410, reason), others_live=others_live)
    assert isinstance(error, TokenRejectedError)
    assert error.code == reason


def test_a_bad_token_is_rejected_only_where_others_are_good():
    bad = reply(400, "BadDeviceToken")
    assert isinstance(outcome(bad, others_live=True), TokenRejectedError)
    error = outcome(bad, others_live=False)
    assert isinstance(error, PushFailedError)
    assert (error.code, error.retriable) == ("BadDeviceToken", False)


@pytest.mark.parametrize("reason", sorted(set(STATUSES) - DEAD - {"BadDeviceToken"}))
def test_no_other_reason_closes_a_channel(reason):
    error = outcome(reply(STATUSES[reason], reason))
    assert isinstance(error, PushFailedError)
    assert error.code == reason
    assert error.retriable == (VERDICTS[reason] is Verdict.PASSING)


def test_every_documented_reason_has_a_verdict():
    assert set(STATUSES) - set(VERDICTS) == set()


NO_REASONS = st.binary(max_size=100).filter(lambda body: b"reason" not in body)


@given(st.integers(201, 599), NO_REASONS)
def test_whatever_else_is_answered_is_a_failure_with_the_status_for_a_code(status, body):
    error = outcome(Reply(status, {}, body))
    assert isinstance(error, PushFailedError)
    assert error.code == str(status)
    assert error.retriable == (status >= 500)


@given(st.integers(201, 599), st.text())
def test_a_reason_that_nobody_documented_is_not_repeated(status, reason):
    error = outcome(reply(status, reason))
    assert error.code in {reason, str(status)} & {*VERDICTS, str(status)}


def test_a_body_that_nests_without_end_is_no_reason():
    assert outcome(Reply(400, {}, b"[" * 4000)).code == "400"


def test_retry_after_is_told():
    error = outcome(reply(429, "TooManyRequests", {"Retry-After": "30"}))
    assert (error.retry_after, error.retriable) == (timedelta(seconds=30), False)


def test_only_our_own_token_that_expired_is_one_that_expired():
    assert is_expired(reply(403, "ExpiredProviderToken"))
    assert not is_expired(reply(403, "InvalidProviderToken"))
    assert not is_expired(reply(410, "ExpiredToken"))
    assert not is_expired(reply(200))
