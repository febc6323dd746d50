"""Times, as the registry and the wire write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pairing_server.clock import from_milliseconds, to_milliseconds, utc_now, wire_time

#: A machine that is busy is no failure.
never_late = settings(deadline=None)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_the_time_is_aware():
    assert utc_now().utcoffset() == timedelta(0)


@never_late
@given(st.integers(0, 250_000_000_000_000))
@example(2_152_236_228_673)
def test_milliseconds_come_back(milliseconds):
    assert to_milliseconds(from_milliseconds(milliseconds)) == milliseconds


@never_late
@given(st.timedeltas(timedelta(0), timedelta(days=365 * 8000)).map(EPOCH.__add__))
def test_a_time_is_kept_to_the_millisecond_below_it(moment):
    kept = from_milliseconds(to_milliseconds(moment))

    assert timedelta(0) <= moment - kept < timedelta(milliseconds=1)


@pytest.mark.parametrize("offset", [0, 1, -5])
def test_the_wire_has_whole_seconds_of_utc(offset):
    moment = datetime(2026, 1, 5, 12, 30, 59, 999999, UTC)

    assert (
        wire_time(moment.astimezone(timezone(timedelta(hours=offset)))) == "2026-01-05T12:30:59Z"
    )
