"""A caller may have so many calls held and no more, and leaves nothing behind."""

from datetime import timedelta

import pytest

from pairing_server.held import HeldCalls

WAIT, NOTHING = timedelta(seconds=25), timedelta(0)


def test_beyond_the_cap_a_call_is_not_held():
    calls = HeldCalls(2)
    with (
        calls.hold("a", WAIT) as first,
        calls.hold("a", WAIT) as second,
        calls.hold("a", WAIT) as third,
        calls.hold("b", WAIT) as other,
    ):
        assert (first, second, third, other) == (WAIT, WAIT, NOTHING, WAIT)


def test_a_call_that_is_not_to_be_held_does_not_count():
    calls = HeldCalls(1)
    with calls.hold("a", NOTHING) as first, calls.hold("a", WAIT) as second:
        assert (first, second) == (NOTHING, WAIT)


def test_a_call_that_was_broken_off_does_not_count_any_more():
    calls = HeldCalls(1)
    with pytest.raises(ConnectionError), calls.hold("a", WAIT):
        raise ConnectionError
    with calls.hold("a", WAIT) as again:
        assert again == WAIT


def test_a_caller_that_has_gone_is_forgotten():
    calls = HeldCalls(1)
    with calls.hold("a", WAIT):
        assert calls.callers == 1
    assert calls.callers == 0
