"""The first frame of a login page, drawn here so that it is there at once, also without scripts.

The frames that follow the browser draws itself: a thousand open pages would cost this server three
cores, and each page next to nothing.
"""

import asyncio

from pairing_server.pages.qr_picture import QrPicture, qr_picture
from pairing_server.qr import code


async def draw(link: str) -> QrPicture:
    """Draw what a frame says."""
    return qr_picture(await asyncio.to_thread(code.modules, link))
