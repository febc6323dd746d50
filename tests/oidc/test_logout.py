"""What a client is told of a session that is over, when, and where its browser may go."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pairing_server.oidc import logout as rules
from pairing_server.oidc.logout import LogoutRequest, logout_token, read_logout, return_uri
from pairing_server.registry.sessions import EndReason, Session

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
BYE = "https://his.example/bye"
SESSION = Session(
    sid="s",
    client_id="his",
    person_id="p",
    credential_id="k",
    ura="90000001",
    sub="pairwise",
    opened_at=NOW,
    expires_at=NOW + timedelta(hours=12),
    ended_at=NOW,
    end_reason=EndReason.PHONE,
    notice_due_at=NOW,
)


def test_a_logout_token_says_which_session_and_is_no_id_token():
    claims = logout_token(SESSION, "https://op.example", "j", NOW)

    assert claims == {
        "iss": "https://op.example",
        "aud": "his",
        "sub": "pairwise",
        "sid": "s",
        "iat": 1795694400,
        "exp": 1795694520,
        "jti": "j",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }
    assert "nonce" not in claims


def test_who_does_not_hear_is_told_again_ever_less_often_for_a_day():
    waiting = [replace(SESSION, notice_attempts=attempts) for attempts in range(12)]
    tries = [rules.next_try(session, NOW) - NOW for session in waiting]

    assert tries[:4] == [timedelta(seconds=each) for each in (10, 20, 40, 80)]
    assert tries[-1] == timedelta(hours=1)
    assert not rules.is_given_up(SESSION, NOW + timedelta(hours=23))
    assert rules.is_given_up(SESSION, NOW + timedelta(hours=24))


@pytest.mark.parametrize("uri", ["", f"{BYE}/", f"{BYE}?x", "https://evil.example/"])
def test_a_browser_goes_nowhere_that_was_not_registered(uri):
    assert return_uri(LogoutRequest("t", "", uri, "x"), (BYE,)) is None


def test_a_browser_goes_back_with_its_state():
    assert return_uri(LogoutRequest("t", "", BYE, ""), (BYE,)) == BYE
    assert return_uri(LogoutRequest("t", "", BYE, "a b"), (BYE,)) == f"{BYE}?state=a+b"
    with_query = f"{BYE}?x=1"
    assert return_uri(LogoutRequest("t", "", with_query, "s"), (with_query,)) == (
        f"{with_query}&state=s"
    )


def test_a_state_that_is_too_long_is_left_out():
    assert read_logout({"state": "x" * 1025}).state == ""
    assert read_logout({"state": "x", "client_id": "c"}) == LogoutRequest("", "c", "", "x")
