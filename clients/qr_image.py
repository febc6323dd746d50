"""QR codes as pixels: rasterise an SVG, read the code from the pixels, show it in a terminal."""

import struct
import zlib
from dataclasses import dataclass
from itertools import count
from typing import Any

import resvg_py
import zxingcpp

from clients.terminal_qr import draw_modules

_PIXELS_WIDE = 384
_CSS_DPI = 96
_QR_CODES = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: Bytes of a pixel by colour type: RGB, and RGB with alpha.
_CHANNELS = {2: 3, 6: 4}
_DEPTH = 8
_NONE, _UP = 0, 2


class UnreadableImage(Exception):  # noqa: N818 - named after what was handed in.
    """No image, or not exactly one QR code in it."""


@dataclass(frozen=True, slots=True)
class GreyImage:
    """Pixels row by row, one byte each, 0 black."""

    width: int
    height: int
    pixels: bytes


def rasterise_svg(svg: str) -> GreyImage:
    """Render an SVG on white as a browser would, into grey pixels.

    Raises:
        UnreadableImage: not an SVG.
    """
    try:
        png = resvg_py.svg_to_bytes(
            svg_string=svg,
            width=_PIXELS_WIDE,
            dpi=_CSS_DPI,
            background="#ffffff",
            skip_system_fonts=True,
        )
    except ValueError as error:
        raise UnreadableImage("not an SVG") from error
    return read_png(bytes(png))


def read_qr(image: GreyImage) -> str:
    """Read the one QR code in an image from its pixels.

    Raises:
        UnreadableImage: none, or more than one.
    """
    return _read(image).text


def terminal_qr(image: GreyImage) -> str:
    """Draw the QR code in half blocks, dark on light whatever the terminal's theme.

    Raises:
        UnreadableImage: none, or more than one.
    """
    # A buffer, though not in its type stub: one byte a module, as it was read.
    symbol: Any = _read(image).to_image(add_quiet_zones=False)
    modules: Any = memoryview(symbol).tolist()
    return draw_modules([[module == 0 for module in row] for row in modules])


def _read(image: GreyImage) -> zxingcpp.Barcode:
    view = memoryview(image.pixels).cast("B", (image.height, image.width))
    found = zxingcpp.read_barcodes(view, formats=_QR_CODES)
    if len(found) != 1:
        raise UnreadableImage(f"{len(found)} QR codes in the image")
    return found[0]


def read_png(png: bytes) -> GreyImage:
    """Decode what resvg and browsers write: 8-bit RGB or RGBA, not interlaced.

    As PNG third edition, section 9, but for the checksums.  Transparency is left out: what is
    drawn on a background has none.

    Raises:
        UnreadableImage: another form of PNG, or none.
    """
    if not png.startswith(_SIGNATURE):
        raise UnreadableImage("not a PNG")
    try:
        image = _decode(png)
    except (struct.error, zlib.error, LookupError, ValueError) as error:
        raise UnreadableImage("not a whole PNG") from error
    if not image.pixels:
        raise UnreadableImage("not a whole PNG")
    return image


def _decode(png: bytes) -> GreyImage:
    data, width, height, channels, place = b"", 0, 0, 0, len(_SIGNATURE)
    while place < len(png):
        length, kind = struct.unpack_from(">I4s", png, place)
        body = png[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", body)
            channels = _CHANNELS.get(colour, 0)
            if depth != _DEPTH or not channels or any(rest):
                raise UnreadableImage("not an 8-bit RGB or RGBA image")
        data += body if kind == b"IDAT" else b""
        place += 12 + length
    raw, stride = zlib.decompress(data), channels * width
    row, grey, pixels = bytes(stride), bytes(width), bytearray()
    for start in range(0, height * (stride + 1), stride + 1):
        above = row
        row = _unfilter(raw[start], raw[start + 1 : start + 1 + stride], above, channels)
        grey = grey if row == above else _grey(row, channels)
        pixels += grey
    return GreyImage(width, height, bytes(pixels))


def _grey(row: bytes, channels: int) -> bytes:
    """Weigh the colours to luma by Rec. 601, in 256ths."""
    planes = (row[channel::channels] for channel in range(3))
    return bytes(
        (77 * red + 150 * green + 29 * blue) >> 8 for red, green, blue in zip(*planes, strict=True)
    )


def _unfilter(kind: int, line: bytes, above: bytes, channels: int) -> bytes:
    # The first two are most of a screenshot, and a loop over its bytes would take seconds.
    if kind == _NONE:
        return line
    if kind == _UP:
        return bytes((byte + up) & 0xFF for byte, up in zip(line, above, strict=True))
    predict = _PREDICTORS[kind]
    row = bytearray(channels) + line
    corner = bytes(channels) + above
    for place, up, upper_left in zip(count(channels), above, corner, strict=False):
        row[place] = (row[place] + predict(row[place - channels], up, upper_left)) & 0xFF
    return bytes(row[channels:])


def _paeth(left: int, up: int, upper_left: int) -> int:
    guess = left + up - upper_left
    from_left, from_up, from_corner = abs(guess - left), abs(guess - up), abs(guess - upper_left)
    if from_left <= from_up and from_left <= from_corner:
        return left
    return up if from_up <= from_corner else upper_left


#: The other filter types by number (PNG third edition, section 9.2).
_PREDICTORS = {
    1: lambda left, _up, _upper_left: left,
    3: lambda left, up, _upper_left: (left + up) // 2,
    4: _paeth,
}
