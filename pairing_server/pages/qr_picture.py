"""A QR code as the one path of an inline SVG, without a style of its own."""

from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True, slots=True)
class QrPicture:
    """What a template draws.

    Attributes:
        size: Modules to a side, with the quiet zone of 4 (ISO/IEC 18004 section 6.3.8).
        path: The dark modules, as SVG path data.
    """

    size: int
    path: str


def qr_picture(modules: list[list[bool]]) -> QrPicture:
    """Draw rows of modules, dark ones `True`, with the quiet zone."""
    runs = []
    for y, row in enumerate(modules):
        x = 0
        for is_dark, group in groupby(row):
            length = len(list(group))
            if is_dark:
                runs.append(f"M{x} {y}h{length}v1h-{length}z")
            x += length
    return QrPicture(len(modules), "".join(runs))
