"""QR codes are read from rendered pixels, and shown in a terminal so that they scan."""

import struct
import zlib

import pytest
import qrcode
from qrcode.image.svg import SvgFillImage, SvgImage, SvgPathImage

from clients.qr_image import (
    GreyImage,
    UnreadableImage,
    rasterise_svg,
    read_png,
    read_qr,
    terminal_qr,
)
from tests.clients.terminal import pixels_of

LINK = "https://zorg.example/app/#p." + "A" * 22 + "." + "b" * 43


def drawn(factory=SvgPathImage, **options):
    code = qrcode.QRCode(**options)
    code.add_data(LINK)
    code.make()
    return code, code.make_image(image_factory=factory).to_string().decode()


@pytest.mark.parametrize("factory", [SvgPathImage, SvgImage, SvgFillImage])
def test_a_code_is_read_from_the_pixels_of_an_svg(factory):
    assert read_qr(rasterise_svg(drawn(factory)[1])) == LINK


def test_colours_and_gradients_become_grey():
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="384" height="2"><defs>'
        '<linearGradient id="g"><stop offset="0"/><stop offset="1" stop-color="#fff"/>'
        '</linearGradient></defs><rect width="384" height="1" fill="url(#g)"/>'
        '<rect y="1" width="384" height="1" fill="#ff0000"/></svg>'
    )
    image = rasterise_svg(svg)
    assert (image.width, image.height) == (384, 2)
    assert list(image.pixels[:384]) == sorted(image.pixels[:384])
    assert set(image.pixels[384:]) == {76}


@pytest.mark.parametrize("svg", ["", "no svg", "<svg"])
def test_what_is_no_svg_is_refused(svg):
    with pytest.raises(UnreadableImage):
        rasterise_svg(svg)


def test_an_image_without_a_code_is_refused():
    white = GreyImage(100, 100, b"\xff" * 10_000)
    with pytest.raises(UnreadableImage, match="0 QR codes"):
        read_qr(white)
    with pytest.raises(UnreadableImage):
        terminal_qr(white)


@pytest.mark.parametrize("border", [0, 1, 4, 10])
def test_the_terminal_shows_the_same_modules(border):
    code, svg = drawn(border=border)
    shown = pixels_of(terminal_qr(rasterise_svg(svg)))
    code.border = 4
    assert shown[: len(code.get_matrix())] == code.get_matrix()


def test_what_the_terminal_shows_scans():
    rows = pixels_of(terminal_qr(rasterise_svg(drawn()[1])))
    scaled = [[dark for dark in row for _ in range(4)] for row in rows for _ in range(4)]
    pixels = bytes(0 if dark else 255 for row in scaled for dark in row)
    assert read_qr(GreyImage(len(scaled[0]), len(scaled), pixels)) == LINK


def test_two_codes_in_one_image_are_refused():
    image = rasterise_svg(drawn()[1])
    with pytest.raises(UnreadableImage, match="2 QR codes"):
        read_qr(GreyImage(image.width, 2 * image.height, image.pixels * 2))


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (6, 4)])
@pytest.mark.parametrize("kind", range(5))
def test_every_filter_of_a_png_is_undone(kind, colour, channels):
    length = 2 * channels
    lines = [bytes(range(0, 256, 32))[:length], bytes(range(7, 255, 31))[:length]]
    filtered, above = b"", bytes(length)
    for line in lines:
        filtered += bytes([kind]) + bytes(
            (line[i] - predicted(kind, *around(line, above, i, channels))) % 256
            for i in range(length)
        )
        above = line
    image = read_png(png(8, colour, filtered))
    expected = [(77 * r + 150 * g + 29 * b) >> 8 for r, g, b in colours(lines, channels)]
    assert list(image.pixels) == expected


@pytest.mark.parametrize(("depth", "colour"), [(8, 0), (8, 3), (16, 2), (8, 4)])
def test_another_form_of_png_is_refused(depth, colour):
    with pytest.raises(UnreadableImage, match="RGBA"):
        read_png(png(depth, colour, bytes(12)))


def test_what_is_no_png_is_refused():
    with pytest.raises(UnreadableImage, match="not a PNG"):
        read_png(b"\xff\xd8\xff\xe0")


def around(line, above, place, channels):
    left, corner = (each[place - channels] if place >= channels else 0 for each in (line, above))
    return left, above[place], corner


def predicted(kind, left, up, corner):
    """PNG third edition, sections 9.2 to 9.4, in the specification's own words."""
    p = left + up - corner
    pa, pb, pc = abs(p - left), abs(p - up), abs(p - corner)
    nearest = left if pa <= pb and pa <= pc else up if pb <= pc else corner
    return (0, left, up, (left + up) // 2, nearest)[kind]


def colours(lines, channels):
    return [(line[i], line[i + 1], line[i + 2]) for line in lines for i in (0, channels)]


def png(depth, colour, raw):
    def chunk(kind, body):
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", 2, 2, depth, colour, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)
