"""A lane keeps what it was told to itself."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pairing_server.metrics import METRICS
from pairing_server.push import PushAddress, PushService
from pairing_server.push.breaker import FAILURES_TO_OPEN, OPEN_FOR
from pairing_server.push.lane import (
    MAX_AT_HOST,
    MAX_IN_FLIGHT,
    Admission,
    Lane,
    lane_for,
    lane_name,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ADDRESS = PushAddress(PushService.APNS, "token")


def lane():
    return Lane(PushService.APNS, 2)


def subscription(endpoint):
    return PushAddress(PushService.WEBPUSH, json.dumps({"endpoint": endpoint}))


def open_circuits():
    return METRICS.get_sample_value("pairing_push_circuits_open", {"service": "apns"}) or 0


def test_each_host_of_web_push_has_a_lane_of_its_own():
    names = {
        lane_name(subscription(f"https://{host}/{path}"))
        for host in ("push.one.nl", "push.two.nl", "PUSH.two.nl:443")
        for path in ("a", "b")
    }
    assert names == {"webpush push.one.nl", "webpush push.two.nl"}


def test_a_token_chooses_no_lane():
    assert lane_name(ADDRESS) == lane_name(PushAddress(PushService.APNS, "other")) == "apns"


@given(st.text() | st.from_type(type(None)) | st.integers() | st.lists(st.integers()))
def test_a_subscription_that_is_none_has_a_lane_too(endpoint):
    broken = [PushAddress(PushService.WEBPUSH, str(endpoint)), subscription(endpoint)]
    assert {lane_name(address).partition(" ")[0] for address in broken} == {"webpush"}


def test_one_of_many_hosts_gets_less_room_than_a_service():
    found = [lane_for(ADDRESS), lane_for(subscription("https://push.one.nl/"))]
    room = []
    for each in found:
        each.in_flight = MAX_AT_HOST
        room.append(each.is_full)
    assert room == [False, True]
    assert MAX_AT_HOST < MAX_IN_FLIGHT


def test_as_many_as_may_be_are_let_in():
    full = lane()
    full.in_flight = 1
    assert not full.is_full
    full.in_flight = 2
    assert full.is_full


def test_a_service_that_does_not_answer_gets_one_trial_at_a_time_and_is_counted():
    down, before = lane(), open_circuits()
    for _ in range(FAILURES_TO_OPEN + 2):
        down.failed(NOW)
    assert open_circuits() == before + 1
    assert down.admit(NOW) is Admission.REFUSED
    assert down.admit(NOW + OPEN_FOR) is Admission.TRIAL
    assert down.admit(NOW + OPEN_FOR) is Admission.REFUSED
    down.given_up()
    assert down.admit(NOW + OPEN_FOR) is Admission.TRIAL
    down.answered()
    assert down.admit(NOW) is Admission.PLAIN
    assert open_circuits() == before


def test_who_asked_to_be_left_alone_is_and_the_lane_is_not_forgotten_meanwhile():
    told = lane()
    assert told.is_idle(NOW)
    told.told_to_wait(ADDRESS, MINUTE, NOW)
    assert told.pause(ADDRESS, NOW) == NOW + MINUTE
    assert told.pause(PushAddress(PushService.APNS, "other"), NOW) is None
    assert not told.is_idle(NOW)
    assert told.is_idle(NOW + MINUTE)


def test_a_lane_in_which_something_happens_is_not_forgotten():
    sending, waiting, down = lane(), lane(), lane()
    sending.in_flight = waiting.waiting = 1
    for _ in range(FAILURES_TO_OPEN):
        down.failed(NOW)
    assert [each.is_idle(NOW) for each in (sending, waiting, down)] == [False] * 3
    down.answered()
