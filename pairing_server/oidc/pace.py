"""Rules of polling: how often a client may ask (CIBA Core section 11, `slow_down`)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

#: CIBA Core section 7.3: five seconds where the server says nothing else.
INTERVAL = timedelta(seconds=5)
SLOWER_BY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a client may poll for one request, and when it may do so next."""

    interval_seconds: int
    not_before: datetime


def first(now: datetime) -> Pace:
    """Return the pace after the first poll."""
    return Pace(int(INTERVAL.total_seconds()), now + INTERVAL)


def poll(pace: Pace, now: datetime) -> tuple[Pace, bool]:
    """Take a poll that was not held: the pace from now on, and whether it came too soon."""
    too_soon = now < pace.not_before
    seconds = pace.interval_seconds + (int(SLOWER_BY.total_seconds()) if too_soon else 0)
    return Pace(seconds, now + timedelta(seconds=seconds)), too_soon


def after_held(pace: Pace, now: datetime) -> Pace:
    """Take a poll that was held: the next may follow at once."""
    return Pace(pace.interval_seconds, now)
