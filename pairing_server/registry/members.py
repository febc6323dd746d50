"""The people of an organisation, and its administrators, of whom one always stays."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from pairing_server.clock import to_milliseconds
from pairing_server.registry import Query, Transaction
from pairing_server.registry.people import (
    AdministrativeRole,
    Membership,
    Person,
    PersonStatus,
    membership_of,
    person_of,
)
from pairing_server.registry.tables import membership as membership_table
from pairing_server.registry.tables import person as person_table


@dataclass(frozen=True, slots=True)
class Member:
    """A person, and what they are in one organisation."""

    person: Person
    membership: Membership


_p, _m = person_table.c, membership_table.c
_in_order = (_p.last_name, _p.first_names, _p.id)
_people_of = (
    sa.select(person_table)
    .join(membership_table, _m.person_id == _p.id)
    .where(_m.ura == sa.bindparam("ura"), _p.status == PersonStatus.ACTIVE.value)
    .order_by(*_in_order)
)
_memberships_of = sa.select(membership_table).where(_m.ura == sa.bindparam("ura"))
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
