"""Rules of the log's page: what is looked for, as it rides in a URL and stands in the log.

A URL names people and phones by their identifiers, never by name or number.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from pairing_server.audit.kinds import KINDS, Group
from pairing_server.audit.search import NEWEST, Place
from pairing_server.errors import InvalidRequest

#: As often a view of the same events is told of in the log.
TOLD_EVERY = timedelta(minutes=1)
_IDENTIFIER = re.compile(r"[A-Za-z0-9_\-~.]{0,1400}")
_MOST = 200
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for; the empty string for whatever it is.

    Attributes:
        kind: The name of an event, or of a group of them.
        since: The first day, UTC.
        until: The last day.
    """

    person: str = ""
    phone: str = ""
    workstation: str = ""
    kind: str = ""
    since: str = ""
    until: str = ""

    @property
    def actions(self) -> tuple[str, ...]:
        """The kinds of event."""
        if self.kind in set(Group):
            return tuple(name for name, kind in KINDS.items() if kind.group == self.kind)
        return (self.kind,) if self.kind else ()

    @property
    def first_moment(self) -> datetime | None:
        """When the period begins."""
        return _midnight(date.fromisoformat(self.since)) if self.since else None

    @property
    def end(self) -> datetime | None:
        """The first moment after the period."""
        if not self.until:
            return None
        return _midnight(date.fromisoformat(self.until)) + timedelta(days=1)

    @property
    def given(self) -> dict[str, str]:
        """What is looked for by name, without what is not."""
        return {name: value for name in NAMES if (value := getattr(self, name))}

    def query(self, before: Place | None = None) -> str:
        """Write it as it rides in a URL, with a question mark, or as nothing."""
        told = {**self.given, **({"before": str(before)} if before else {})}
        return f"?{urlencode(told)}" if told else ""

    def without(self, *names: str) -> "Wanted":
        """Return the same, whatever those are."""
        return replace(self, **dict.fromkeys(names, ""))


NAMES = tuple(field.name for field in fields(Wanted))


def wanted(query: Mapping[str, str]) -> Wanted:
    """Read what is looked for.

    Raises:
        InvalidRequest: there is no such kind or day, or it is no identifier.
    """
    given = {name: query.get(name, "").strip() for name in NAMES}
    kinds = {"", *KINDS, *Group}
    workstation = given["workstation"]
    if (
        given["kind"] not in kinds
        or not all(_IDENTIFIER.fullmatch(given[name]) for name in ("person", "phone"))
        or not all(_is_day(given[name]) for name in ("since", "until"))
        or len(workstation) > _MOST
        or "\0" in workstation
    ):
        raise InvalidRequest("Choose a kind and days that there are, and search again.")
    return Wanted(**given)


def before(query: Mapping[str, str]) -> Place:
    """Read behind which event the page goes on.

    Raises:
        InvalidRequest: there is no such place.
    """
    text = query.get("before", "")
    place = Place.read(text) if text else NEWEST
    if place is None:
        raise InvalidRequest("Choose a kind and days that there are, and search again.")
    return place


def evidence(seen: Wanted, place: Place, form: str = "") -> dict[str, object]:
    """Return what the log tells of a view or an export.

    Args:
        form: In which an export is written; empty for a view.
    """
    told: dict[str, object] = {"looked_for": seen.given}
    if seen.person:
        told["person"] = seen.person
    if seen.phone:
        told["credential"] = seen.phone
    if place != NEWEST:
        told["before"] = str(place)
    if form:
        told["form"] = form
    return told


def _is_day(text: str) -> bool:
    if not text:
        return True
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return False
    return _DAY.fullmatch(text) is not None and found.year < date.max.year


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
