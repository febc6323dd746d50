"""When a stream is served, and what becomes of one whose client does not hear."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.errors import InvalidRequest
from pairing_server.registry.streams import StreamStatus
from pairing_server.signals import stream as rules
from pairing_server.signals.stream import Delivery, StreamRequest
from tests.signals.test_security_event import NOW, STREAM

SECOND = timedelta(seconds=1)


def test_a_client_that_does_not_hear_is_tried_less_and_less_and_paused_after_a_day():
    stream, now, pauses = STREAM, NOW, []
    while stream.status is StreamStatus.ENABLED:
        stream = rules.failed(stream, "status_500", now)
        pauses.append((stream.due_at - now) // SECOND)
        now = max(stream.due_at, now + SECOND)

    assert pauses[:4] == [10, 20, 40, 80]
    assert max(pauses) == 3600
    assert now - NOW >= rules.GIVEN_UP_AFTER
    assert stream.reason == "delivery failed: status_500"


@given(st.integers(0, 10_000))
def test_however_often_it_failed_it_is_tried_within_the_hour(attempts):
    failing = replace(STREAM, attempts=attempts, failing_since=NOW)
    tried = rules.failed(failing, "timeout", NOW)

    assert SECOND <= tried.due_at - NOW <= rules.LONGEST_PAUSE
    assert tried.status is StreamStatus.ENABLED


def test_one_that_is_enabled_begins_afresh():
    failing = replace(STREAM, attempts=9, failing_since=NOW, status=StreamStatus.PAUSED)
    enabled = rules.moved(failing, StreamStatus.ENABLED, "", NOW)

    assert (enabled.attempts, enabled.failing_since, enabled.due_at) == (0, None, NOW)
    assert rules.moved(failing, StreamStatus.DISABLED, "why", NOW).attempts == 9


@given(st.text(max_size=20))
def test_what_is_to_be_shown_is_one_value_of_a_field(text):
    request = StreamRequest(delivery=Delivery(rules.PUSH, authorization_header=text))
    try:
        wanted = rules.authorization(request)
    except InvalidRequest:
        return
    assert wanted == text.strip()
    assert text.isascii()
    assert text.isprintable()


@pytest.mark.parametrize(("after", "may"), [(0, False), (29, False), (30, True)])
def test_a_stream_is_verified_every_thirty_seconds(after, may):
    asked = replace(STREAM, verification_asked_at=NOW)

    assert rules.may_verify(asked, NOW + after * SECOND) is may
    assert rules.may_verify(STREAM, NOW)
