"""What a browser keeps for the login page is ours, of its kind, and as it was given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.oidc.sealed_cookie import opened, seal

SECRET = b"s" * 32


def test_what_was_sealed_opens_as_what_it_is():
    sealed = seal(SECRET, "workstation", "browser:a.b")

    assert opened(SECRET, "workstation", sealed) == "browser:a.b"
    assert opened(SECRET, "remembered", sealed) is None
    assert opened(b"t" * 32, "workstation", sealed) is None


@pytest.mark.parametrize("text", [None, "", ".", "a", "a.", ".b", "a.b", "a.\u00e9", "\ud800.x"])
def test_what_was_not_does_not(text):
    assert opened(SECRET, "workstation", text) is None


@given(st.text(), st.integers(0, 60))
def test_not_a_letter_of_it_can_be_changed(value, place):
    sealed = seal(SECRET, "k", value)
    place %= len(sealed)
    other = sealed[:place] + chr((ord(sealed[place]) + 1) % 0xD800) + sealed[place + 1 :]

    assert opened(SECRET, "k", other) is None
