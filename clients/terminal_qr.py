"""QR codes and codes to type, large enough to be read from a terminal."""

from collections.abc import Sequence

import qrcode

#: Modules of light border that a reader may count on (ISO/IEC 18004 section 9.1).
QUIET_ZONE = 4
_DARK_ON_LIGHT = "\x1b[30;107m"
_PLAIN = "\x1b[0m"
_BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
#: The digits in seven segments: top, upper left, upper right, middle, lower left, lower right,
#: bottom.
_SEGMENTS = (
    *("1110111", "0010010", "1011101", "1011011", "0111010"),
    *("1101011", "1101111", "1010010", "1111111", "1111011"),
)


def draw_link(link: str) -> str:
    """Draw a link as a QR code, with error correction M."""
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M, border=0)
    code.add_data(link)
    code.make()
    return draw_modules(code.get_matrix())


def draw_modules(modules: Sequence[Sequence[bool]]) -> str:
    """Draw in half blocks, dark on light whatever the terminal's theme."""
    side = [False] * QUIET_ZONE
    empty = [[False] * (len(modules) + 2 * QUIET_ZONE)]
    rows = [[*side, *row, *side] for row in modules]
    # A QR code has an odd number of rows, and a line of text is two of them.
    rows = empty * QUIET_ZONE + rows + empty * (QUIET_ZONE + 1)
    lines = (
        "".join(_BLOCKS[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    )
    return "\n".join(_DARK_ON_LIGHT + line + _PLAIN for line in lines)


def big(code: str) -> str:
    """Draw digits five lines high; what is not all digits stays as it is."""
    if not (code.isascii() and code.isdigit()):
        return code
    # Three and three are read aloud more easily than six.
    half = (len(code) + 1) // 2
    drawn = [_digit(int(digit)) for digit in code]
    gap = ["    "] * 5
    columns = [*drawn[:half], gap, *drawn[half:]] if len(drawn) > 1 else drawn
    return "\n".join("  ".join(parts).rstrip() for parts in zip(*columns, strict=True))


def _digit(digit: int) -> list[str]:
    top, left, right, middle, low_left, low_right, bottom = (
        mark == "1" for mark in _SEGMENTS[digit]
    )
    upper, lower = (left, right), (low_left, low_right)
    both = left or low_left, right or low_right
    strokes = (top, upper), (False, upper), (middle, both), (False, lower), (bottom, lower)
    return [_stroke(line, sides) for line, sides in strokes]


def _stroke(line: bool, sides: tuple[bool, bool]) -> str:  # noqa: FBT001 - a mark of a digit.
    """Draw one line: a stroke across, or what passes at its ends."""
    left, right = ("█" if line or side else " " for side in sides)
    return left + ("████" if line else "    ") + right
