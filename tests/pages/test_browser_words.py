"""A phone shows which browser asks, in words that no browser can choose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.pages.browser_words import UNKNOWN, browser_words

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
FIREFOX = "Firefox, Linux"
SAFARI = "Safari, macOS"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_0)"
CHROMIUM = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (f"{WINDOWS} {CHROMIUM}", "Chrome, Windows"),
        (f"{WINDOWS} {CHROMIUM} Edg/156.0.0.0", "Edge, Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:149.0) Gecko/20100101 Firefox/149.0", FIREFOX),
        (f"{MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1", SAFARI),
        (f"Mozilla/5.0 (Linux; Android 16; Pixel 9) {CHROMIUM}", "Chrome, Android"),
        ("curl/8.0", UNKNOWN),
        ("", UNKNOWN),
    ],
)  # fmt: skip
def test_a_browser_is_told_by_its_name_and_system(user_agent, words):
    assert browser_words(user_agent) == words


@given(st.text())
def test_nothing_that_a_browser_writes_is_shown(user_agent):
    assert set(browser_words(user_agent)) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ, abcdefghijklmnopqrstuvwxyz"
    )
