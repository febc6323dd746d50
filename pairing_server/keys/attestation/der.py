"""DER, element by element, for the extensions that no library of ours has a form for.

A form that lists every field refuses what next year's phones add; this passes over what nobody
asks for.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from asn1crypto import parser

#: Class and number of the universal tags that are asked for (X.680 section 8.4).
BOOLEAN, INTEGER, OCTET_STRING, ENUMERATED, SEQUENCE, SET = (
    (0, number) for number in (1, 2, 4, 10, 16, 17)
)
CONTEXT = 2
#: Far more than any integer that is asked for.
_MAX_INTEGER_BYTES = 8


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its tag as class and number, and what stands in it."""

    tag: tuple[int, int]
    contents: bytes


def elements(data: bytes) -> Iterator[Element]:
    """Read elements that follow one another.

    Raises:
        ValueError: they end early.
    """
    while data:
        try:
            tag_class, _, number, header, contents, trailer = parser.parse(data)
        except ValueError as error:
            raise ValueError("DER ends early") from error
        yield Element((tag_class, number), contents)
        data = data[len(header) + len(contents) + len(trailer) :]


def only(data: bytes, tag: tuple[int, int]) -> bytes:
    """Return what stands in the one element that there is.

    Raises:
        ValueError: there is another, or more than one.
    """
    found = list(elements(data))
    if [element.tag for element in found] != [tag]:
        raise ValueError("DER of another form")
    return found[0].contents


def integer(contents: bytes) -> int:
    """Return the value of an INTEGER or ENUMERATED.

    Raises:
        ValueError: it is empty, or longer than any that is asked for.
    """
    if not 0 < len(contents) <= _MAX_INTEGER_BYTES:
        raise ValueError("DER integer of another size")
    return int.from_bytes(contents, signed=True)
