"""Whatever happens is told in the person's language: for every refusal of the server there is one.

The table is compared with the server's own refusals; the client itself knows nothing of them.
"""

import re
import string
import tomllib
from pathlib import Path

import pytest

import pairing_server.app  # noqa: F401 - imports every refusal there is.
from clients.desktop_words import (
    LANGUAGES,
    Refused,
    Trouble,
    Words,
    choose_language,
    exit_code,
    may_try_again,
)
from pairing_server import errors
from pairing_server.errors import Refusal
from pairing_server.uzi.refusals import CardRefused
from pairing_server.uzi.session import Purpose

TABLE = tomllib.loads((Path(__file__).parents[2] / "clients/desktop_words.toml").read_text())
SENTENCES = {
    (part, code): entry
    for part in ("word", "purpose", "trouble", "refusal")
    for code, entry in TABLE[part].items()
    if isinstance(entry, dict)
}


def codes_of(kind):
    own = {kind.code} if isinstance(getattr(kind, "code", None), str) else set()
    return own.union(*(codes_of(sub) for sub in kind.__subclasses__()))


def names_in(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_refusal_of_a_card_has_its_sentence():
    assert codes_of(CardRefused) - TABLE["refusal"].keys() - TABLE["like"].keys() == set()
    assert set(TABLE["like"].values()) <= TABLE["refusal"].keys()


def test_what_any_call_may_be_refused_as_has_its_sentence():
    general = {errors.NotFound, errors.Expired, errors.Conflict}
    general |= {errors.TooManyRequests, errors.Unavailable}

    assert {kind.code for kind in general} | {"server_error"} <= TABLE["refusal"].keys()


def test_no_sentence_is_kept_for_what_no_server_says():
    assert TABLE["refusal"].keys() - codes_of(Refusal) == {"exit", "server_error"}
    assert TABLE["like"].keys() - codes_of(Refusal) == set()


def test_every_purpose_has_its_name():
    assert {purpose.value for purpose in Purpose} == TABLE["purpose"].keys()


@pytest.mark.parametrize("where", sorted(SENTENCES), ids="-".join)
def test_a_sentence_says_the_same_in_both_languages(where):
    entry = SENTENCES[where]

    assert entry.keys() - {"exit", "again"} == set(LANGUAGES)
    assert names_in(entry["nl"]) == names_in(entry["en"])
    assert entry["nl"] != entry["en"] or where[0] == "word"


@pytest.mark.parametrize(
    "where", [key for key in sorted(SENTENCES) if key[0] in {"trouble", "refusal"}], ids="-".join
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_ends_as_one(where, language):
    assert SENTENCES[where][language].endswith((".", ")."))


@pytest.mark.parametrize("code", sorted(TABLE["trouble"]))
def test_every_trouble_has_its_exit_code(code):
    assert exit_code(Trouble(code)) in {1, *range(3, 13)}


def test_every_exit_code_is_documented():
    rows = (Path(__file__).parents[2] / "docs/desktop-agent.md").read_text().splitlines()
    documented = {int(row.split("|")[1]) for row in rows if re.match(r"\| \d+ \|", row)}

    exits = {entry["exit"] for entry in SENTENCES.values() if "exit" in entry}
    assert documented == exits | {0, 2, TABLE["refusal"]["exit"]}


def test_a_refused_card_has_one_exit_code():
    assert exit_code(Refused("card_revoked", "")) == exit_code(Refused("unheard_of", "")) == 7
    assert exit_code(Refused("expired", "")) == 9


def test_what_the_person_can_mend_may_be_tried_again():
    assert may_try_again(Trouble("no_card"))
    assert not may_try_again(Trouble("pin_locked"))
    assert not may_try_again(Refused("unheard_of", ""))


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("nl", "Uw UZI-pas is ingetrokken."),
        ("en", "Your UZI card has been revoked."),
    ],
)
def test_a_refusal_is_told_in_the_persons_language(language, sentence):
    assert Words(language).sentence(Refused("card_revoked", "other")).startswith(sentence)


def test_a_code_that_is_not_known_is_told_in_the_servers_words():
    assert Words("nl").sentence(Refused("brand_new", "Do {this} now.")) == "Do {this} now."


@pytest.mark.parametrize("code", ["brand_new", "exit"])
def test_a_code_without_words_is_named(code):
    assert f"({code})" in Words("nl").sentence(Refused(code, ""))


@pytest.mark.parametrize("code", ["pin_locked", "unreachable"])
def test_a_server_cannot_speak_as_the_agent(code):
    assert Words("nl").sentence(Refused(code, "said")) == "said"


def test_codes_that_ask_for_the_same_say_the_same():
    words = Words("en")

    assert words.sentence(Refused("path_too_long", "")) == words.sentence(
        Refused("untrusted_issuer", "")
    )


def test_a_sentence_names_what_it_is_about():
    trouble = Trouble("foreign_server", server="https://evil.example")

    assert "https://evil.example" in Words("en").sentence(trouble)


@pytest.mark.parametrize(
    ("asked", "environment", "language"),
    [
        ("", {}, "nl"),
        ("", {"LANG": "en_GB.UTF-8"}, "en"),
        ("", {"LANG": "nl_NL.UTF-8"}, "nl"),
        ("", {"LANG": "fr_FR.UTF-8"}, "nl"),
        ("", {"LANG": "en_GB.UTF-8", "LC_ALL": "nl_NL.UTF-8"}, "nl"),
        ("", {"LANG": "nl_NL.UTF-8", "LC_MESSAGES": "en_US"}, "en"),
        ("", {"LC_ALL": "", "LANG": "en"}, "en"),
        ("nl", {"LANG": "en_GB.UTF-8"}, "nl"),
        ("en", {}, "en"),
    ],
)
def test_the_language_is_the_one_asked_for_or_the_desktops(asked, environment, language):
    assert choose_language(asked, environment) == language
