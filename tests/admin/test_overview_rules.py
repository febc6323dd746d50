"""What is looked back on, and what of it is unusual."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin import overview_rules as rules

NOW = datetime(2026, 11, 27, 6, 40, 12, tzinfo=UTC)
moments = st.timedeltas(timedelta(0), timedelta(days=9000)).map(NOW.__add__)
counts = st.lists(st.integers(0, 400), max_size=60)


def test_hours_are_those_of_the_clock_and_the_last_one_is_under_way():
    hours = rules.last_hours(NOW)

    assert hours.starts[0] == datetime(2026, 11, 26, 7, tzinfo=UTC)
    assert hours.starts[-1] == datetime(2026, 11, 27, 6, tzinfo=UTC)
    assert hours.shifted(-rules.WEEK).starts[-1] == datetime(2026, 11, 20, 6, tzinfo=UTC)


def test_days_are_those_of_the_log_wherever_the_clock_is():
    elsewhere = datetime(2026, 11, 28, 1, tzinfo=timezone(timedelta(hours=2)))

    for now in (NOW, elsewhere):
        days = rules.last_days(now)
        assert days.starts[-1] == datetime(2026, 11, 27, tzinfo=UTC)
        assert len(days.starts) == rules.DAYS


@given(moments)
def test_every_window_holds_the_moment_itself_in_its_last_part(now):
    lately = rules.day_and_those_before(now)
    for window in (rules.last_hours(now), rules.last_days(now), lately):
        assert window.starts[-1] <= now < window.until
    assert lately.until - now == timedelta(milliseconds=1)


def test_what_is_usual_leaves_out_the_last_count():
    assert rules.usual([2, 4, 100]) == 3
    assert rules.usual([100]) == rules.usual([]) == 0


@pytest.mark.parametrize(
    ("count", "mean", "is_unusual"),
    [
        (0, 0, False),
        (2, 0, False),
        (3, 0, True),
        (5, 4, False),
        (10, 4, False),
        (11, 4, True),
        (130, 100, False),
        (131, 100, True),
    ],
)
def test_what_chance_makes_of_the_usual_is_not_unusual(count, mean, is_unusual):
    assert rules.is_unusual(count, mean) is is_unusual


@given(st.integers(0, 1000), st.floats(0, 1000))
def test_more_is_never_less_unusual(count, mean):
    assert rules.is_unusual(count, mean) <= rules.is_unusual(count + 1, mean)
    assert rules.is_unusual(count, mean + 1) <= rules.is_unusual(count, mean)


@given(st.lists(st.integers(0, 300), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_a_value_that_its_share_does_not_exceed(values, share):
    found = rules.percentile(values, share)

    assert found in values
    assert sum(each <= found for each in values) >= share * len(values) - 1e-9
    assert sum(each < found for each in values) < share * len(values) + 1e-9


def test_of_nothing_there_is_no_percentile():
    assert rules.percentile([], 0.5) is None


@given(counts)
def test_each_answer_is_in_one_bar(seconds):
    spread = rules.spread(seconds)

    assert sum(spread) == len(seconds)
    assert len(spread) == len(rules.spread_labels())


def test_a_bound_belongs_to_the_bar_that_it_names():
    assert rules.spread([0, 5, 6, 120, 121]) == (2, 1, 0, 0, 0, 1, 1)
    assert rules.spread_labels()[0] == "≤5"
    assert rules.spread_labels()[-1] == ">120"
