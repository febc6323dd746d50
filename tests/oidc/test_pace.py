"""How often a client may poll."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from pairing_server.oidc.pace import INTERVAL, after_held, first, poll
from tests.approvals.requests import NOW

gaps = st.lists(st.integers(0, 60).map(lambda seconds: timedelta(seconds=seconds)))


@given(gaps)
def test_the_interval_grows_by_five_seconds_with_each_poll_that_came_too_soon(waits):
    pace, now, hurried = first(NOW), NOW, 0
    for wait in waits:
        now += wait
        pace, too_soon = poll(pace, now)
        assert too_soon == (wait < INTERVAL * (1 + hurried))
        hurried += too_soon
        assert pace.interval_seconds == INTERVAL.total_seconds() * (1 + hurried)


def test_after_a_held_poll_the_next_may_follow_at_once():
    pace, too_soon = poll(after_held(first(NOW), NOW), NOW)
    assert not too_soon
    assert poll(pace, NOW + timedelta(seconds=1))[1]


def test_at_the_end_of_the_interval_is_soon_enough():
    assert not poll(first(NOW), NOW + INTERVAL)[1]
    assert poll(first(NOW), NOW + INTERVAL - timedelta(microseconds=1))[1]
