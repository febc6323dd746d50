"""What happened in a XIS' sessions: numbered for each client, and kept for a day."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Row, Transaction
from pairing_server.registry.xis_tables import xis_event as table
from pairing_server.registry.xis_tables import xis_event_head as head_table

#: A session lasts half of that; whoever was away for longer asks what is open.
KEPT_FOR = timedelta(days=1)
#: As many as one answer has.
LISTED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class XisEvent:
    """Something that a client is told.

    Attributes:
        type: The number by which ZORG-ID's interface names it.
        payload: JSON.
    """

    number: int
    type: int
    payload: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Head:
    """How far the numbers of a client go.

    Attributes:
        number: The last that was given out.
        drained: The last that was told to those who name no number.
        forgotten: The last that is not kept any more.
    """

    number: int = 0
    drained: int = 0
    forgotten: int = 0


_c, _h = table.c, head_table.c
_insert = sa.insert(table)
_head = sa.select(head_table).where(_h.client_id == sa.bindparam("client_id"))
_head_for_update = _head.with_for_update()
_insert_head = sa.insert(head_table)
_of_client = sa.update(head_table).where(_h.client_id == sa.bindparam("key"))
# Each its own: who gives out a number puts back no place of who drains at the same moment.
_set_number = _of_client.values(number=sa.bindparam("last"), forgotten=sa.bindparam("lost"))
_set_drained = _of_client.values(drained=sa.bindparam("told"))
_after = (
    sa.select(table)
    .where(_c.client_id == sa.bindparam("client_id"), _c.number > sa.bindparam("after"))
    .order_by(_c.number)
    .limit(LISTED)
)
_oldest_too_old = sa.select(sa.func.max(_c.number).label("number")).where(
    _c.client_id == sa.bindparam("client_id"), _c.at <= sa.bindparam("until")
)
_forget = sa.delete(table).where(
    _c.client_id == sa.bindparam("key"), _c.number <= sa.bindparam("until")
)


def append(tx: Transaction, client_id: str, kind: int, payload: str, now: datetime) -> int:
    """Tell a client something.  Returns its number.

    The row of the client stays locked until this commit: no reader sees a number before the ones
    that precede it, and so misses none that comes later.
    """
    row = tx.one(_head_for_update, client_id=client_id)
    held = _read(row)
    number = held.number + 1
    if row is None:
        tx.run(_insert_head, client_id=client_id, number=number, drained=0, forgotten=0)
    else:
        forgotten = _forget_old(tx, client_id, now) or held.forgotten
        tx.run(_set_number, key=client_id, last=number, lost=forgotten)
    tx.run(
        _insert,
        client_id=client_id,
        number=number,
        type=kind,
        payload=payload,
        at=to_milliseconds(now),
    )
    return number


def after(tx: Query, client_id: str, number: int) -> list[XisEvent]:
    """Return what came after a number, in order, no more than `LISTED`."""
    return [_event(row) for row in tx.all(_after, client_id=client_id, after=number)]


def head(tx: Query, client_id: str) -> Head:
    """Return how far the numbers of a client go."""
    return _read(tx.one(_head, client_id=client_id))


def drain(tx: Transaction, client_id: str) -> list[XisEvent]:
    """Return what nobody was told yet who names no number; each once, whoever asks."""
    held = _read(tx.one(_head_for_update, client_id=client_id))
    found = after(tx, client_id, held.drained)
    if found:
        tx.run(_set_drained, key=client_id, told=found[-1].number)
    return found


def _forget_old(tx: Transaction, client_id: str, now: datetime) -> int | None:
    until = to_milliseconds(now - KEPT_FOR)
    row = tx.one(_oldest_too_old, client_id=client_id, until=until)
    number: int | None = row["number"] if row else None
    if number is not None:
        tx.run(_forget, key=client_id, until=number)
    return number


def _read(row: Row | None) -> Head:
    return Head() if row is None else Head(row["number"], row["drained"], row["forgotten"])


def _event(row: Row) -> XisEvent:
    return XisEvent(
        number=row["number"],
        type=row["type"],
        payload=row["payload"],
        at=from_milliseconds(row["at"]),
    )
