"""Every kind of event has words, in both languages, and a class of NEN 7513."""

import pytest

from pairing_server.audit import admin_events, events
from pairing_server.audit.kinds import GROUPS, KINDS, Group, choices, told
from pairing_server.languages import Language

EVERY = {
    name
    for name, each in {**vars(events), **vars(admin_events)}.items()
    if isinstance(each, type) and issubclass(each, events.Event) and each is not events.Event
}


def test_every_event_has_a_row_and_no_row_is_of_no_event():
    assert KINDS.keys() == EVERY


@pytest.mark.parametrize("action", sorted(EVERY))
def test_people_read_words_and_no_codes(action):
    english, dutch = (told(action, {}, language) for language in Language)

    assert " " in english
    assert " " in dutch
    assert english != dutch


def test_words_tell_one_kind_from_another():
    words = [told(action, {}, Language.NL) for action in EVERY]

    assert len(set(words)) == len(EVERY)


@pytest.mark.parametrize(
    ("action", "evidence", "words"),
    [
        ("AuthRequestDenied", {"reason": "not_me"}, "A login was declined and reported: not me"),
        ("AuthRequestDenied", {"reason": "other"}, "A login was declined"),
        ("AuthRequestDenied", {"reason": "wrong_code"}, "A login ended after three wrong codes"),
        ("AuthenticatorBound", {"renewal": "r"}, "The key of a phone was renewed"),
        ("AuthenticatorBound", {"pairing": "p"}, "A phone was paired"),
    ],
)
def test_the_evidence_makes_the_words_more_exact(action, evidence, words):
    assert told(action, evidence, Language.EN) == words


def test_an_event_of_a_newer_version_is_shown_by_its_name():
    assert told("PhoneSung", {}, Language.NL) == "PhoneSung"


@pytest.mark.parametrize("language", Language)
def test_every_kind_can_be_chosen_once(language):
    offered = choices(language)
    chosen = [action for _, kinds in offered for action, _ in kinds]

    assert sorted(chosen) == sorted(KINDS)
    assert len(offered) == len(GROUPS) == len(Group)
