"""Rules of a user code: what a person types who cannot scan (RFC 8628 section 6.1)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pairing_server.approvals.refusals import TooManyUserCodes
from pairing_server.tokens import Random

#: No vowels, so no words; no digits, so no keyboard to change; nothing that looks alike.
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
#: 34 bits, of which a person tries as many as `TRIES` say: section 5.1.
LENGTH = 8
MAX_TYPED_CHARACTERS = 40
#: How many codes one person may try that open nothing, within `WINDOW`.
TRIES = 10
WINDOW = timedelta(minutes=10)

#: The largest multiple of the alphabet's length in a byte: above it, some letters came more often.
_FAIR = 256 // len(ALPHABET) * len(ALPHABET)


@dataclass(frozen=True, slots=True)
class Tries:
    """How many codes a person has tried since `began_at` that opened nothing."""

    count: int
    began_at: datetime


def draw(random: Random) -> str:
    """Draw a code."""
    letters = ""
    while len(letters) < LENGTH:
        letters += "".join(ALPHABET[byte % len(ALPHABET)] for byte in random(16) if byte < _FAIR)
    return letters[:LENGTH]


def shown(code: str) -> str:
    """Return a code as it is shown: `WDJB-MJHT`."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


def read(typed: str) -> str:
    """Read what a person typed, in capitals or not and with whatever between the letters.

    Raises:
        ValueError: it is no code.
    """
    letters = "".join(letter for letter in typed.upper() if letter.isalnum())
    if len(letters) != LENGTH or not set(letters) <= set(ALPHABET):
        raise ValueError("not a user code")
    return letters


def count(tries: Tries | None, now: datetime) -> Tries:
    """Count a try, before it is known whether it opens anything.

    Raises:
        TooManyUserCodes: as many were tried as may be.
    """
    if tries is None or now >= tries.began_at + WINDOW:
        return Tries(1, now)
    if tries.count >= TRIES:
        raise TooManyUserCodes
    return replace(tries, count=tries.count + 1)


def give_back(tries: Tries) -> Tries:
    """Take back a try that opened something."""
    return replace(tries, count=max(0, tries.count - 1))
