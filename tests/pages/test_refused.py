"""Every "no" has words and a way on."""

import pytest

from pairing_server.errors import Refusal
from pairing_server.pages.refused import FAULT, advise
from pairing_server.uzi.refusals import CardRefused
from tests.test_protocol import refusals

KINDS = sorted(refusals(), key=lambda each: (each.__module__, each.__qualname__))
#: Words that mean nothing to a nurse.
JARGON = ("JSON", "Origin", "token", "header", "HTTP")


@pytest.mark.parametrize("kind", KINDS, ids=lambda each: each.__qualname__)
def test_every_refusal_is_worded_with_a_way_on(kind):
    advice = advise(kind, is_of_card=issubclass(kind, CardRefused))

    assert advice.title
    assert advice.text
    assert advice.actions
    assert all(action.path.startswith("/portal/") for action in advice.actions)


@pytest.mark.parametrize(
    "code", ["invalid_token", "cross_site", "method_not_allowed", "not_found"]
)
def test_what_programs_are_told_is_told_people_otherwise(code):
    kind = next(each for each in KINDS if each.code == code)
    text = advise(kind, is_of_card=False).text

    assert text != kind.description
    assert [word for word in JARGON if word in text] == []


def test_a_card_that_is_refused_is_called_that():
    class Other(Refusal):
        code, status, description = "other", 422, "Other."

    assert advise(Other, is_of_card=True).title == "Your card was refused"
    assert advise(Other, is_of_card=False).title == "This cannot go on"


def test_an_organisation_that_is_unknown_can_be_registered_by_who_means_to():
    """The first one is the button that somebody in a hurry takes."""
    kind = next(each for each in KINDS if each.code == "unknown_organisation")

    paths = [action.path for action in advise(kind, is_of_card=False).actions]
    assert paths == ["/portal/", "/portal/organisation"]


def test_a_fault_is_said_to_be_ours():
    assert "our fault" in FAULT.text
