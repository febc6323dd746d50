"""How an organisation stands: its people and their phones, in numbers and by name.

A number and the list behind it are found by one and the same condition.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Row
from pairing_server.registry.moments import moment
from pairing_server.registry.people_tables import phone_listing
from pairing_server.registry.tables import credential, membership, person, push_health

#: As many as a page shows.
LISTED = 100


class PhoneState(StrEnum):
    """What is looked at of phones."""

    #: Blocked and neither unblocked nor revoked: a loss that is open.
    BLOCKED = "blocked"
    #: Its key works, and does not much longer.
    EXPIRING = "expiring"
    #: The last wake-up did not arrive.
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many people work for it, and how their phones stand."""

    people: int
    active: int
    states: Mapping[PhoneState, int]


@dataclass(frozen=True, slots=True)
class Kinds:
    """How many phones an organisation would take no more.

    Attributes:
        elsewhere: Of those that work, whose key was not shown to live in hardware.
        copied: Those whose key may be copied to other devices.
    """

    elsewhere: int
    copied: int


@dataclass(frozen=True, slots=True)
class Position:
    """Behind which phone a list goes on."""

    key: int
    credential_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPhone:
    """A phone of somebody who works for it.

    Attributes:
        position: Its own in the list.
        last_error: What became of its last wake-up, in a word.
    """

    position: Position
    person_id: str
    person: str
    name: str
    expires_at: datetime
    status_at: datetime | None
    status_reason: str
    last_used_at: datetime | None
    woken_at: datetime | None
    failed_at: datetime | None
    last_error: str


_c, _m, _p, _h, _l = credential.c, membership.c, person.c, push_health.c, phone_listing.c
_at: sa.BindParameter[int] = sa.bindparam("at")
_ura: sa.BindParameter[str] = sa.bindparam("of_ura")
_people = (
    sa.select(sa.func.count().label("n"))
    .select_from(membership)
    .where(_m.ura == _ura, sa.or_(_m.valid_until.is_(None), _m.valid_until > _at))
)
_of_members = (_l.ura == _ura, sa.or_(_l.valid_until.is_(None), _l.valid_until > _at))
_is_active = sa.and_(_l.status == "active", _l.expires_at > _at)
_woken_at = sa.func.coalesce(_h.last_ok_at, sa.literal_column("0"))
_is: Mapping[PhoneState, sa.ColumnElement[bool]] = {
    PhoneState.BLOCKED: _l.status == "blocked",
    PhoneState.EXPIRING: sa.and_(_is_active, _l.expires_at <= sa.bindparam("soon")),
    PhoneState.UNREACHABLE: _is_active,
}
#: Few, by an index of just them: to look up each phone of an organisation in it would be many.
_unreached = (
    sa.select(_h.credential_id, _woken_at.label("woken_at"))
    .where(_h.last_error_at >= _woken_at)
    .cte("unreached")
    .prefix_with("MATERIALIZED")
)
#: What is listed first: what is so for longest, or comes soonest.
_key: Mapping[PhoneState, sa.ColumnElement[int]] = {
    PhoneState.BLOCKED: sa.func.coalesce(_l.status_at, 0),
    PhoneState.EXPIRING: _l.expires_at,
    PhoneState.UNREACHABLE: _unreached.c.woken_at,
}
_told = (
    *(_c.id, _c.name, _c.platform, _c.model, _c.expires_at, _c.status_at, _c.status_reason),
    *(_c.last_used_at, _h.last_ok_at, _h.last_error_at, _h.last_error),
    *(_c.person_id, _p.first_names, _p.last_name),
)


def _sum(condition: sa.ColumnElement[bool], name: str) -> sa.Label[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0).label(name)


