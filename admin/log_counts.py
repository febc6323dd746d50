"""What an organisation's log has of the last days, in numbers: read once a minute at most."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from admin import overview_rules as rules
from pairing_server.audit.counts import ANSWERS, Window, answer_times, by_time
from pairing_server.ports import Ports
from pairing_server.registry import Query

#: So old numbers may be; the page says as of when they are.
FRESH_FOR = timedelta(minutes=1)
#: Of so many organisations this node remembers them.
REMEMBERED = 1000
LOGINS = ("AuthRequestApproved", "AuthRequestApprovedByCard")
DENIED = "AuthRequestDenied"
NEW_PLACE = "WorkstationFirstUsed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCounts:
    """The numbers of one organisation, as of one moment.

    Attributes:
        logins, logins_before: By hour, and those a week before.
        denied: By day.
        denied_lately, new_places_lately: In the 24 hours up to then, last, behind those before.
        answers: Seconds from question to approval, of the newest.
    """

    at: datetime
    hours: Window
    logins: tuple[int, ...]
    logins_before: tuple[int, ...]
    days: Window
    denied: tuple[int, ...]
    denied_lately: tuple[int, ...]
    new_places_lately: tuple[int, ...]
    answers: tuple[int, ...]

    @property
    def has_all_answers(self) -> bool:
        """Whether there were no more answers than were looked at."""
        return len(self.answers) < ANSWERS


def read(tx: Query, ura: str, now: datetime) -> LogCounts:
    """Count the last days of an organisation's log."""
    hours, days = rules.last_hours(now), rules.last_days(now)
    lately = rules.day_and_those_before(now)
    took = answer_times(tx, ura, hours)
    return LogCounts(
        at=now,
        hours=hours,
        logins=by_time(tx, ura, LOGINS, hours),
        logins_before=by_time(tx, ura, LOGINS, hours.shifted(-rules.WEEK)),
        days=days,
        denied=by_time(tx, ura, [DENIED], days),
        denied_lately=by_time(tx, ura, [DENIED], lately),
        new_places_lately=by_time(tx, ura, [NEW_PLACE], lately),
        answers=tuple(round(each.total_seconds()) for each in took),
    )


class LogNumbers:
    """Reads the numbers, and keeps them for a minute: of whoever asks meanwhile, nobody counts."""

    def __init__(self, ports: Ports) -> None:
        self._registry = ports.registry
        self._clock = ports.clock
        self._reading: OrderedDict[str, tuple[datetime, asyncio.Task[LogCounts]]] = OrderedDict()

    async def of(self, ura: str) -> LogCounts:
        """Return the numbers of an organisation, no older than `FRESH_FOR`.

        Raises:
            RegistryUnavailableError: the database does not answer.
        """
        now = self._clock()
        since, reading = self._reading.get(ura, (None, None))
        if since is None or reading is None or not _is_good(since, reading, now):
            reading = asyncio.create_task(self._read(ura, now))
            self._reading[ura] = (now, reading)
            self._reading.move_to_end(ura)
            while len(self._reading) > REMEMBERED:
                self._reading.popitem(last=False)
        # Whoever goes away does not take it from those who wait for the same.
        return await asyncio.shield(reading)

    async def _read(self, ura: str, now: datetime) -> LogCounts:
        return await self._registry.read(lambda tx: read(tx, ura, now))


def _is_good(since: datetime, reading: "asyncio.Task[LogCounts]", now: datetime) -> bool:
    if not timedelta(0) <= now - since < FRESH_FOR:
        return False
    return not reading.done() or (not reading.cancelled() and reading.exception() is None)
