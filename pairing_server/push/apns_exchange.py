"""A request to APNs on its way: waiting, on a stream, or answered."""

from asyncio import Future
from dataclasses import dataclass, field

from pairing_server.push.apns_answers import MOST_OF_BODY, Reply


class NotProcessedError(Exception):
    """APNs has not looked at the request and never will: it can be sent again (RFC 9113 8.7)."""


@dataclass(slots=True, eq=False)
class Exchange:
    """One request and what has come of it.

    Attributes:
        block: The request's headers, as they are sent.
        unsent: What of the body the peer's window has not yet let through.
        answer: Is set once; whoever waits may give up before.
    """

    block: bytes = field(repr=False)
    unsent: bytes = field(repr=False)
    answer: Future[Reply] = field(repr=False)
    status: int = 0
    received: dict[str, str] = field(default_factory=dict, repr=False)
    body: bytearray = field(default_factory=bytearray, repr=False)

    def begin_answer(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Keep an answer's headers."""
        for name, value in headers:
            if name == b":status":
                self.status = int(value)
            else:
                self.received[name.decode("latin-1").title()] = value.decode("latin-1")

    def add(self, data: bytes) -> None:
        """Keep a piece of an answer's body, up to what any answer of Apple's has."""
        self.body += data[: MOST_OF_BODY - len(self.body)]

    def end_answer(self) -> None:
        """Let whoever waits have the answer."""
        if not self.answer.done():
            self.answer.set_result(Reply(self.status, self.received, bytes(self.body)))

    def fail(self, error: Exception) -> None:
        """Let whoever waits have an error."""
        if not self.answer.done():
            self.answer.set_exception(error)
