"""What can be told of the phone web app without running it."""

import hashlib
import json
import re
import struct

import pytest

from tests.documents import ROOT

FOLDER = ROOT / "clients" / "phone_web"
SCRIPTS = sorted((FOLDER / "app").rglob("*.js"))
CODE = {
    path.relative_to(FOLDER).as_posix(): path.read_text()
    for path in SCRIPTS
    if path.parent.name != "words"
}
LANGUAGES = ("nl", "en")
#: What would put data into markup, run it, keep it where it lies open, or call another server.
FORBIDDEN = (
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "DOMParser",
    "eval(",
    "new Function",
    ".style.",
    '"style"',
    "localStorage",
    "sessionStorage",
    "document.cookie",
    "console.",
    "http://",
    "https://",
    "location.search",
    "URLSearchParams",
    "Date.now",
)


def words(language):
    text = (FOLDER / "app" / "words" / f"{language}.js").read_text()
    return json.loads(text.removeprefix("export default ").rstrip().removesuffix(";"))


def placeholders(said):
    texts = said.values() if isinstance(said, dict) else [said]
    return {name for text in texts for name in re.findall(r"\{(\w+)\}", text)}


def test_both_languages_say_the_same_things():
    dutch, english = (words(language) for language in LANGUAGES)

    assert list(dutch) == list(english)
    for key in dutch:
        assert type(dutch[key]) is type(english[key]), key
        assert placeholders(dutch[key]) == placeholders(english[key]), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_is_empty_and_plurals_have_both_forms(language):
    for key, said in words(language).items():
        if isinstance(said, dict):
            assert set(said) == {"one", "other"}, key
        for text in said.values() if isinstance(said, dict) else [said]:
            assert text.strip() == text != "", key


def test_all_words_are_used():
    code = "\n".join(CODE.values())
    used = set(re.findall(r'"([a-z_]+)"', code))
    # A few are put together from a word and what follows it.
    used |= {f"{key}_text" for key in used}

    assert [key for key in words("en") if key not in used] == []


def test_all_words_that_are_used_are_there():
    known = words("en")
    for name, text in CODE.items():
        for key in re.findall(r'\bt\("(\w+)"', text):
            assert key in known, (name, key)


@pytest.mark.parametrize("name", CODE)
def test_scripts_write_no_markup_and_call_nobody_else(name):
    text = re.sub(r'/\^\(https.*/;|"http://www\.w3\.org/2000/svg"', "", CODE[name])
    for word in FORBIDDEN:
        assert word not in text


@pytest.mark.parametrize("name", CODE)
def test_scripts_import_what_is_there(name):
    for path in re.findall(r'from "(\.[^"]+)"', CODE[name]):
        assert (FOLDER / name).parent.joinpath(path).is_file(), path


def test_all_scripts_are_imported():
    imported = {
        (FOLDER / name).parent.joinpath(path).resolve()
        for name, text in CODE.items()
        for path in re.findall(r'from "(\.[^"]+)"', text)
    }
    roots = {FOLDER / "app" / "main.js"}

    assert [path for path in SCRIPTS if path not in imported | roots] == []


def test_no_script_is_too_long_to_read_at_once():
    lengths = {name: text.count("\n") for name, text in CODE.items()}

    assert {name: lines for name, lines in lengths.items() if lines > 300} == {}


def test_the_style_fetches_nothing():
    style = (FOLDER / "style.css").read_text()

    assert "url(" not in style
    assert "@import" not in style


def test_the_shell_has_nothing_in_line():
    shell = (FOLDER / "index.html").read_text()

    assert re.findall(r"<script(?![^>]*\bsrc=)", shell) == []
    assert "<style" not in shell
    assert "style=" not in shell
    assert re.findall(r"\son\w+=", shell) == []


def test_what_the_app_was_opened_with_is_taken_off_the_address_first():
    shell = (FOLDER / "index.html").read_text()
    address = CODE["app/address.js"]

    first = '<script type="module" src="/app/%VERSION%/app/address.js"'
    assert shell.index("<script") == shell.index(first)
    assert "import " not in address
    assert "history.replaceState" in address


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_manifest_installs_this_app_with_icons_that_are_there(language):
    manifest = json.loads((FOLDER / f"{language}.webmanifest").read_text())

    assert (manifest["id"], manifest["start_url"], manifest["scope"]) == ("/app/",) * 3
    assert manifest["lang"] == language
    assert {icon.get("purpose", "any") for icon in manifest["icons"]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        assert (FOLDER / icon["src"]).is_file()


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("icon-192.png", 192),
        ("icon-512.png", 512),
        ("maskable-512.png", 512),
        ("apple-touch-icon.png", 180),
        ("badge-96.png", 96),
    ],
)
def test_icons_are_as_large_as_they_say(name, side):
    head = (FOLDER / "icons" / name).read_bytes()[:24]

    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:]) == (side, side)


def test_what_others_wrote_is_what_was_taken_from_its_package():
    folder = FOLDER / "vendor" / "zxing-wasm"
    listed = dict(
        line.split("  ")[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines()
    )
    there = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }

    assert there == listed


def test_what_others_wrote_is_fetched_from_nobody_else():
    for path in (FOLDER / "vendor").rglob("*.js"):
        assert "https://" not in path.read_text()
