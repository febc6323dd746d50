"""A nonce is good for one client, for a minute or two, at every node, and made by nobody else."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.oidc.dpop_nonce import PERIOD, is_current, nonce

KEY = b"k" * 32
NOW = datetime(2026, 11, 27, 0, 0, 59, 999000, tzinfo=UTC)


@given(st.integers(0, 10**9), st.integers(0, 59_999))
def test_it_is_good_for_a_minute_at_least_and_two_at_most(at, later):
    given_at = NOW + timedelta(milliseconds=at)
    shown = nonce(KEY, "his", given_at)
    assert is_current(KEY, "his", shown, given_at + timedelta(milliseconds=later))
    assert not is_current(KEY, "his", shown, given_at + 2 * PERIOD)
    assert not is_current(KEY, "his", shown, given_at - PERIOD)


@pytest.mark.parametrize(("key", "client"), [(b"o" * 32, "his"), (KEY, "other"), (KEY, "")])
def test_it_is_of_this_key_and_client(key, client):
    assert not is_current(KEY, "his", nonce(key, client, NOW), NOW)


@given(st.one_of(st.text(), st.none(), st.integers(), st.lists(st.text()), st.booleans()))
def test_nothing_else_is_one(shown):
    assert not is_current(KEY, "his", shown, NOW)
