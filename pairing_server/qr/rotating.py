"""The rotating login QR code: a link that is another one each second (design section 7).

A frame is `<base URL>/app/#l.<handle>.<t>.<mac>`: `t` is the whole seconds since the handle was
made, `mac` the first 16 bytes of an HMAC whose key never leaves the server.  A photograph of it is
dead before it can be used; whoever relays it live is not stopped by that.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from pairing_server.tokens import b64url, b64url_decode

CONTEXT = "pairing_server/login-qr/v1\n"
#: How long a frame is the current one.
FRAME = timedelta(seconds=1)
#: How many frames before the current one are accepted: a camera and a network are not instant.
FRAMES_BEFORE = 3
#: HMAC-SHA-256-128 (RFC 4868 section 2.3): a guess has to be right at the first of few attempts.
MAC_BYTES = 16

_LINK = re.compile(
    r"(?P<base_url>https?://[^/#?\s]+)/app/#l"
    r"\.(?P<handle>[A-Za-z0-9_-]{22})\.(?P<t>0|[1-9][0-9]{0,3})\.(?P<mac>[A-Za-z0-9_-]{22})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What one QR code says."""

    base_url: str
    handle: str
    t: int
    mac: bytes

    def link(self) -> str:
        """Return the link that the QR code carries."""
        return f"{self.base_url}/app/#l.{self.handle}.{self.t}.{b64url(self.mac)}"


def frame_at(made_at: datetime, now: datetime) -> int:
    """Return the number `t` of the frame that is the current one."""
    return (now - made_at) // FRAME


def make(base_url: str, handle: str, t: int, key: bytes) -> Frame:
    """Make a frame."""
    return Frame(base_url, handle, t, _mac(handle, t, key))


def parse(link: str) -> Frame:
    """Read a link; each frame has exactly one spelling.

    Raises:
        ValueError: it is not that of a login.
    """
    match = _LINK.fullmatch(link)
    if match is None:
        raise ValueError("not a login link")
    return Frame(match["base_url"], match["handle"], int(match["t"]), b64url_decode(match["mac"]))


def is_genuine(frame: Frame, key: bytes) -> bool:
    """Tell whether the server made this frame, in constant time."""
    return hmac.compare_digest(frame.mac, _mac(frame.handle, frame.t, key))


def is_current(frame: Frame, made_at: datetime, now: datetime) -> bool:
    """Tell whether a genuine frame can just have been seen."""
    return 0 <= frame_at(made_at, now) - frame.t <= FRAMES_BEFORE


def _mac(handle: str, t: int, key: bytes) -> bytes:
    message = f"{CONTEXT}{handle}\n{t}".encode()
    return hmac.digest(key, message, hashlib.sha256)[:MAC_BYTES]
