"""Rules of a circuit breaker: a service that does not answer is left alone for a while."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

#: Failures in a row that open it.  One is no sign of anything, and each one takes its deadline.
FAILURES_TO_OPEN = 5
#: For how long it stays open, doubling from one failed trial to the next.
OPEN_FOR = timedelta(seconds=5)
LONGEST_OPEN = timedelta(minutes=1)


class State(StrEnum):
    """Whether sends are let through."""

    CLOSED = "closed"
    OPEN = "open"
    #: One is, to see whether the service answers again.
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of a service.

    Attributes:
        failures: In a row.
        openings: How often it opened since the service last answered.
        open_until: Nothing is let through before; `None` while it is closed.
        is_trying: One send is under way to see whether the service answers again.
    """

    failures: int = 0
    openings: int = 0
    open_until: datetime | None = None
    is_trying: bool = False


def state_at(breaker: Breaker, now: datetime) -> State:
    """Return the state; time alone half-opens it."""
    if breaker.open_until is None:
        return State.CLOSED
    return State.OPEN if now < breaker.open_until else State.HALF_OPEN


def admit(breaker: Breaker, now: datetime) -> Breaker | None:
    """Let a send through, or `None`.  Each that is let through is told of by its end."""
    match state_at(breaker, now):
        case State.CLOSED:
            return breaker
        case State.OPEN:
            return None
        case State.HALF_OPEN:
            return None if breaker.is_trying else replace(breaker, is_trying=True)


def answered(_: Breaker) -> Breaker:
    """Close it: the service answered, be it with a no."""
    return Breaker()


def failed(breaker: Breaker, now: datetime) -> Breaker:
    """Count a send that the service did not answer, or only to say that it cannot."""
    match state_at(breaker, now):
        case State.CLOSED:
            counted = replace(breaker, failures=breaker.failures + 1)
            return counted if counted.failures < FAILURES_TO_OPEN else _opened(counted, now)
        case State.OPEN:
            # One that was let through before: it says nothing new.
            return breaker
        case State.HALF_OPEN:
            return _opened(breaker, now)


def given_up(breaker: Breaker) -> Breaker:
    """Take note that a send ended before the service said anything; another may try."""
    return replace(breaker, is_trying=False)


def _opened(breaker: Breaker, now: datetime) -> Breaker:
    # Two to the sixteenth is a day already: no number that grows for ever.
    longer = OPEN_FOR * 2 ** min(breaker.openings, 16)
    return Breaker(
        failures=breaker.failures,
        openings=breaker.openings + 1,
        open_until=now + min(longer, LONGEST_OPEN),
    )
