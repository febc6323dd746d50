"""What is typed as the number on the phone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.pages.check_number_form import read_check_number


@given(st.integers(0, 9999))
def test_four_digits_are_a_number_with_whatever_spaces(number):
    digits = f"{number:04}"

    assert read_check_number(digits) == digits
    assert read_check_number(f" {digits[:2]} {digits[2:]}\t") == digits


@pytest.mark.parametrize("typed", ["", "123", "12345", "12a4", "١٢٣٤", "-123", "1,23", "0x12"])
def test_nothing_else_is(typed):
    assert read_check_number(typed) is None
