"""Header blocks of HTTP/2 (HPACK, RFC 7541) that depend on nothing that was sent before.

The `hpack` library looks each header up in a table and packs it by Huffman's code, in Python,
which is a third of what a push costs.  Literals do without both, and without a table on the other
side: what does not change from one request to the next is encoded once and sent as it is.
"""

#: Begins the first block of a connection: the peer keeps no table, and never has to be told of a
#: smaller one (section 4.2).
NO_TABLE = b"\x20"
#: Of the static table (appendix A), whole headers.
POST = b"\x83"
HTTPS = b"\x87"

#: Of the static table, names.
_NAMES = {b":authority": 1, b":path": 4, b"authorization": 23}
_NOT_INDEXED = 0x00
#: Nobody on the way may put it into a table, where its length could be probed (section 7.1.3).
_NEVER_INDEXED = 0x10
_PREFIX = 4
_LENGTH = 7


class Blocks:
    """Stands where `h2` has its encoder, and hands it a block that is made already."""

    def __init__(self) -> None:
        self.next = b""
        #: Of the peer's table, which is set and never used.
        self.header_table_size = 0
        self._opening = NO_TABLE

    def encode(self, headers: object) -> bytes:
        """Return the next block."""
        _ = headers
        opening, self._opening = self._opening, b""
        return opening + self.next


def literal(name: bytes, value: bytes, *, is_secret: bool = False) -> bytes:
    """Encode a header (section 6.2.2, or 6.2.3 for a secret)."""
    kind = _NEVER_INDEXED if is_secret else _NOT_INDEXED
    index = _NAMES.get(name, 0)
    start = _integer(index, _PREFIX, kind)
    if not index:
        start += _string(name)
    return start + _string(value)


def _string(octets: bytes) -> bytes:
    return _integer(len(octets), _LENGTH, 0) + octets


def _integer(number: int, bits: int, start: int) -> bytes:
    """Encode a number behind the first bits of an octet (section 5.1)."""
    most = (1 << bits) - 1
    if number < most:
        return bytes((start | number,))
    octets = bytearray((start | most,))
    number -= most
    while number >= 0x80:  # noqa: PLR2004  (seven bits an octet)
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)
