"""Whether a phone was used after the loss, over every order of uses."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.loss import AHEAD, LONGEST, Answer, judge, read_moment
from pairing_server.registry.phone_uses import PhoneUse

NOW = datetime(2026, 11, 26, 3, tzinfo=UTC)
LOST = NOW - timedelta(hours=2)
MOMENT = timedelta(microseconds=1)
ACTIONS = ("AuthRequestApproved", "AuthRequestDenied", "PhoneRenamed")

uses = st.lists(
    st.builds(
        PhoneUse,
        credential_id=st.sampled_from(["lost", "other"]),
        at=st.timedeltas(timedelta(hours=-4), timedelta(0)).map(lambda ago: NOW + ago),
        action=st.sampled_from(ACTIONS),
        ura=st.none(),
        organisation=st.just(""),
        workstation=st.just(""),
        location=st.just(""),
        client=st.just(""),
    ),
    max_size=12,
)


def use(at, action="AuthRequestApproved", phone="lost"):
    return PhoneUse(
        credential_id=phone,
        at=at,
        action=action,
        ura=None,
        organisation="",
        workstation="",
        location="",
        client="",
    )


@given(uses)
def test_the_answer_goes_by_the_uses_of_that_phone_since_the_loss_alone(found):
    after = [each for each in found if each.credential_id == "lost" and each.at >= LOST]
    judged = judge(found, "lost", LOST)

    assert sorted(judged.uses, key=str) == sorted(after, key=str)
    assert [each.at for each in judged.uses] == sorted((each.at for each in after), reverse=True)
    if judged.answer is Answer.USED:
        assert "AuthRequestApproved" in {each.action for each in after}
    else:
        assert "AuthRequestApproved" not in {each.action for each in after}
        assert (judged.answer is Answer.TOUCHED) == bool(after)


def test_use_at_the_very_moment_of_the_loss_counts_against_the_phone():
    assert judge([use(LOST)], "lost", LOST).answer is Answer.USED
    assert judge([use(LOST - MOMENT)], "lost", LOST).answer is Answer.NOT_USED


def test_use_of_another_phone_says_nothing():
    assert judge([use(NOW, phone="other")], "lost", LOST).answer is Answer.NOT_USED


@pytest.mark.parametrize(
    ("typed", "offset", "moment"),
    [
        ("2026-11-26T02:00", "", NOW - timedelta(hours=1)),
        ("2026-11-26T03:00", "60", NOW - timedelta(hours=1)),
        ("2026-11-25T21:00", "-300", NOW - timedelta(hours=1)),
        ("2026-11-26T02:00:30", "0", NOW - timedelta(minutes=59, seconds=30)),
    ],
)
def test_a_moment_is_read_by_the_readers_own_clock(typed, offset, moment):
    assert read_moment(typed, offset, NOW) == moment


@given(st.text(max_size=30), st.text(max_size=10))
def test_whatever_is_typed_it_is_a_moment_that_can_have_been_or_none(typed, offset):
    moment = read_moment(typed, offset, NOW)

    assert moment is None or NOW - LONGEST <= moment <= NOW + AHEAD


@pytest.mark.parametrize(
    ("typed", "offset"),
    [
        ("2026-11-26T02:00Z", ""),
        ("2026-11-26T02:00", "x"),
        ("2026-11-26T02:00", "9000000000000"),
        ("2026-11-26T03:06", ""),
        ("2025-11-24T03:00", ""),
        ("9999-12-31T23:59", "-840"),
        ("0001-01-01T00:00", "840"),
    ],
)
def test_what_is_no_such_moment_is_none(typed, offset):
    assert read_moment(typed, offset, NOW) is None
