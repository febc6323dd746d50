"""What a terminal shows is read by a decoder, and from across a desk."""

import pytest

from clients.qr_image import GreyImage, read_qr
from clients.terminal_qr import big, draw_link
from tests.clients.terminal import pixels_of

LINK = "https://login.example/app/#l." + "A" * 22 + ".17." + "b" * 22
SIX = """\
██████
█
██████
█    █
██████"""


def test_a_link_is_scanned_from_the_terminal():
    rows = pixels_of(draw_link(LINK))
    scaled = [[dark for dark in row for _ in range(4)] for row in rows for _ in range(4)]
    pixels = bytes(0 if dark else 255 for row in scaled for dark in row)
    assert read_qr(GreyImage(len(scaled[0]), len(scaled), pixels)) == LINK


def test_a_digit_is_five_lines_high():
    assert big("6") == SIX


def test_each_digit_has_a_picture_of_its_own():
    assert len({big(str(digit)) for digit in range(10)}) == 10


def test_six_digits_stand_three_and_three():
    (top, *_) = big("888888").splitlines()
    assert top.split("        ") == ["██████  ██████  ██████", "██████  ██████  ██████"]


@pytest.mark.parametrize("code", ["", "A-1", "٣", "12 34"])
def test_what_is_not_all_digits_stays_as_it_is(code):
    assert big(code) == code
