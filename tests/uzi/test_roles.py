"""The words for role codes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.languages import Language
from pairing_server.uzi.roles import _role_codes, role_name


@pytest.mark.parametrize(
    ("code", "dutch", "english"),
    [
        ("01.015", "arts, huisarts", "physician, general practitioner"),
        ("01.000", "arts", "physician"),
        (
            "30.076",
            "verpleegkundige, VS algemene gezondheidszorg",
            "nurse, nurse specialist, general health care",
        ),
        ("92.000", "mondhygiënist", "dental hygienist"),
        ("01.999", "arts (01.999)", "physician (01.999)"),
        ("02.015", "tandarts (02.015)", "dentist (02.015)"),
        ("77.000", "77.000", "77.000"),
        ("00.000", "medewerker", "employee"),
    ],
)
def test_a_code_is_shown_in_words_or_as_its_number(code, dutch, english):
    assert dutch == role_name(code, Language.NL)
    assert english == role_name(code, Language.EN)


def test_whoever_says_nothing_of_languages_reads_dutch():
    assert role_name("01.015", None) == "arts, huisarts"


def test_no_role_is_called_nothing():
    assert role_name("", Language.EN) == ""


@given(st.from_regex(r"[0-9]{2}\.[0-9]{3}", fullmatch=True), st.sampled_from(Language))
def test_every_well_formed_code_is_shown_and_none_refused(code, language):
    assert role_name(code, language)


def test_each_name_is_in_both_languages_and_without_loose_spaces():
    codes = _role_codes()
    names = [*codes.titles.values()]
    for specialisms in codes.specialisms.values():
        names += specialisms.values()

    assert [name for name in names if not (name.nl and name.en)] == []
    assert [
        name for name in names if (name.nl.strip(), name.en.strip()) != (name.nl, name.en)
    ] == []


def test_a_specialism_stands_under_a_title_that_is_known():
    codes = _role_codes()

    assert codes.specialisms.keys() <= codes.titles.keys()
