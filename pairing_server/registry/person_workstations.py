"""At which workstations of a client a person has logged in, and whence they will not be woken."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pairing_server.clock import to_milliseconds
from pairing_server.registry import Query, Row, Transaction
from pairing_server.registry.moments import moment
from pairing_server.registry.tables import client
from pairing_server.registry.tables import person_workstation as table

#: So many are listed, those first where something happened last.
LISTED = 100


@dataclass(frozen=True, slots=True)
class Place:
    """A workstation as a person meets it.

    Attributes:
        workstation_id: The client's own name for it; empty where it gave none.
        workstation, location: As the person was shown them.
    """

    person_id: str
    client_id: str
    workstation_id: str
    workstation: str
    location: str


@dataclass(frozen=True, slots=True)
class PersonWorkstation:
    """What a person has done at a workstation.

    Attributes:
        place: As the person saw it last.
        last_used_at: When they last logged in there, give or take a day.
        push_closed_at: Since when it does not wake them.
    """

    place: Place
    last_used_at: datetime | None
    push_closed_at: datetime | None

    @property
    def is_known(self) -> bool:
        """Whether the person has logged in there, where the client says where that is."""
        return bool(self.place.workstation_id) and self.last_used_at is not None


_c = table.c
_this = sa.and_(
    _c.person_id == sa.bindparam("person"),
    _c.client_id == sa.bindparam("of_client"),
    _c.workstation_id == sa.bindparam("id_there"),
)
_get = sa.select(table).where(_this)
_any_use = (
    sa.select(_c.person_id)
    .where(_c.person_id == sa.bindparam("person"), _c.last_used_at.is_not(None))
    .limit(1)
)
_insert = sa.insert(table)
_shown: dict[str, Any] = {
    "workstation": sa.bindparam("its_name"),
    "location": sa.bindparam("its_place"),
}
_use = (
    sa.update(table)
    .where(_this)
    .values(last_used_at=sa.bindparam("at"), push_closed_at=sa.null(), **_shown)
)
_close = sa.update(table).where(_this).values(push_closed_at=sa.bindparam("at"), **_shown)
_open = (
    sa.update(table).where(_this, _c.push_closed_at.is_not(None)).values(push_closed_at=sa.null())
)
_of_person = (
    sa.select(table, client.c.name.label("client_name"))
    .join(client, client.c.id == _c.client_id)
    .where(_c.person_id == sa.bindparam("person"))
    .order_by(
        sa.case(
            (
                sa.func.coalesce(_c.last_used_at, 0) > sa.func.coalesce(_c.push_closed_at, 0),
                _c.last_used_at,
            ),
            else_=_c.push_closed_at,
        ).desc(),
        _c.client_id,
        _c.workstation_id,
    )
    .limit(LISTED)
)


def get(
    tx: Query, person_id: str, client_id: str, workstation_id: str
) -> PersonWorkstation | None:
    """Return what a person has done there, if anything."""
    row = tx.one(_get, person=person_id, of_client=client_id, id_there=workstation_id)
    return None if row is None else _read(row)


def record_use(tx: Transaction, place: Place, at: datetime) -> bool:
    """Write down that a person logged in there, which opens its pushes again.

    Where nothing has changed it is written once a day, for every login passes here.

    Returns:
        Whether they never had before, though elsewhere; not known where a client names no
        workstation.
    """
    known = get(tx, place.person_id, place.client_id, place.workstation_id)
    if known is not None and known.place == place and _is_today(known, at):
        return False
    is_first = known is None or known.last_used_at is None
    is_new = is_first and bool(place.workstation_id) and _has_logged_in(tx, place.person_id)
    _put(tx, _use, place, last_used_at=to_milliseconds(at), push_closed_at=None)
    return is_new


def close_push(tx: Transaction, place: Place, at: datetime) -> None:
    """Let a workstation wake a person no more, who said "not me" there."""
    _put(tx, _close, place, last_used_at=None, push_closed_at=to_milliseconds(at))


def open_push(tx: Transaction, person_id: str, client_id: str, workstation_id: str) -> bool:
    """Let it wake them again.  Returns whether it did not."""
    return bool(tx.run(_open, person=person_id, of_client=client_id, id_there=workstation_id))


def of_person(tx: Query, person_id: str) -> list[tuple[PersonWorkstation, str]]:
    """Return a person's workstations with their clients' names, newest first."""
    rows = tx.all(_of_person, person=person_id)
    return [(_read(row), row["client_name"]) for row in rows]


def _has_logged_in(tx: Query, person_id: str) -> bool:
    return tx.one(_any_use, person=person_id) is not None


def _put(
    tx: Transaction,
    change: sa.Update,
    place: Place,
    *,
    last_used_at: int | None,
    push_closed_at: int | None,
) -> None:
    at = last_used_at if push_closed_at is None else push_closed_at
    names = {"its_name": place.workstation, "its_place": place.location}
    key = {
        "person": place.person_id,
        "of_client": place.client_id,
        "id_there": place.workstation_id,
    }
    if not tx.run(change, at=at, **names, **key):
        tx.run(
            _insert,
            person_id=place.person_id,
            client_id=place.client_id,
            workstation_id=place.workstation_id,
            workstation=place.workstation,
            location=place.location,
            last_used_at=last_used_at,
            push_closed_at=push_closed_at,
        )


def _is_today(known: PersonWorkstation, at: datetime) -> bool:
    used = known.last_used_at
    return used is not None and known.push_closed_at is None and (at - used).days < 1


def _read(row: Row) -> PersonWorkstation:
    place = Place(
        row["person_id"],
        row["client_id"],
        row["workstation_id"],
        row["workstation"],
        row["location"],
    )
    return PersonWorkstation(place, moment(row["last_used_at"]), moment(row["push_closed_at"]))
