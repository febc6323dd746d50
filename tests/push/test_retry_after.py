"""Retry-After in its two forms, and what is neither."""

from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.push.retry_after import LONGEST, http_date, retry_after

NOW = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)


def test_seconds_are_waited():
    assert retry_after({"Retry-After": " 120 "}, NOW) == timedelta(minutes=2)


def test_a_date_is_waited_for_by_the_clock_of_whoever_wrote_it():
    headers = {
        "Retry-After": "Thu, 26 Nov 2026 13:00:30 GMT",
        "Date": "Thu, 26 Nov 2026 13:00:00 GMT",
    }
    assert retry_after(headers, NOW) == timedelta(seconds=30)


def test_a_date_without_another_is_waited_for_by_our_own():
    headers = {"Retry-After": "Thu, 26 Nov 2026 12:00:30 GMT"}
    assert retry_after(headers, NOW) == timedelta(seconds=30)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "-1",
        "1.5",
        "1e9",
        "86401",
        "9" * 400,
        "\u00b2",
        "Thu, 26 Nov 2026 11:59:59 GMT",
        "Sat, 28 Nov 2026 12:00:00 GMT",
        "Thu, 99 Nov 2026 12:00:30 GMT",
        "Thu, 26 Nov 999999999999 12:00:30 GMT",
    ],
)
def test_what_makes_no_sense_is_none(value):
    assert retry_after({"Retry-After": value}, NOW) is None


def test_none_is_none():
    assert retry_after({}, NOW) is None


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_a_wait_that_makes_sense_or_none(value, date):
    wait = retry_after({"Retry-After": value, "Date": date}, NOW)
    assert wait is None or timedelta(0) <= wait <= LONGEST


def test_the_date_of_an_answer_is_read_whatever_the_case_of_its_name():
    headers = web.Response(headers={"date": "Thu, 26 Nov 2026 12:00:00 GMT"}).headers
    assert http_date(headers) == NOW


@pytest.mark.parametrize("value", ["", "now", "Thu, 26 Nov 2026 12:00:00 -0000"])
def test_a_date_is_always_one_with_a_zone_or_none(value):
    assert http_date({"Date": value}) in (None, NOW)
