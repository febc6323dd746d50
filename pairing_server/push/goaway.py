"""GOAWAY (RFC 9113 section 6.8), taken out of what an HTTP/2 peer sends before `h2` reads it.

`h2` 4.4 counts a connection as closed once it has read one, and raises on the answers that still
come (python-hyper/h2 issue 1181); they are what a graceful shutdown is for.
"""

import json
from dataclasses import dataclass

#: SETTINGS_MAX_FRAME_SIZE as nobody has changed it (RFC 9113 section 6.5.2).
MOST_OF_FRAME = 16_384
_HEADER = 9
_GOAWAY = 0x7
_NUMBERS = 8
#: Debug data that anybody needs; a longer frame is read to its end and cut.
_LONGEST = 1024


@dataclass(frozen=True, slots=True)
class GoAway:
    """The peer takes no new streams.

    Attributes:
        last_stream_id: It has not touched, and will not, a stream with a higher number.
        reason: Apple's word for it, if any: "IdleTimeout" for example.
    """

    last_stream_id: int
    error_code: int
    reason: str


class Strainer:
    """Goes through octets as they come, in whatever pieces.

    A frame longer than we let the peer send ends the connection before its octets are waited for:
    what speaks no HTTP/2 begins with one.
    """

    def __init__(self) -> None:
        self._head = bytearray()
        #: Octets of the frame that are still to come.
        self._rest = 0
        self._goaway: bytearray | None = None

    def strain(self, data: bytes) -> tuple[bytes, list[GoAway]]:
        """Return what is left to `h2`, and the GOAWAY frames that were in it.

        Raises:
            ValueError: A frame is too long.
        """
        kept: list[bytes | bytearray] = []
        found: list[GoAway] = []
        at = 0
        while at < len(data):
            if self._rest:
                piece = data[at : at + self._rest]
                self._rest -= len(piece)
                at += len(piece)
                kept += self._pass(piece)
            else:
                missing = _HEADER - len(self._head)
                self._head += data[at : at + missing]
                at += missing
                if len(self._head) == _HEADER:
                    kept += self._begin()
            if self._goaway is not None and not self._rest:
                found.append(_read(bytes(self._goaway)))
                self._goaway = None
        return b"".join(kept), found

    def _begin(self) -> list[bytes]:
        head, self._head = bytes(self._head), bytearray()
        self._rest = int.from_bytes(head[:3])
        if self._rest > MOST_OF_FRAME:
            raise ValueError("frame too long")
        if head[3] != _GOAWAY:
            return [head]
        self._goaway = bytearray()
        return []

    def _pass(self, piece: bytes) -> list[bytes]:
        if self._goaway is None:
            return [piece]
        self._goaway += piece[: _LONGEST - len(self._goaway)]
        return []


def _read(payload: bytes) -> GoAway:
    last = int.from_bytes(payload[:4]) & 0x7FFFFFFF
    return GoAway(last, int.from_bytes(payload[4:_NUMBERS]), _reason(payload[_NUMBERS:]))


def _reason(debug: bytes) -> str:
    """Read Apple's JSON; anybody may write anything there."""
    try:
        said = json.loads(debug)
    except (ValueError, RecursionError):
        return ""
    reason = said.get("reason") if isinstance(said, dict) else None
    return reason if isinstance(reason, str) else ""
