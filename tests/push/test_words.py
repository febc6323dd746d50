"""What goes wrong with push is told so that somebody can do something about it."""

from datetime import UTC, datetime, timedelta

import pytest

from pairing_server.push import PushService
from pairing_server.push.access_token import _KNOWN as OF_TOKENS
from pairing_server.push.failure import Failure
from pairing_server.push.fcm_message import _KNOWN as OF_FCM
from pairing_server.push.words import clock_words, words
from pairing_server.settings import PREFIX, Settings

NOW = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("failure", Failure)
def test_each_failure_on_the_way_has_words_of_its_own(failure):
    assert not words(PushService.FCM, failure).startswith("FCM answered " + failure)


@pytest.mark.parametrize("code", sorted(OF_FCM | OF_TOKENS - {"invalid_scope"}))
def test_each_word_of_fcm_has_a_meaning(code):
    said = words(PushService.FCM, code)
    assert (code == "UNSPECIFIED_ERROR") == (said == f"FCM answered {code}.")


@pytest.mark.parametrize("code", ["400", "401", "403", "404", "410", "413", "429", "malformed"])
def test_each_answer_of_web_push_has_a_meaning(code):
    said = words(PushService.WEBPUSH, code, "push.example.nl")
    assert said.startswith("push.example.nl ")
    assert f"answered {code}" not in said


def test_what_nobody_knows_is_told_as_it_is():
    assert words(PushService.APNS, "418") == "APNs answered 418."


def test_the_settings_that_are_named_are_some():
    named = {
        word.strip(".,:;?")
        for service in PushService
        for code in (*Failure, *OF_FCM, *OF_TOKENS, "403")
        for word in words(service, code).split()
        if word.startswith(PREFIX)
    }
    assert named
    assert {name.removeprefix(PREFIX).lower() for name in named} <= set(Settings.model_fields)


@pytest.mark.parametrize(("off", "how"), [(-61, "fast"), (61, "slow")])
def test_a_clock_that_is_off_is_told_by_how_much(off, how):
    assert f"61 seconds {how}" in clock_words(NOW + timedelta(seconds=off), NOW)


@pytest.mark.parametrize("theirs", [None, NOW, NOW + timedelta(seconds=60)])
def test_a_clock_that_is_right_or_unknown_is_not(theirs):
    assert clock_words(theirs, NOW) is None
