"""A name that people read to tell phones apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.pages.device_name_form import read_device_name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Dienst 2", "Dienst 2"),
        ("  Dienst   2 ", "Dienst 2"),
        ("Telefoon van Zoë ☎", "Telefoon van Zoë ☎"),
        ("x" * 40, "x" * 40),
        ("", None),
        ("   ", None),
        ("x" * 41, None),
        ("a\u202eb", None),
        ("a\x00b", None),
        ("a\x7fb", None),
    ],
)
def test_what_can_be_shown_is_a_name(typed, name):
    assert read_device_name(typed) == name


@given(st.text())
def test_whatever_is_typed_is_a_name_on_one_line_or_none(typed):
    name = read_device_name(typed)

    assert name is None or (0 < len(name) <= 40 and name == " ".join(name.split()))
