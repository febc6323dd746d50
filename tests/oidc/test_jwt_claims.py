"""Single claims of a token: times, audiences, texts."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.oidc.jwt_claims import is_for, is_storable, moment


def test_a_time_is_a_number_of_seconds():
    assert moment({"exp": 0}, "exp") == datetime(1970, 1, 1, tzinfo=UTC)
    assert moment({"exp": 1.5}, "exp") == datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC)
    assert moment({}, "exp") is None


@pytest.mark.parametrize("value", [True, "1", [1], {}, 10**18, -(10**18), float("nan"), 10**400])
def test_what_is_no_time_is_refused(value):
    with pytest.raises(ValueError, match="exp"):
        moment({"exp": value}, "exp")


@given(st.floats() | st.integers())
def test_any_number_is_a_time_or_refused(value):
    with contextlib.suppress(ValueError):
        assert moment({"exp": value}, "exp").tzinfo is UTC


def test_an_audience_is_a_name_or_a_list_of_names():
    assert is_for({"aud": "us"}, "us")
    assert is_for({"aud": ["them", "us"]}, "us")
    assert not any(is_for({"aud": aud}, "us") for aud in ("use", ["them"], [], None, {"us": 1}))
    assert not is_for({}, "us")


def test_a_store_takes_no_nul_and_no_half_of_a_character():
    assert is_storable("Jansén \U0001f3e5")
    assert not any(map(is_storable, ("a\0", "\ud800", "\udfff")))
