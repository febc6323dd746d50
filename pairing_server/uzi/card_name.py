"""What a card's subjectAltName says: the otherNames of CPS section 7.1.5, tables 8 to 11."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509

from pairing_server.uzi.refusals import (
    DoubledAccountName,
    DoubledCardName,
    MalformedAccountName,
    MalformedCardName,
    MalformedUziNumber,
    MissingCardName,
    WrongCardNameType,
)

#: The Microsoft user principal name.
ACCOUNT_NAME = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")

UTF8_STRING = 0x0C
IA5_STRING = 0x16


# [0-9] and not \d, which also matches digits of other scripts.
_LAYOUT = re.compile(
    r"(?P<oid_ca>[0-2](?:\.(?:0|[1-9][0-9]*))+)"
    r"-1"
    r"-(?P<uzi_number>[^-]*)"
    r"-(?P<card_type>[A-Z])"
    r"-(?P<ura>[0-9]{8})"
    r"-(?P<role_code>[0-9]{2}\.[0-9]{3})"
    r"-(?P<agb_code>[0-9]{8})"
)
_UZI_NUMBER = re.compile(r"[0-9]{9}")
_ACCOUNT_LAYOUT = re.compile(r"(?P<uzi_number>[0-9]{9})@(?P<ura>[0-9]{8})")


@dataclass(frozen=True, slots=True)
class CardName:
    """The otherName 2.5.5.5, field by field (CPS tables 10 and 11)."""

    oid_ca: str
    uzi_number: str
    card_type: str
    ura: str
    role_code: str
    agb_code: str


@dataclass(frozen=True, slots=True)
class AccountName:
    """The Microsoft user principal name (CPS table 8)."""

    uzi_number: str
    ura: str


def read_card_name(other_names: Sequence[x509.OtherName], kind: x509.ObjectIdentifier) -> CardName:
    """Find and read the one card name, wherever it stands among the others.

    Raises:
        MissingCardName: There is none.
        DoubledCardName: There is more than one, even if they are the same.
        WrongCardNameType: It is no IA5String.
        MalformedCardName: Its layout is another.
        MalformedUziNumber: In that layout, the UZI number is not nine digits.
    """
    values = [name.value for name in other_names if name.type_id == kind]
    if not values:
        raise MissingCardName
    if len(values) > 1:
        raise DoubledCardName(len(values))
    try:
        text = der_string(values[0], IA5_STRING).decode("ascii")
    except ValueError as error:
        raise WrongCardNameType(_fault(error)) from error
    layout = _LAYOUT.fullmatch(text)
    if layout is None:
        raise MalformedCardName("layout")
    if not _UZI_NUMBER.fullmatch(layout["uzi_number"]):
        raise MalformedUziNumber
    return CardName(**layout.groupdict())


def read_account_name(other_names: Sequence[x509.OtherName]) -> AccountName | None:
    """Find and read the user principal name; `None` when the certificate has none.

    Raises:
        DoubledAccountName: There is more than one.
        MalformedAccountName: It is no UTF8String of nine digits, an @ and eight digits.
    """
    values = [name.value for name in other_names if name.type_id == ACCOUNT_NAME]
    if not values:
        return None
    if len(values) > 1:
        raise DoubledAccountName(len(values))
    try:
        text = der_string(values[0], UTF8_STRING).decode("utf-8")
    except ValueError as error:
        raise MalformedAccountName(_fault(error)) from error
    layout = _ACCOUNT_LAYOUT.fullmatch(text)
    if layout is None:
        raise MalformedAccountName("layout")
    return AccountName(**layout.groupdict())


def der_string(encoded: bytes, tag: int) -> bytes:
    """Return the contents of exactly one primitive DER string (X.690 sections 8.1 and 10.1).

    Every second spelling is refused: another tag, a long length where a short one does, bytes
    that are missing and bytes that follow.

    Raises:
        ValueError: `encoded` is anything else.
    """
    if len(encoded) < 2 or encoded[0] != tag:  # noqa: PLR2004  (tag and length octet)
        raise ValueError("tag")
    length, header = encoded[1], 2
    if length == 0x81 and len(encoded) > 2:  # noqa: PLR2004  (long form, one octet)
        length, header = encoded[2], 3
        if length < 0x80:  # noqa: PLR2004
            raise ValueError("length is not minimal")
    elif length >= 0x80:  # noqa: PLR2004
        raise ValueError("length is out of range")
    if len(encoded) != header + length:
        raise ValueError("length does not fit")
    return encoded[header:]


def _fault(error: ValueError) -> str:
    """A decoder's message may quote the card."""
    return "encoding" if isinstance(error, UnicodeError) else str(error)
