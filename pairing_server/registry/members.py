"""The people of an organisation, and its administrators, of whom one always stays."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from pairing_server.clock import to_milliseconds
from pairing_server.registry import Query, Transaction
from pairing_server.registry.people import (
    AdministrativeRole,
    Membership,
    MembershipKind,
    Person,
    PersonStatus,
    membership_of,
    person_of,
)
from pairing_server.registry.people_tables import member_listing
from pairing_server.registry.tables import membership as membership_table
from pairing_server.registry.tables import person as person_table


@dataclass(frozen=True, slots=True)
class Member:
    """A person, and what they are in one organisation."""

    person: Person
    membership: Membership


#: Under what somebody is listed, and who it is; and before everybody.
NamePlace = tuple[str, str]
FIRST: NamePlace = ("", "")


class Standing(StrEnum):
    """Whether memberships are looked for that hold."""

    LINKED = "linked"
    ENDED = "ended"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which members are looked for; what is not said may be anything."""

    standing: Standing = Standing.LINKED
    kind: MembershipKind | None = None
    role_code: str | None = None


_p, _m, _l = person_table.c, membership_table.c, member_listing.c
_in_order = (_p.last_name, _p.first_names, _p.id)
_people_of = (
    sa.select(person_table)
    .join(membership_table, _m.person_id == _p.id)
    .where(_m.ura == sa.bindparam("ura"), _p.status == PersonStatus.ACTIVE.value)
    .order_by(*_in_order)
)
_memberships_of = sa.select(membership_table).where(_m.ura == sa.bindparam("ura"))
_memberships_in = _memberships_of.where(
    _m.person_id.in_(sa.bindparam("ids", expanding=True)),
)
_any_kind = sa.cast(sa.bindparam("kind"), sa.Text)
_any_role = sa.cast(sa.bindparam("role_code"), sa.Text)
_holds = sa.or_(_m.valid_until.is_(None), _m.valid_until > sa.bindparam("at"))
_listed = (
    sa.select(person_table)
    .select_from(
        # In the order of its key, so that a page reads no more than a page.
        member_listing.join(
            membership_table, sa.and_(_m.ura == _l.ura, _m.person_id == _l.person_id)
        ).join(person_table, _p.id == _l.person_id)
    )
    .where(
        _l.ura == sa.bindparam("ura"),
        _p.status == PersonStatus.ACTIVE.value,
        _l.person_id > sa.bindparam("after"),
        sa.or_(_any_kind.is_(None), _m.kind == _any_kind),
        sa.or_(
            _any_role.is_(None),
            _m.role_code == _any_role,
            _m.other_role_codes.like(sa.bindparam("other")),
        ),
    )
    .order_by(_l.person_id)
    .limit(sa.bindparam("most"))
)
_page = {
    Standing.LINKED: _listed.where(_holds),
    Standing.ENDED: _listed.where(sa.not_(_holds)),
    Standing.ALL: _listed.where(sa.or_(_holds, sa.true())),
}
_elsewhere = membership_table.alias()
_left_for_others = sa.select(_m.person_id).where(
    _m.ura == sa.bindparam("ura"),
    sa.not_(_holds),
    sa.exists().where(
        _elsewhere.c.person_id == _m.person_id,
        _elsewhere.c.ura != _m.ura,
        sa.or_(_elsewhere.c.valid_until.is_(None), _elsewhere.c.valid_until > sa.bindparam("at")),
    ),
)
# By itself, and not joined: what is read of them is looked up of those on a page alone.
_in_order_of_names = (
    sa.select(_l.listed_as, _l.person_id)
    .where(
        _l.ura == sa.bindparam("ura"),
        sa.tuple_(_l.listed_as, _l.person_id)
        > sa.tuple_(sa.bindparam("after_name", type_=sa.Text), sa.bindparam("after")),
    )
    .order_by(_l.listed_as, _l.person_id)
    .limit(sa.bindparam("most"))
)
_people_in = sa.select(person_table).where(
    _p.id.in_(sa.bindparam("ids", expanding=True)), _p.status == PersonStatus.ACTIVE.value
)
_is_administrator = sa.and_(
    _m.ura == sa.bindparam("ura"),
    _m.administrative_role == AdministrativeRole.ADMINISTRATOR.value,
)
_administrators = (
    sa.select(_m.person_id)
    .join(person_table, _m.person_id == _p.id)
    .where(
        _is_administrator,
        # One whose time will be over is nobody to leave an organisation to.
        _m.valid_until.is_(None),
        _p.status == PersonStatus.ACTIVE.value,
    )
    .order_by(_m.person_id)
)
_lock = sa.select(_m.person_id).where(_is_administrator).order_by(_m.person_id).with_for_update()
_valid = (
    sa.select(sa.func.count())
    .select_from(membership_table)
    .where(
        _m.ura == sa.bindparam("ura"),
        sa.or_(_m.valid_until.is_(None), _m.valid_until > sa.bindparam("at")),
    )
)


