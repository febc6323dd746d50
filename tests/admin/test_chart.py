"""A chart tells the numbers as they are, and nothing in it runs together."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.chart import (
    APART,
    CHARACTER,
    HEIGHT,
    LEFT,
    MOST_TICKS,
    RIGHT,
    TOP,
    WIDTH,
    lay_out,
    scale,
)

counts = st.lists(st.integers(0, 10**7), min_size=1, max_size=40)
pairs = st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), min_size=1, max_size=40)


def drawn(values, before=()):
    return lay_out(values, [str(number) for number in range(len(values))], before)


@given(counts)
def test_each_bar_stands_on_the_axis_inside_the_picture_and_beside_the_next(values):
    chart = drawn(values)

    for bar in chart.bars:
        assert bar.y + bar.height == pytest.approx(chart.base, abs=0.1)
        assert bar.x >= LEFT
        assert bar.x + bar.width <= WIDTH - RIGHT + 0.2
        assert bar.y >= TOP
        assert bar.height >= 0
    for left, right in pairwise(chart.bars):
        assert left.x + left.width < right.x


@given(counts)
def test_a_bar_is_as_high_as_its_share_of_the_axis(values):
    chart = drawn(values)
    top = chart.ticks[-1].value

    for bar, value in zip(chart.bars, values, strict=True):
        assert bar.value == value
        assert bar.height == pytest.approx(value / top * (chart.base - TOP), abs=0.06)


@given(st.integers(0, 10**12))
def test_an_axis_holds_its_highest_value_and_wastes_no_more_than_a_step(most):
    top, step = scale(most)

    assert most <= top < most + step or (most == 0 and top == step == 1)
    assert top % step == 0
    assert str(step).strip("0") in {"1", "2", "5"}
    assert 2 <= top // step + 1 <= MOST_TICKS


@given(pairs)
def test_what_is_compared_with_is_measured_on_the_same_axis(both):
    values, before = zip(*both, strict=True)
    chart = drawn(values, before)
    top = chart.ticks[-1].value

    for (x, y), bar, value in zip(chart.before, chart.bars, before, strict=True):
        assert x == bar.middle
        assert chart.base - y == pytest.approx(value / top * (chart.base - TOP), abs=0.06)
        assert TOP <= y <= HEIGHT
    assert chart.marks.count("H") == len(before)


@given(counts)
def test_numbers_and_names_that_are_told_do_not_run_together(values):
    chart = drawn(values)

    for told in (
        [(bar.middle, len(str(bar.value))) for bar in chart.bars if bar.is_told],
        [(bar.middle, len(bar.label)) for bar in chart.bars if bar.label],
    ):
        for (left, one), (right, other) in pairwise(told):
            assert right - left + 0.2 >= (one + other) / 2 * CHARACTER + APART
    assert any(bar.is_told for bar in chart.bars) == any(values)
    assert chart.bars[0].label == "0"


def test_nothing_is_nothing():
    chart = lay_out([0, 0], ["a", "b"])

    assert [bar.height for bar in chart.bars] == [0, 0]
    assert [tick.value for tick in chart.ticks] == [0, 1]
    assert chart.marks == ""
    assert not any(bar.is_told for bar in chart.bars)
    assert (lay_out([], []).bars, lay_out([], []).marks) == ((), "")


def test_the_highest_one_is_told_where_not_all_can_be():
    chart = drawn([100 + number for number in range(24)])

    assert [bar.value for bar in chart.bars if bar.is_told] == [123]
    assert chart.size == "0 0 300 160"


def test_comparing_with_more_or_less_is_a_mistake():
    with pytest.raises(ValueError, match="zip"):
        drawn([1, 2], [3])
