"""Push services on loopback that speak the real protocols: for the demo and the tests.

Each takes what a real one takes, refuses what it refuses, and does on demand what makes real ones
hard: silence, broken streams, connections that end.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

#: Arrivals that are kept to be shown.
KEPT = 10_000


class Fault(StrEnum):
    """How a service fails without an answer."""

    #: The request is read, and nothing follows.
    SILENCE = "silence"
    #: RST_STREAM; of HTTP/1.1 the connection is reset.
    RESET = "reset"
    #: The connection is closed; of HTTP/2 with GOAWAY, which counts this request as processed.
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answers, whatever it was sent."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Behaviour = Answer | Fault


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request that reached a service.

    Attributes:
        service: `apns`, `fcm` or `webpush`.
        headers: Those of the request, in lower case; the provider's token is not among them.
        body: As the phone gets it, so without what Web Push encrypts it by.
        is_taken: Whether it was accepted, so that the phone wakes.
    """

    service: str
    address: str = field(repr=False)
    headers: Mapping[str, str]
    body: bytes
    is_taken: bool
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(slots=True)
class Journal:
    """What reached a service, and what it is to do.

    Attributes:
        behaviours: By address; to every other address it does what the real one does.
        listener: Is told of each arrival.
    """

    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    arrivals: deque[Arrival] = field(default_factory=lambda: deque(maxlen=KEPT))
    listener: Callable[[Arrival], None] = lambda _: None

    def note(self, arrival: Arrival) -> None:
        """Keep an arrival and tell of it."""
        self.arrivals.append(arrival)
        self.listener(arrival)