def of_organisation(tx: Query, ura: str) -> list[Member]:
    """Return everybody whose record is open and who was ever linked, by name."""
    held = {row["person_id"]: membership_of(row) for row in tx.all(_memberships_of, ura=ura)}
    people = (person_of(row) for row in tx.all(_people_of, ura=ura))
    return [Member(person, held[person.id]) for person in people if person.id in held]


def page(
    tx: Query, ura: str, wanted: Wanted, at: datetime, after: str, limit: int
) -> list[Member]:
    """Return members whose record is open, by id: an order that says nothing and never changes.

    Args:
        at: Whose membership holds then is linked.
        after: Behind whose id the page begins.
    """
    rows = tx.all(
        _page[wanted.standing],
        ura=ura,
        at=to_milliseconds(at),
        after=after,
        kind=wanted.kind and wanted.kind.value,
        role_code=wanted.role_code,
        # One of several stands between quotes in the list of them.
        other=f'%"{wanted.role_code}"%',
        most=limit,
    )
    people = [person_of(row) for row in rows]
    found = tx.all(_memberships_in, ura=ura, ids=[each.id for each in people])
    held = {row["person_id"]: membership_of(row) for row in found}
    return [Member(each, held[each.id]) for each in people if each.id in held]


def by_name(
    tx: Query, ura: str, at: datetime, after: NamePlace, limit: int
) -> tuple[list[Member], NamePlace | None]:
    """Return members whose record is open and whose membership holds, by last name.

    Returns:
        Those of the next so many who are listed; and behind whom it goes on, if it does.
    """
    listed = tx.all(_in_order_of_names, ura=ura, after_name=after[0], after=after[1], most=limit)
    ids = [row["person_id"] for row in listed]
    people = {row["id"]: person_of(row) for row in tx.all(_people_in, ids=ids)}
    found = map(membership_of, tx.all(_memberships_in, ura=ura, ids=ids))
    held = {each.person_id: each for each in found if each.is_valid(at)}
    members = [Member(people[each], held[each]) for each in ids if each in people and each in held]
    if len(listed) < limit:
        return members, None
    return members, (listed[-1]["listed_as"], listed[-1]["person_id"])


def who_left_for_others(tx: Query, ura: str, at: datetime) -> frozenset[str]:
    """Return whose membership is over while they work for another organisation: their ids."""
    rows = tx.all(_left_for_others, ura=ura, at=to_milliseconds(at))
    return frozenset(row["person_id"] for row in rows)


def count(tx: Query, ura: str, at: datetime) -> int:
    """Return how many memberships hold."""
    row = tx.one(_valid, ura=ura, at=to_milliseconds(at))
    return 0 if row is None else int(next(iter(row.values())))


def administrators(tx: Query, ura: str) -> list[str]:
    """Return who administers an organisation for good: their ids."""
    return [row["person_id"] for row in tx.all(_administrators, ura=ura)]


def administrators_for_update(tx: Transaction, ura: str) -> list[str]:
    """Return the same, of whom nobody else dismisses one until this commit.

    All of them are locked, in one order: of two who dismiss each other at once the second one
    sees what the first one did.
    """
    tx.all(_lock, ura=ura)
    return administrators(tx, ura)
