"""Who asks to be left alone is left alone, and no other phone waits for it."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pairing_server.push.pauses import (
    MOST,
    TOKENS_OF_A_SERVICE,
    Pauses,
    are_over,
    told,
    until,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
waits = st.integers(1, 3600).map(lambda seconds: timedelta(seconds=seconds))
names = st.sampled_from("abcdef")


def heard(*tokens, wait=MINUTE):
    pauses = Pauses()
    for token in tokens:
        pauses = told(pauses, token, NOW + wait, NOW)
    return pauses


@given(waits)
def test_a_token_is_left_alone_until_then_and_not_for_longer(wait):
    pauses = heard("a", wait=wait)
    assert until(pauses, "a", NOW) == NOW + wait
    assert until(pauses, "a", NOW + wait) is None


@given(st.lists(st.tuples(st.sampled_from("ab"), waits), max_size=20))
def test_whatever_two_tokens_are_told_no_other_waits(said):
    pauses = Pauses()
    for token, wait in said:
        pauses = told(pauses, token, NOW + wait, NOW)
    assert until(pauses, "c", NOW) is None


def test_what_three_tokens_are_told_holds_for_the_service():
    assert until(heard("a", "b"), "z", NOW) is None
    assert until(heard("a", "b", "c"), "z", NOW) == NOW + MINUTE
    assert until(heard("a", "b", "c"), "z", NOW + MINUTE) is None


@given(st.lists(st.tuples(names, waits), min_size=1, max_size=20))
def test_a_service_is_left_alone_no_longer_than_three_tokens_agree(said):
    pauses = Pauses()
    for token, wait in said:
        pauses = told(pauses, token, NOW + wait, NOW)
    longest = {token: max(wait for name, wait in said if name == token) for token, _ in said}
    agreed = sorted(longest.values(), reverse=True)[TOKENS_OF_A_SERVICE - 1 :]
    held = until(pauses, "z", NOW)
    assert held is None or held <= NOW + agreed[0]


def test_tokens_that_were_told_at_other_times_do_not_add_up():
    pauses = heard("a", "b")
    assert until(told(pauses, "c", NOW + 3 * MINUTE, NOW + MINUTE), "z", NOW + MINUTE) is None


@given(st.lists(st.tuples(names, waits), max_size=20), waits)
def test_it_is_over_when_nobody_waits_any_more(said, later):
    pauses, now = Pauses(), NOW + later
    for token, wait in said:
        pauses = told(pauses, token, NOW + wait, NOW)
    waiting = [name for name in "abcdefz" if until(pauses, name, now) is not None]
    assert are_over(pauses, now) == (not waiting)


def test_only_so_many_tokens_are_remembered_and_those_that_wait_longest_stay():
    pauses = Pauses()
    for number in range(MOST + 5):
        pauses = told(pauses, str(number), NOW + MINUTE + timedelta(seconds=number), NOW)
    assert len(pauses.tokens) == MOST
    assert [name for name, _ in pauses.tokens][-1] == str(MOST + 4)
    assert "0" not in dict(pauses.tokens)
