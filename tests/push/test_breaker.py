"""A service that does not answer is left alone, and tried again by one send at a time."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pairing_server.push.breaker import (
    FAILURES_TO_OPEN,
    LONGEST_OPEN,
    OPEN_FOR,
    Breaker,
    State,
    admit,
    answered,
    failed,
    given_up,
    state_at,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
gaps = st.integers(0, 90).map(lambda seconds: timedelta(seconds=seconds))


def opened():
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        breaker = failed(breaker, NOW)
    return breaker


@given(st.integers(0, FAILURES_TO_OPEN - 1), st.integers(0, FAILURES_TO_OPEN - 1))
def test_fewer_failures_in_a_row_than_it_takes_change_nothing(before, after):
    breaker = Breaker()
    for _ in range(before):
        breaker = failed(breaker, NOW)
    breaker = answered(breaker)
    for _ in range(after):
        breaker = failed(breaker, NOW)
    assert state_at(breaker, NOW) is State.CLOSED
    assert admit(breaker, NOW) == breaker


def test_enough_failures_in_a_row_open_it_for_five_seconds():
    breaker = opened()
    assert admit(breaker, NOW) is None
    assert admit(breaker, NOW + OPEN_FOR - timedelta(microseconds=1)) is None
    assert admit(breaker, NOW + OPEN_FOR) is not None


def test_one_send_at_a_time_sees_whether_the_service_answers_again():
    trying = admit(opened(), NOW + OPEN_FOR)
    assert state_at(trying, NOW + OPEN_FOR) is State.HALF_OPEN
    assert admit(trying, NOW + timedelta(days=1)) is None


def test_a_trial_that_came_to_nothing_lets_another_one_try():
    trying = admit(opened(), NOW + OPEN_FOR)
    assert admit(given_up(trying), NOW + OPEN_FOR) == trying


def test_an_answer_closes_it():
    assert answered(admit(opened(), NOW + OPEN_FOR)) == Breaker()


def test_each_trial_that_fails_opens_it_for_twice_as_long_up_to_a_minute():
    breaker, at, seconds = opened(), NOW, []
    for _ in range(7):
        seconds.append((breaker.open_until - at).seconds)
        at = breaker.open_until
        breaker = failed(admit(breaker, at), at)
    assert seconds == [5, 10, 20, 40, 60, 60, 60]


def test_a_failure_of_a_send_from_before_does_not_keep_it_open_for_longer():
    breaker = opened()
    assert failed(breaker, NOW + OPEN_FOR - SECOND) == breaker


class Sends(RuleBasedStateMachine):
    """Sends that begin, and end in any order, at a service that is up or down."""

    def __init__(self):
        super().__init__()
        self.now, self.breaker, self.is_up = NOW, Breaker(), True
        self.plain, self.trial, self.refused_since_up = 0, False, 0

    @rule(gap=gaps)
    def time_passes(self, gap):
        self.now += gap

    @rule(is_up=st.booleans())
    def service_changes(self, is_up):
        self.is_up = is_up

    @rule()
    def begin(self):
        state = state_at(self.breaker, self.now)
        admitted = admit(self.breaker, self.now)
        assert (admitted is None) == (
            state is State.OPEN or (state is State.HALF_OPEN and self.trial)
        )
        if admitted is not None:
            self.breaker = admitted
            self.trial = self.trial or state is State.HALF_OPEN
            self.plain += state is State.CLOSED

    @rule()
    def end(self):
        if self.trial:
            self.trial = False
        elif self.plain:
            self.plain -= 1
        else:
            return
        self.breaker = answered(self.breaker) if self.is_up else failed(self.breaker, self.now)

    @rule()
    def cancel(self):
        if self.trial:
            self.trial, self.breaker = False, given_up(self.breaker)

    @invariant()
    def it_is_never_shut_for_longer_than_a_minute(self):
        if not self.trial:
            assert admit(self.breaker, self.now + LONGEST_OPEN) is not None


TestSends = Sends.TestCase
