"""Rules of the overview: what is looked back on, what is usual, and how answers are spread."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from math import ceil, sqrt

from pairing_server.audit.counts import Window

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
#: Who has less left is told so on the phone, too.
SOON = 30 * DAY
#: Days of the chart, and those before the last 24 hours that tell what is usual.
DAYS = 14
#: Fewer than so many are no cause to look, whatever is usual.
FEWEST = 3
#: Of what happens by chance more than so many deviations above the mean is rare: once in 700 days.
DEVIATIONS = 3
#: Up to how many seconds an answer belongs to a bar; what takes longer has one more.
BOUNDS = (5, 10, 20, 30, 60, 120)


def last_hours(now: datetime) -> Window:
    """Return the last 24 hours of the clock, of which the last one is under way."""
    this = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return Window(since=this - 23 * HOUR, step=HOUR, slots=24)


def last_days(now: datetime) -> Window:
    """Return the last days, UTC, of which the last one is under way."""
    today = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    return Window(since=today - (DAYS - 1) * DAY, step=DAY, slots=DAYS)


def day_and_those_before(now: datetime) -> Window:
    """Return the 24 hours up to this millisecond, and those with which they are compared."""
    end = now + timedelta(milliseconds=1)
    return Window(since=end - (DAYS + 1) * DAY, step=DAY, slots=DAYS + 1)


def usual(counts: Sequence[int]) -> float:
    """Return the mean of all but the last count."""
    before = counts[:-1]
    return sum(before) / len(before) if before else 0.0


def is_unusual(count: int, mean: float) -> bool:
    """Tell whether a count is more than chance makes of what is usual."""
    return count >= FEWEST and count > mean + DEVIATIONS * sqrt(mean)


def percentile(values: Sequence[int], share: float) -> int | None:
    """Return the value that this share of all does not exceed, by the nearest rank."""
    if not values:
        return None
    return sorted(values)[max(ceil(share * len(values)), 1) - 1]


def spread(seconds: Sequence[int]) -> tuple[int, ...]:
    """Count values by the bounds up to which they belong together."""
    edges = (-1, *BOUNDS)
    within = [sum(low < each <= high for each in seconds) for low, high in pairwise(edges)]
    return (*within, len(seconds) - sum(within))


def spread_labels() -> list[str]:
    """Return what the bars of a spread are called, in seconds."""
    return [*(f"\N{LESS-THAN OR EQUAL TO}{bound}" for bound in BOUNDS), f">{BOUNDS[-1]}"]
