"""Which language is spoken, and that there are words for everything in it."""

import io
import re
from pathlib import Path
from string import ascii_letters

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.languages import DEFAULT, Language, language_named, negotiate, translate
from tests.test_protocol import refusals

PACKAGE = Path(__file__).parent.parent / "pairing_server"
ADMIN = PACKAGE.parent / "admin"
CATALOGUES = sorted((PACKAGE / "locale/nl/LC_MESSAGES").glob("*.po"))
_PLACEHOLDER = re.compile(r"%(?:\((\w+)\))?[a-z%]")
_TAG = re.compile(r"</?\w+>")
WEIGHTS = st.integers(1, 1000).map(lambda thousandth: f"{thousandth / 1000:.3f}")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("nl", "nl"),
        ("NL", "nl"),
        ("nl-NL,nl;q=0.9,en-US;q=0.8,en;q=0.7", "nl"),
        ("nl-BE", "nl"),
        ("en-GB,nl;q=0.9", "en"),
        ("nl,en", "nl"),
        ("en,nl", "en"),
        ("nl;q=0.5,en;q=0.6", "en"),
        ("de", "en"),
        ("de,nl;q=0.1", "nl"),
        ("*", "en"),
        ("en;q=0,*", "nl"),
        ("*;q=0.5,nl;q=0.4", "en"),
        ("nl;q=0", "en"),
        ("nl;q=0,en;q=0", "en"),
        ("nl;q=2", "en"),
        ("nl;q=0.0001", "en"),
        ("nl;q=x, en", "en"),
        ("en;q=0.1;nl", "en"),
        ("nl ; q=0.9 , de", "nl"),
        (",,nl,", "nl"),
        ("nld", "en"),
        ("x" * 9000, "en"),
        ("٣nl", "en"),
    ],
)
def test_the_language_is_the_one_that_is_liked_best(header, language):
    assert negotiate(header) == language


@given(st.text(max_size=200))
def test_whatever_is_sent_some_language_is_spoken(header):
    assert negotiate(header) in Language


@given(WEIGHTS, WEIGHTS, st.booleans())
def test_the_heavier_one_wins_in_whatever_order(dutch, english, is_dutch_first):
    named = [f"nl;q={dutch}", f"en;q={english}"]
    header = ",".join(named if is_dutch_first else named[::-1])

    expected = Language.NL if dutch > english else Language.EN
    first = Language.NL if is_dutch_first else Language.EN
    assert negotiate(header) == (first if dutch == english else expected)


@given(st.lists(st.text(ascii_letters, min_size=3, max_size=8), max_size=5))
def test_languages_that_nobody_speaks_here_change_nothing(others):
    assert negotiate(",".join([*others, "nl;q=0.1"])) == Language.NL
    assert negotiate(",".join(others)) == DEFAULT


def test_only_our_own_languages_can_be_chosen():
    assert language_named("nl") is Language.NL
    assert [language_named(name) for name in ("", "NL", "de", "nl-NL", "../nl")] == [None] * 5


def test_what_has_no_translation_stays_as_it_is():
    assert translate(Language.NL, "Nobody says this.") == "Nobody says this."
    assert translate(Language.NL, "") == ""
    assert translate(Language.EN, "Log out") == "Log out"
    assert translate(Language.NL, "Log out") == "Uitloggen"


#: The parts that only programs call.
PROGRAMS = {"oidc", "xis", "signals", "api"}


def messages():
    """Return every message that people are shown: of templates, of the code, of refusals."""
    found = set()
    folders = (PACKAGE / "pages/templates", ADMIN / "templates")
    for file in (file for folder in folders for file in sorted(folder.glob("*.html"))):
        with file.open("rb") as opened:
            options = {"trimmed": "true", "silent": "false"}
            found |= {
                each[1] for each in extract("jinja2.ext:babel_extract", opened, options=options)
            }
    # What programs are told stays English.
    keywords = {
        "N_": None,
        "gettext": None,
        "ngettext": (1, 2),
        "InvalidRequest": None,
        "UnsupportedMediaType": None,
    }
    for file in sorted([*PACKAGE.rglob("*.py"), *ADMIN.rglob("*.py")]):
        # Of these only what is marked is for people, who read it there.
        parts = file.relative_to(PACKAGE.parent).parts
        said = {"N_": None} if PROGRAMS & set(parts) else keywords
        with file.open("rb") as opened:
            found |= {_shortened(each[1]) for each in extract("python", opened, said)}
    described = {
        each.description for each in refusals() if not PROGRAMS & set(each.__module__.split("."))
    }
    return {each for each in found | described if each}


def _shortened(message):
    """Drop what is no text among the arguments."""
    if isinstance(message, str):
        return message
    texts = tuple(each for each in message if each)
    return texts[0] if len(texts) == 1 else texts


def dutch():
    return [
        message
        for file in CATALOGUES
        for message in read_po(io.BytesIO(file.read_bytes()), locale="nl", abort_invalid=True)
    ]


def test_everything_that_is_said_is_said_in_dutch():
    catalogue = {each.id: each for each in dutch() if each.id}
    untranslated = [
        each.id for each in catalogue.values() if each.fuzzy or not all(_strings(each.string))
    ]

    assert messages() - catalogue.keys() == set(), "missing"
    assert catalogue.keys() - messages() == set(), "unused"
    assert untranslated == []


def test_no_message_is_translated_twice():
    found = [message.id for message in dutch() if message.id]

    assert sorted(map(str, found)) == sorted({str(each) for each in found})


def test_every_translation_has_the_same_placeholders_and_tags():
    for message in dutch():
        english = _strings(message.id)
        for text, original in zip(_strings(message.string), english, strict=True):
            assert sorted(_PLACEHOLDER.findall(text)) == sorted(_PLACEHOLDER.findall(original))
            assert _TAG.findall(text) == _TAG.findall(original)


def test_no_message_is_markup_by_accident():
    for message in (each for each in dutch() if each.id):
        for text in [*_strings(message.string), *_strings(message.id)]:
            assert set(_TAG.findall(text)) <= {"<strong>", "</strong>"}
            assert "<" not in _TAG.sub("", text)


def _strings(value):
    return value if isinstance(value, tuple | list) else (value,)
