"""What a program was answered to an act that it named: kept in the commit that did it."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Transaction
from pairing_server.registry.admin_tables import idempotency_key as table


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An act that was done.

    Attributes:
        digest: Of the key that names it.
        fingerprint: Of where it was sent and of its body.
        answer: As JSON.
    """

    client_id: str
    digest: str
    fingerprint: str
    answer: str
    kept_at: datetime


_c = table.c
_insert = sa.insert(table)
_by_key = sa.select(table).where(
    _c.client_id == sa.bindparam("client"), _c.digest == sa.bindparam("key")
)
_forget = sa.delete(table).where(
    _c.client_id == sa.bindparam("client"), _c.kept_at <= sa.bindparam("until")
)


def get(tx: Query, client_id: str, digest: str) -> Kept | None:
    """Return what a client was answered to the act of that name."""
    row = tx.one(_by_key, client=client_id, key=digest)
    if row is None:
        return None
    return Kept(
        client_id=row["client_id"],
        digest=row["digest"],
        fingerprint=row["fingerprint"],
        answer=row["answer"],
        kept_at=from_milliseconds(row["kept_at"]),
    )


def add(tx: Transaction, kept: Kept) -> None:
    """Keep what a client is answered.

    Raises:
        AlreadyExistsError: it has named an act so.
    """
    tx.run(
        _insert,
        client_id=kept.client_id,
        digest=kept.digest,
        fingerprint=kept.fingerprint,
        answer=kept.answer,
        kept_at=to_milliseconds(kept.kept_at),
    )


def forget(tx: Transaction, client_id: str, until: datetime) -> int:
    """Forget what a client was answered up to a moment.  Returns how many."""
    return tx.run(_forget, client=client_id, until=to_milliseconds(until))
