"""Identifiers, secrets and their digests: opaque random strings in base64url without padding."""

import binascii
import hashlib
from collections.abc import Callable

#: Draws that many random bytes.  Passed in, so that rules stay pure.
Random = Callable[[int], bytes]

ID_BYTES = 16
#: One draw in 64 begins with a hyphen: that all do is no chance.
_DRAWS = 32
SECRET_BYTES = 32
_TO_URL, _FROM_URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")


class RepeatedDrawError(Exception):
    """What draws random bytes draws the same ones again and again."""


def new_id(random: Random) -> str:
    """Draw a 128-bit identifier that no command takes for an option of its own.

    Raises:
        RepeatedDrawError: each draw began with a hyphen, as by chance none ever will.
    """
    for _ in range(_DRAWS):
        if not (drawn := b64url(random(ID_BYTES))).startswith("-"):
            return drawn
    raise RepeatedDrawError


def new_secret(random: Random) -> str:
    """Draw a 256-bit secret."""
    return b64url(random(SECRET_BYTES))


def b64url(data: bytes) -> str:
    """Encode as base64url without padding (RFC 4648 section 5)."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=").decode()


def b64url_decode(text: str) -> bytes:
    """Decode base64url without padding, refusing every second spelling of the same bytes.

    Raises:
        ValueError: `text` is not the one canonical encoding of some bytes.
    """
    try:
        padded = (text + "=" * (-len(text) % 4)).encode("ascii").translate(_FROM_URL)
        data = binascii.a2b_base64(padded, strict_mode=True)
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("not base64url") from error
    # The decoder drops trailing bits; without this check one token would have several spellings.
    if b64url(data) != text:
        raise ValueError("not canonical base64url")
    return data


def digest(text: str) -> str:
    """Return the base64url SHA-256 of a token, which is all that is kept of it.

    Two texts never share one for how they are encoded, also texts that are no Unicode: a byte
    above 127 in a header becomes a lone surrogate.
    """
    return b64url(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())


def mark(text: str) -> str:
    """Return eight characters by which a log can speak of an identifier without telling it."""
    return digest(text)[:8]


def draw_digits(random: Random, count: int) -> str:
    """Draw a code of decimal digits, as people type it."""
    # Eight random bytes leave a bias under 10^-11 for up to eight digits.
    return str(int.from_bytes(random(8)) % 10**count).zfill(count)
