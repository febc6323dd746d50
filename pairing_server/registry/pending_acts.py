"""What one administrator asked for, and another one does."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Row, Transaction
from pairing_server.registry.admin_tables import pending_act as table

#: As many as a page shows.
LISTED = 100


class PendingStatus(StrEnum):
    """Whether it still waits."""

    OPEN = "open"
    DONE = "done"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingAct:
    """An act that waits for a second administrator.

    Attributes:
        act: As the access table names it.
        subject: What it is to be done to, as JSON values.
        asked_by: The person who asked, who does not do it.
    """

    id: str
    ura: str
    act: str
    subject: Mapping[str, Any]
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    status: PendingStatus = PendingStatus.OPEN

    def is_open(self, now: datetime) -> bool:
        """Whether it still waits."""
        return self.status is PendingStatus.OPEN and now < self.expires_at


_c = table.c
_insert = sa.insert(table)
_by_id = sa.select(table).where(_c.id == sa.bindparam("key"))
_open = (
    sa.select(table)
    .where(
        _c.ura == sa.bindparam("for_ura"),
        _c.status == PendingStatus.OPEN.value,
        _c.expires_at > sa.bindparam("at"),
    )
    .order_by(_c.expires_at, _c.id)
    .limit(LISTED)
)
_settle = (
    sa.update(table)
    .where(
        _c.id == sa.bindparam("key"),
        _c.status == PendingStatus.OPEN.value,
        _c.expires_at > sa.bindparam("at"),
    )
    .values(
        status=sa.bindparam("new"), settled_by=sa.bindparam("by"), settled_at=sa.bindparam("at")
    )
)


def add(tx: Transaction, pending: PendingAct) -> None:
    """Write down what was asked for."""
    tx.run(
        _insert,
        id=pending.id,
        ura=pending.ura,
        act=pending.act,
        subject=json.dumps(pending.subject, ensure_ascii=False, sort_keys=True),
        asked_by=pending.asked_by,
        asked_at=to_milliseconds(pending.asked_at),
        expires_at=to_milliseconds(pending.expires_at),
        status=pending.status.value,
        settled_by=None,
        settled_at=None,
    )


def get(tx: Query, pending_id: str) -> PendingAct | None:
    """Return what was asked for, settled or not."""
    row = tx.one(_by_id, key=pending_id)
    return None if row is None else _pending(row)


def open_of(tx: Query, ura: str, at: datetime) -> list[PendingAct]:
    """Return what waits at an organisation, first what expires first."""
    return [_pending(row) for row in tx.all(_open, for_ura=ura, at=to_milliseconds(at))]


def settle(tx: Transaction, pending_id: str, to: PendingStatus, by: str, at: datetime) -> bool:
    """Settle what waits, once.  Returns whether it did wait still."""
    return tx.run(_settle, key=pending_id, new=to.value, by=by, at=to_milliseconds(at)) == 1


def _pending(row: Row) -> PendingAct:
    return PendingAct(
        id=row["id"],
        ura=row["ura"],
        act=row["act"],
        subject=json.loads(row["subject"]),
        asked_by=row["asked_by"],
        asked_at=from_milliseconds(row["asked_at"]),
        expires_at=from_milliseconds(row["expires_at"]),
        status=PendingStatus(row["status"]),
    )
