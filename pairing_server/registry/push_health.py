"""How phones can be woken: when that last went well, and when not and why.

A table of its own: it is written while people log in, whose keys' rows must not be held up by it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from pairing_server.registry import Query, Row, Transaction
from pairing_server.registry.moments import milliseconds, moment
from pairing_server.registry.tables import push_health as table


@dataclass(frozen=True, slots=True, kw_only=True)
class PushHealth:
    """What became of a phone's wake-ups.

    Attributes:
        last_error: What the push service said, or ours of the way there; empty for none ever.
    """

    last_ok_at: datetime | None = None
    last_error_at: datetime | None = None
    last_error: str = ""

    @property
    def is_well(self) -> bool:
        """Whether the last wake-up went well."""
        if self.last_ok_at is None or self.last_error_at is None:
            return self.last_error_at is None
        return self.last_ok_at > self.last_error_at


_c = table.c
_update = (
    sa.update(table)
    .where(_c.credential_id == sa.bindparam("key"))
    .values(
        last_ok_at=sa.func.coalesce(sa.cast(sa.bindparam("ok_at"), sa.BigInteger), _c.last_ok_at),
        last_error_at=sa.func.coalesce(
            sa.cast(sa.bindparam("error_at"), sa.BigInteger), _c.last_error_at
        ),
        last_error=sa.case(
            (sa.bindparam("error", type_=sa.Text) == "", _c.last_error),
            else_=sa.bindparam("error", type_=sa.Text),
        ),
    )
)
_insert = sa.insert(table)
_of = sa.select(table).where(_c.credential_id.in_(sa.bindparam("keys", expanding=True)))


def write(tx: Transaction, news: Mapping[str, PushHealth]) -> None:
    """Write the health of phones; what one of them does not say stays as it was."""
    for credential_id, health in sorted(news.items()):
        values = {
            "ok_at": milliseconds(health.last_ok_at),
            "error_at": milliseconds(health.last_error_at),
            "error": health.last_error,
        }
        if not tx.run(_update, key=credential_id, **values):
            tx.run(
                _insert,
                credential_id=credential_id,
                last_ok_at=values["ok_at"],
                last_error_at=values["error_at"],
                last_error=health.last_error,
            )


def of(tx: Query, credential_ids: Iterable[str]) -> dict[str, PushHealth]:
    """Return the health of these phones, by credential; new and unknown ones have an empty one."""
    keys = list(credential_ids)
    rows = tx.all(_of, keys=keys) if keys else []
    found = {row["credential_id"]: _read(row) for row in rows}
    return {key: found.get(key, PushHealth()) for key in keys}


def _read(row: Row) -> PushHealth:
    return PushHealth(
        last_ok_at=moment(row["last_ok_at"]),
        last_error_at=moment(row["last_error_at"]),
        last_error=row["last_error"],
    )
