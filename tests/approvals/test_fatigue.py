"""Who is not answered waits, who is declined is heard no more, and nobody mutes another one."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from pairing_server.approvals.fatigue import (
    BURST,
    BURST_WITHIN,
    CLOSED_FOR,
    FIRST_WAIT,
    LONGEST_WAIT,
    MOST_NOTICES,
    MOST_PLACES,
    STRANGERS,
    Gate,
    Knock,
    Pressure,
    Verdict,
    approved,
    bar,
    denied,
    ended,
    has_notice,
    judge,
    opened,
    wait_after,
)
from tests.approvals.requests import NOW

SECOND = timedelta(seconds=1)
PLACES = ("ws-1", "ws-2", "")
places = st.sampled_from(PLACES)
gaps = st.integers(0, 4000).map(lambda seconds: timedelta(seconds=seconds))


class Person:
    """A person under pressure; `ask` returns the verdict and remembers the newest request."""

    def __init__(self):
        self.pressure, self.now, self.count = Pressure(), NOW, 0

    def ask(self, place="ws-1", *, is_known=True, barred=None):
        self.count += 1
        knock = Knock(str(self.count), place, is_known, barred)
        judged = judge(self.pressure, knock, self.now)
        self.pressure = judged.pressure
        return judged.verdict

    def deny(self, place="ws-1", identifier=None):
        self.pressure = denied(self.pressure, identifier or str(self.count), place, self.now)

    def approve(self, place="ws-1"):
        self.pressure = approved(self.pressure, str(self.count), place)

    def can_be_woken(self, place="ws-1", *, is_known=True):
        knock = Knock("probe", place, is_known)
        return judge(self.pressure, knock, self.now).verdict is Verdict.PUSH

    def waits(self, place="ws-1"):
        """For how long no push goes out any more."""
        until = self.pressure.places[place].wait.not_before
        return until - self.now


def test_the_wait_doubles_from_ten_seconds_to_an_hour():
    seconds = [wait_after(times).total_seconds() for times in range(12)]
    assert seconds == [0, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
    assert wait_after(10**6) == LONGEST_WAIT


def test_the_first_push_of_a_workstation_goes_out():
    assert Person().ask() is Verdict.PUSH


def test_after_an_unanswered_push_the_next_one_waits_and_the_one_after_it_longer():
    person = Person()
    waits = []
    for _ in range(4):
        assert person.ask() is Verdict.PUSH
        assert person.ask() is Verdict.WAITS
        waits.append(person.waits().total_seconds())
        person.now += person.waits() - SECOND
        assert person.ask() is Verdict.WAITS
        person.now += SECOND
    assert waits == [10, 20, 40, 80]


def test_after_a_denial_the_wait_begins_anew():
    person = Person()
    person.ask()
    person.now += 8 * SECOND
    person.deny()
    assert person.waits() == FIRST_WAIT


def test_a_denial_of_what_was_not_pushed_makes_the_wait_longer():
    person = Person()
    person.ask()
    person.ask()
    person.deny()
    assert person.waits() == 2 * FIRST_WAIT


@given(st.lists(gaps, max_size=20))
def test_after_an_approval_nothing_waits(times):
    person = Person()
    for gap in times:
        person.ask()
        person.now += gap
    person.approve()
    assert person.pressure == Pressure()


def test_a_denial_that_is_heard_twice_counts_once():
    person = Person()
    person.ask()
    person.deny()
    before = person.pressure
    person.now += SECOND
    person.deny()
    assert person.pressure == before


def test_a_burst_of_denials_closes_push_at_all_workstations_of_the_client():
    person = Person()
    for number in range(BURST):
        assert person.ask(f"ws-{number}") is Verdict.PUSH
        person.deny(f"ws-{number}")
    assert person.ask("ws-9") is Verdict.BURST
    person.now += CLOSED_FOR - SECOND
    assert person.ask("ws-9") is Verdict.BURST
    person.now += SECOND
    assert person.ask("ws-9") is Verdict.PUSH


def test_denials_that_lie_far_apart_are_no_burst():
    person = Person()
    for number in range(BURST + 2):
        assert person.ask(f"ws-{number}") is Verdict.PUSH
        person.deny(f"ws-{number}")
        person.now += BURST_WITHIN / (BURST - 1)


def test_an_approval_ends_a_burst():
    person = Person()
    for number in range(BURST):
        person.ask(f"ws-{number}")
        person.deny(f"ws-{number}")
    person.approve("ws-9")
    assert person.ask("ws-8") is Verdict.PUSH


def test_workstations_that_the_person_never_used_wait_together():
    person = Person()
    verdicts = [person.ask(f"new-{number}", is_known=False) for number in range(STRANGERS + 2)]
    assert verdicts == [Verdict.PUSH] * STRANGERS + [Verdict.WAITS] * 2
    person.now += FIRST_WAIT
    verdicts = [person.ask(f"newer-{number}", is_known=False) for number in range(2)]
    assert verdicts == [Verdict.PUSH, Verdict.WAITS]


@given(st.lists(st.tuples(st.text(max_size=3), gaps), max_size=30))
def test_whatever_strangers_do_without_an_answer_mutes_no_known_workstation(asked):
    person = Person()
    for place, gap in asked:
        person.ask(f"new {place}", is_known=False)
        person.now += gap
    assert person.can_be_woken()


@given(st.lists(st.tuples(st.booleans(), gaps), max_size=BURST - 1), st.booleans())
def test_what_one_workstation_does_delays_no_other(acts, is_last_denied):
    person = Person()
    for is_denied, gap in acts:
        person.ask("ws-1")
        if is_denied:
            person.deny("ws-1")
        person.now += gap
    assert person.can_be_woken("ws-2")


def test_many_names_push_no_more_than_one_workstation_would():
    """B9 of RFC 10027: a night of requests, each from another workstation, one a second."""
    person = Person()
    pushes = 0
    for number in range(8 * 3600):
        pushes += person.ask(f"night-{number}", is_known=False) is Verdict.PUSH
        person.now += SECOND
    assert pushes <= STRANGERS + 9 + 8


def test_of_many_workstations_the_one_is_forgotten_whose_wait_was_over_first():
    person = Person()
    for number in range(MOST_PLACES + 1):
        person.ask(f"ws-{number}")
        person.now += SECOND
    assert len(person.pressure.places) == MOST_PLACES
    assert "ws-0" not in person.pressure.places
    assert f"ws-{MOST_PLACES}" in person.pressure.places


@pytest.mark.parametrize(
    ("gate", "is_known", "is_closed", "barred"),
    [
        (Gate.VOUCHED, False, False, None),
        (Gate.VOUCHED, True, False, None),
        (Gate.KNOWN, True, False, None),
        (Gate.KNOWN, False, False, Verdict.UNKNOWN_WORKSTATION),
        (Gate.NEVER, True, False, Verdict.UNKNOWN_WORKSTATION),
        (Gate.VOUCHED, True, True, Verdict.NOT_ME),
        (Gate.KNOWN, False, True, Verdict.NOT_ME),
    ],
)
def test_the_gate_lets_through_whom_the_policy_and_the_person_want(
    gate, is_known, is_closed, barred
):
    assert bar(gate, is_known=is_known, is_closed=is_closed) is barred


def test_what_is_barred_makes_nothing_wait():
    person = Person()
    assert person.ask(barred=Verdict.NOT_ME) is Verdict.NOT_ME
    assert person.pressure == Pressure()


def test_who_opens_a_workstation_again_is_woken_from_it_at_once():
    person = Person()
    person.ask()
    person.deny()
    person.pressure = opened(person.pressure, "ws-1")
    assert person.ask() is Verdict.PUSH


@pytest.mark.parametrize(
    "finish",
    [
        lambda pressure: approved(pressure, "1", "ws-1"),
        lambda pressure: denied(pressure, "1", "ws-1", NOW),
        lambda pressure: ended(pressure, "1", "ws-1"),
    ],
    ids=["approved", "denied", "ended"],
)
def test_a_notice_lies_there_until_its_request_is_answered_or_over(finish):
    person = Person()
    person.ask()
    assert has_notice(person.pressure, "1", "ws-1")
    assert not has_notice(finish(person.pressure), "1", "ws-1")


def test_a_request_without_push_withdraws_the_notice_of_the_one_that_it_ended():
    person = Person()
    person.ask()
    judged = judge(person.pressure, Knock("2", "ws-1", is_known=True), NOW)
    assert (judged.verdict, judged.withdrawn) == (Verdict.WAITS, ("1",))
    again = judge(judged.pressure, Knock("3", "ws-1", is_known=True), NOW)
    assert (again.verdict, again.withdrawn) == (Verdict.WAITS, ())


def test_a_push_takes_the_place_of_the_notice_before_and_withdraws_nothing():
    person = Person()
    person.ask()
    judged = judge(person.pressure, Knock("2", "ws-1", is_known=True), NOW + FIRST_WAIT)
    assert (judged.verdict, judged.withdrawn) == (Verdict.PUSH, ())
    assert judged.pressure.places["ws-1"].notices == ("2",)


def test_requests_without_a_workstation_have_each_their_notice():
    person = Person()
    for _ in range(MOST_NOTICES + 1):
        assert person.ask("") is Verdict.PUSH
        person.now += LONGEST_WAIT
    assert person.pressure.places[""].notices == ("2", "3", "4")
    judged = judge(person.pressure, Knock("5", "", is_known=True), NOW)
    assert judged.withdrawn == ()


class Pestering(RuleBasedStateMachine):
    """Requests and answers in any order, against what was promised."""

    def __init__(self):
        super().__init__()
        self.person = Person()
        self.unanswered = dict.fromkeys(PLACES, 0)
        self.last = {}
        self.denials = []

    @rule(gap=gaps)
    def time_passes(self, gap):
        self.person.now += gap

    @rule(place=places)
    def ask(self, place):
        now = self.person.now
        verdict = self.person.ask(place)
        lately = [at for at in self.denials if now - at < CLOSED_FOR + BURST_WITHIN]
        if verdict is Verdict.PUSH:
            if place in self.last:
                assert now - self.last[place] >= wait_after(self.unanswered[place])
            self.unanswered[place] += 1
            self.last[place] = now
        elif verdict is Verdict.WAITS:
            assert now - self.last[place] < wait_after(self.unanswered[place])
        else:
            assert len(lately) >= BURST

    @rule(place=places)
    def deny(self, place):
        if has_notice(self.person.pressure, str(self.person.count), place):
            self.person.deny(place)
            self.denials.append(self.person.now)
            self.last[place] = self.person.now

    @rule(place=places)
    def approve(self, place):
        self.person.approve(place)
        self.unanswered[place] = 0
        self.last.pop(place, None)
        self.denials = []
        assert self.person.can_be_woken(place)


TestPestering = Pestering.TestCase
