"""The pairing QR code: a link whose secret rides in the fragment, so that no log ever holds it."""

import io
import re
from dataclasses import dataclass

import qrcode
from qrcode.constants import ERROR_CORRECT_M
from qrcode.image.svg import SvgPathImage

_LINK = re.compile(
    r"(?P<base_url>https?://[^/#?\s]+)/app/#p\.(?P<id>[\w-]{22})\.(?P<secret>[\w-]{43})", re.ASCII
)
#: Drawing tries eight masks to find the easiest to scan (ISO/IEC 18004 section 7.8.3), at 15 ms of
#: CPU; any mask may be scanned, and a link of ours is never one of the few that need the choice.
MASK = 4


@dataclass(frozen=True, slots=True)
class PairingCode:
    """What the QR code says."""

    base_url: str
    pairing_id: str
    secret: str

    def link(self) -> str:
        """Return the link that the QR code carries (design section 5)."""
        return f"{self.base_url}/app/#p.{self.pairing_id}.{self.secret}"


def parse(link: str) -> PairingCode:
    """Read a pairing link.

    Raises:
        ValueError: it is not one.
    """
    match = _LINK.fullmatch(link)
    if match is None:
        raise ValueError("not a pairing link")
    return PairingCode(match["base_url"], match["id"], match["secret"])


def modules(link: str) -> list[list[bool]]:
    """Return the QR code's modules row by row, dark ones `True`, with the quiet zone of 4."""
    return _draw(link).get_matrix()  # type: ignore[no-any-return]


def svg(link: str) -> str:
    """Draw the QR code as an SVG image, dark on white whatever the page behind it."""
    image = _draw(link).make_image(image_factory=_DarkOnWhite)
    buffer = io.BytesIO()
    image.save(buffer)
    return buffer.getvalue().decode()


class _DarkOnWhite(SvgPathImage):  # type: ignore[misc]
    background = "white"


def _draw(link: str) -> qrcode.QRCode:
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, mask_pattern=MASK)
    code.add_data(link)
    code.make(fit=True)
    return code
