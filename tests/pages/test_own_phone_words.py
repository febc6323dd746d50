"""How phones and what happened to them are told."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from pairing_server.languages import Language
from pairing_server.pages.own_phone_words import JUST_NOW, days_until, happened, just_done, place
from pairing_server.phones.overview import EventKind, PastEvent

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
PHONE = SimpleNamespace(device_name="Dienst %s 2")
SAID = {EventKind.BLOCKED, EventKind.UNBLOCKED, EventKind.REVOKED, EventKind.RENAMED}


def event(kind, at=NOW, credential=PHONE, reason="", **shown):
    return PastEvent(
        id="event", at=at, kind=kind, credential=credential, shown=shown, reason=reason
    )


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_of_event_is_worded(kind):
    english, dutch = happened(event(kind), Language.EN), happened(event(kind), Language.NL)

    assert english["what"]
    assert english["what"] != dutch["what"]
    assert english["phone"] == "Dienst %s 2"


def test_a_login_is_told_with_its_place():
    shown = {"workstation": "Balie 1", "location": "", "organisation": "Zorg", "client": "HIS"}

    told = happened(event(EventKind.APPROVED, **shown), Language.EN)

    assert told["place"] == "Balie 1 · Zorg · HIS"


def test_a_login_that_was_reported_is_told_as_one():
    told = happened(event(EventKind.DENIED, reason="not_me", credential=None), Language.EN)

    assert told["what"] == "Login declined and reported: not me"
    assert (told["phone"], told["place"]) == ("", "")


@pytest.mark.parametrize("kind", EventKind)
def test_what_was_done_to_a_phone_just_now_is_said(kind):
    said = just_done([event(kind), event(EventKind.BLOCKED)], NOW, Language.EN)

    assert bool(said) is (kind in SAID)
    assert kind not in SAID or "Dienst %s 2" in said


def test_what_was_done_before_is_not_said():
    assert just_done([], NOW, Language.EN) == ""
    blocked = [event(EventKind.BLOCKED)]
    assert just_done(blocked, NOW + JUST_NOW, Language.EN)
    assert not just_done(blocked, NOW + JUST_NOW + timedelta(seconds=1), Language.EN)
    assert not just_done([event(EventKind.BLOCKED, credential=None)], NOW, Language.EN)


@pytest.mark.parametrize(
    ("left", "days"),
    [
        (timedelta(days=61), None),
        (timedelta(days=60), 60),
        (timedelta(days=29, seconds=1), 30),
        (timedelta(seconds=1), 1),
        (timedelta(0), None),
        (timedelta(days=-1), None),
    ],
)
def test_a_key_that_expires_soon_is_told_by_days(left, days):
    assert days_until(NOW + left, NOW) == days


def test_a_place_is_what_is_known_of_it():
    assert place(None, "", "Polikliniek", None) == "Polikliniek"
    assert place() == ""
