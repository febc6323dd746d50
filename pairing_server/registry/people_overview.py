"""How an organisation stands, in numbers."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from pairing_server.clock import to_milliseconds
from pairing_server.registry import Query
from pairing_server.registry.tables import credential, membership


@dataclass(frozen=True, slots=True)
class Counts:
    """How many people work for it, and how their phones stand."""

    people: int
    active: int
    blocked: int
    expiring: int


_c, _m = credential.c, membership.c
_holds = sa.or_(_m.valid_until.is_(None), _m.valid_until > sa.bindparam("at"))
_people = (
    sa.select(sa.func.count().label("n"))
    .select_from(membership)
    .where(_m.ura == sa.bindparam("ura"), _holds)
)
_is_active = sa.and_(_c.status == "active", _c.expires_at > sa.bindparam("at"))


def _sum(condition: sa.ColumnElement[bool], name: str) -> sa.Label[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0).label(name)


_phones = (
    sa.select(
        _sum(_is_active, "active"),
        _sum(_c.status == "blocked", "blocked"),
        _sum(sa.and_(_is_active, _c.expires_at <= sa.bindparam("soon")), "expiring"),
    )
    .select_from(membership.join(credential, _c.person_id == _m.person_id))
    .where(_m.ura == sa.bindparam("ura"), _holds)
)


def counts(tx: Query, ura: str, at: datetime, soon: datetime) -> Counts:
    """Count as of a moment.

    Args:
        soon: Up to when a key expires soon.
    """
    now = to_milliseconds(at)
    people = tx.one(_people, ura=ura, at=now)
    phones = tx.one(_phones, ura=ura, at=now, soon=to_milliseconds(soon))
    if people is None or phones is None:
        raise RuntimeError("a count has a row")
    return Counts(
        people=int(people["n"]),
        active=int(phones["active"]),
        blocked=int(phones["blocked"]),
        expiring=int(phones["expiring"]),
    )
