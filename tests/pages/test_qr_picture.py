"""The QR code of a page can be read, and holds no style."""

import re

from clients.qr_image import rasterise_svg, read_qr
from pairing_server.pages.qr_picture import qr_picture
from pairing_server.qr.code import PairingCode, modules

LINK = PairingCode("http://localhost:8080", "a" * 22, "b" * 43).link()


def test_the_path_is_the_code():
    drawn = qr_picture(modules(LINK))
    size = drawn.size
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" '
        f'width="{size * 8}" height="{size * 8}"><rect width="{size}" height="{size}" '
        f'fill="#fff"/><path d="{drawn.path}" fill="#000"/></svg>'
    )

    assert read_qr(rasterise_svg(svg)) == LINK


def test_the_path_is_path_data_and_nothing_else():
    assert re.fullmatch(r"(?:M\d+ \d+h\d+v1h-\d+z)+", qr_picture(modules(LINK)).path)


def test_rows_are_drawn_as_runs():
    assert qr_picture([[True, True, False], [False, False, True]]).path == (
        "M0 0h2v1h-2zM2 1h1v1h-1z"
    )
