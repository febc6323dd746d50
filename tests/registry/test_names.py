"""When two spellings are the same name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.registry.names import name_key, search_key


@pytest.mark.parametrize(
    ("typed", "on_card"),
    [
        ("jan", "Jan"),
        ("  Jan   Willem ", "Jan Willem"),
        ("Jan\u00a0Willem", "Jan Willem"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("Strau\u00df", "STRAUSS"),
        ("Jansen - de Vries", "Jansen-de Vries"),
        ("Jansen\u2013de Vries", "Jansen-de Vries"),
        ("Jansen\u2010de Vries", "Jansen-de Vries"),
        ("van \u2019t Hof", "van 't Hof"),
        ("van `t Hof", "van 't Hof"),
        ("\u00c9lise", "e\u0301lise"),
    ],
    ids=[
        "case",
        "spaces",
        "no-break space",
        "composition",
        "sharp s",
        "spaces at a hyphen",
        "dash",
        "typographic hyphen",
        "typographic apostrophe",
        "backtick",
        "case and composition",
    ],
)
def test_a_spelling_is_the_same_name(typed, on_card):
    assert name_key(typed, "x") == name_key(on_card, "x")
    assert name_key("x", typed) == name_key("x", on_card)


@pytest.mark.parametrize(
    ("typed", "on_card"),
    [
        ("Zoe", "Zo\u00eb"),
        ("J.", "Jan"),
        ("Jan Willem", "Jan-Willem"),
        ("Willem Jan", "Jan Willem"),
        ("Jan", "Jan Willem"),
        ("", "Jan"),
    ],
    ids=["accent", "initial", "hyphen", "order", "part", "nothing"],
)
def test_what_would_have_to_be_guessed_is_another_name(typed, on_card):
    assert name_key(typed, "x") != name_key(on_card, "x")


def test_first_names_and_last_name_do_not_run_together():
    assert name_key("Jan Willem", "Jansen") != name_key("Jan", "Willem Jansen")
    assert name_key("Jan\nWillem", "Jansen") != name_key("Jan", "Willem\nJansen")


@given(first_names=st.text(), last_name=st.text())
def test_a_key_has_two_lines_and_is_its_own_key(first_names, last_name):
    key = name_key(first_names, last_name)
    first, _, last = key.partition("\n")

    assert key.count("\n") == 1
    assert name_key(first, last) == key


@pytest.mark.parametrize("typed", ["öztürk", "Ozturk", "  OZTÜRK ", "O\u0308ztu\u0308rk"])
def test_a_name_is_found_without_its_accents(typed):
    assert search_key(typed) == "ozturk"
