"""The field for the number that stands on the phone."""

import re

from pairing_server.languages import N_
from pairing_server.qr.pairing import CHECK_NUMBER_DIGITS

TYPE_FOUR_DIGITS = N_("Type the four digits that stand on your phone.")

_DIGITS = re.compile(rf"[0-9]{{{CHECK_NUMBER_DIGITS}}}", re.ASCII)


def read_check_number(typed: str) -> str | None:
    """Return the digits that were typed, without spaces; `None` when that is no such number."""
    number = "".join(typed.split())
    return number if _DIGITS.fullmatch(number) else None
