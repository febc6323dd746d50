"""Counting an organisation's events by time, and how long its people took to answer.

Each count walks one stretch of the index of a kind (`ura`, `action`, `time`) and no event itself;
of answers no more are read than `ANSWERS`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Row
from pairing_server.registry.tables import audit_event

#: So many answers tell how long people take; the newest.
ANSWERS = 500
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Some stretches of time, one behind the other, each as long as the next."""

    since: datetime
    step: timedelta
    slots: int

    @property
    def until(self) -> datetime:
        """The first moment that is too late."""
        return self.since + self.step * self.slots

    @property
    def starts(self) -> list[datetime]:
        """When each of them begins."""
        return [self.since + self.step * number for number in range(self.slots)]

    def shifted(self, by: timedelta) -> "Window":
        """Return the same stretches at another time."""
        return Window(since=self.since + by, step=self.step, slots=self.slots)


_c = audit_event.c
_since: sa.BindParameter[int] = sa.bindparam("since", type_=sa.BigInteger)
_step: sa.BindParameter[int] = sa.bindparam("step", type_=sa.BigInteger)
_slot = ((_c.time - _since) // _step).label("slot")
_of_kind = (
    _c.ura == sa.bindparam("of_ura"),
    _c.action == sa.bindparam("of_action"),
    _c.time >= _since,
    _c.time < sa.bindparam("until"),
)
_counts = sa.select(_slot, sa.func.count().label("n")).where(*_of_kind).group_by(sa.text("slot"))
_answers = (
    sa.select(_c.time, _c.evidence)
    .where(*_of_kind)
    .order_by(_c.time.desc())
    .limit(sa.bindparam("most"))
)


def by_time(tx: Query, ura: str, actions: Iterable[str], window: Window) -> tuple[int, ...]:
    """Count an organisation's events of some kinds in each stretch of a window."""
    counted = [0] * window.slots
    for action in actions:
        rows = tx.all(_counts, step=window.step // _MILLISECOND, **_values(ura, action, window))
        for row in rows:
            counted[int(row["slot"])] += int(row["n"])
    return tuple(counted)


def answer_times(tx: Query, ura: str, window: Window) -> tuple[timedelta, ...]:
    """Return how long approvals on a phone took from when they were asked, the newest first.

    Of no more than `ANSWERS`; asked is known to the second.
    """
    values = _values(ura, "AuthRequestApproved", window)
    took = (_took(row) for row in tx.all(_answers, most=ANSWERS, **values))
    return tuple(each for each in took if each is not None)


def _values(ura: str, action: str, window: Window) -> dict[str, Any]:
    return {
        "of_ura": ura,
        "of_action": action,
        "since": to_milliseconds(window.since),
        "until": to_milliseconds(window.until),
    }


def _took(row: Row) -> timedelta | None:
    signed = json.loads(row["evidence"]).get("signed") or {}
    try:
        asked_at = datetime.fromisoformat(signed["requested_at"])
        return max(from_milliseconds(row["time"]) - asked_at, timedelta(0))
    except (KeyError, TypeError, ValueError):
        # Of a version that signed no such time.
        return None