_phones = (
    sa.select(
        _sum(_is_active, "active"),
        _sum(_is[PhoneState.BLOCKED], PhoneState.BLOCKED.value),
        _sum(_is[PhoneState.EXPIRING], PhoneState.EXPIRING.value),
        _sum(
            sa.and_(_is_active, _unreached.c.credential_id.is_not(None)),
            PhoneState.UNREACHABLE.value,
        ),
    )
    .select_from(
        phone_listing.outerjoin(_unreached, _unreached.c.credential_id == _l.credential_id)
    )
    .where(*_of_members)
)
_kinds = (
    sa.select(
        _sum(sa.and_(_is_active, _l.attestation_verdict != "hardware"), "elsewhere"),
        _sum(sa.and_(_is_active, _l.backup_eligible), "copied"),
    )
    .select_from(phone_listing)
    .where(*_of_members)
)


def _list(state: PhoneState) -> sa.Select[Any]:
    """Return how a page is read: which phones are on it first, and then what is told of them."""
    found: sa.FromClause = phone_listing
    if state is PhoneState.UNREACHABLE:
        found = phone_listing.join(_unreached, _unreached.c.credential_id == _l.credential_id)
    key = _key[state]
    after: sa.BindParameter[int] = sa.bindparam("after_key")
    page = (
        sa.select(key.label("key"), _l.credential_id)
        .select_from(found)
        .where(
            *_of_members,
            _is[state],
            sa.or_(
                key > after,
                sa.and_(key == after, _l.credential_id > sa.bindparam("after_id")),
            ),
        )
        .order_by(key, _l.credential_id)
        .limit(LISTED)
        .subquery()
    )
    return (
        sa.select(page.c.key, *_told)
        .select_from(
            page.join(credential, _c.id == page.c.credential_id)
            .join(person, _p.id == _c.person_id)
            .outerjoin(push_health, _h.credential_id == page.c.credential_id)
        )
        .order_by(page.c.key, page.c.credential_id)
    )


_lists = {state: _list(state) for state in PhoneState}


def counts(tx: Query, ura: str, at: datetime, soon: datetime) -> Counts:
    """Count as of a moment.

    Args:
        soon: Up to when a key expires soon.
    """
    now = to_milliseconds(at)
    people = tx.one(_people, of_ura=ura, at=now)
    phones = tx.one(_phones, of_ura=ura, at=now, soon=to_milliseconds(soon))
    if people is None or phones is None:
        raise RuntimeError("a count has a row")
    return Counts(
        people=int(people["n"]),
        active=int(phones["active"]),
        states={state: int(phones[state.value]) for state in PhoneState},
    )


def kinds(tx: Query, ura: str, at: datetime) -> Kinds:
    """Count the phones that work by what is known of their keys."""
    row = tx.one(_kinds, of_ura=ura, at=to_milliseconds(at))
    if row is None:
        raise RuntimeError("a count has a row")
    return Kinds(elsewhere=int(row["elsewhere"]), copied=int(row["copied"]))


def phones(
    tx: Query, ura: str, state: PhoneState, at: datetime, soon: datetime, after: Position | None
) -> list[ListedPhone]:
    """Return the phones behind a number, no more than `LISTED`; fewer where there are no more."""
    values = {"soon": to_milliseconds(soon)} if state is PhoneState.EXPIRING else {}
    begin = after or Position(-1, "")
    rows = tx.all(
        _lists[state],
        of_ura=ura,
        at=to_milliseconds(at),
        after_key=begin.key,
        after_id=begin.credential_id,
        **values,
    )
    return [_phone(row) for row in rows]


def _phone(row: Row) -> ListedPhone:
    return ListedPhone(
        position=Position(int(row["key"]), row["id"]),
        person_id=row["person_id"],
        person=f"{row['first_names']} {row['last_name']}",
        name=row["name"] or row["model"] or row["platform"],
        expires_at=from_milliseconds(row["expires_at"]),
        status_at=moment(row["status_at"]),
        status_reason=row["status_reason"] or "",
        last_used_at=moment(row["last_used_at"]),
        woken_at=moment(row["last_ok_at"]),
        failed_at=moment(row["last_error_at"]),
        last_error=row["last_error"] or "",
    )
