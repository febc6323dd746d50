"""Records that were merged into another one of the same person, and how that is done."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Transaction, member_listings, phone_listings
from pairing_server.registry.people_tables import person_alias as table
from pairing_server.registry.tables import credential, phone_notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A record that was merged.

    Attributes:
        id: By which the audit log calls what happened until then.
        person_id: Whose it is since.
        user_name: It is nobody else's.
        ura: The organisation that merged them.
    """

    id: str
    person_id: str
    user_name: str
    ura: str
    merged_by: str
    merged_at: datetime


_c = table.c
_insert = sa.insert(table)
_of_person = (
    sa.select(table).where(_c.person_id == sa.bindparam("person_id")).order_by(_c.merged_at, _c.id)
)
_by_id = sa.select(table).where(_c.id == sa.bindparam("id"))
_hand_on = (
    sa.update(table)
    .where(_c.person_id == sa.bindparam("old"))
    .values(person_id=sa.bindparam("new"))
)
_move_phones = (
    sa.update(credential)
    .where(credential.c.person_id == sa.bindparam("old"))
    .values(
        person_id=sa.bindparam("new"),
        # No card stood behind the record that is merged: its keys open nothing elsewhere.
        only_ura=sa.func.coalesce(credential.c.only_ura, sa.bindparam("there")),
    )
)
_move_notices = (
    sa.update(phone_notice)
    .where(phone_notice.c.person_id == sa.bindparam("old"))
    .values(person_id=sa.bindparam("new"))
)


def add(tx: Transaction, alias: Alias) -> None:
    """Take a record's keys, and what was told of them, over into another one, and say so."""
    tx.run(_move_phones, old=alias.id, new=alias.person_id, there=alias.ura)
    for statement in (_move_notices, _hand_on):
        tx.run(statement, old=alias.id, new=alias.person_id)
    for person_id in (alias.id, alias.person_id):
        member_listings.refresh(tx, person_id)
        phone_listings.refresh(tx, person_id)
    tx.run(
        _insert,
        id=alias.id,
        person_id=alias.person_id,
        user_name=alias.user_name,
        ura=alias.ura,
        merged_by=alias.merged_by,
        merged_at=to_milliseconds(alias.merged_at),
    )


def of_person(tx: Query, person_id: str) -> list[Alias]:
    """Return the records that were merged into a person's, oldest first."""
    return [
        Alias(**{**row, "merged_at": from_milliseconds(row["merged_at"])})
        for row in tx.all(_of_person, person_id=person_id)
    ]


def ids_of(tx: Query, person_id: str) -> tuple[str, ...]:
    """Return by what ids the audit log calls a person, the present one first."""
    return (person_id, *(alias.id for alias in of_person(tx, person_id)))


def resolve(tx: Query, person_id: str) -> str:
    """Return the id of the record that stands for this one now: itself, if it was not merged."""
    row = tx.one(_by_id, id=person_id)
    return person_id if row is None else str(row["person_id"])
