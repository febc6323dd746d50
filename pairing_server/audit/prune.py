"""Deleting events that are older than is kept: told of in the log, and never anything younger.

A chain loses what went before an event that a signed checkpoint names.  That it begins there is
committed with the event that tells of it; the rows go after that, some thousands at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa

from pairing_server.audit.chain import Head
from pairing_server.audit.checkpoint import Verify, checkpoint_of, read_signed
from pairing_server.audit.events import AuditPruned
from pairing_server.audit.pages import read_starts
from pairing_server.audit.starts import LEAST_KEPT
from pairing_server.clock import from_milliseconds, to_milliseconds, wire_time
from pairing_server.registry import Registry, Transaction
from pairing_server.registry.tables import audit_checkpoint, audit_event, audit_start

#: Rows that are deleted in one commit, so that nobody who writes waits long.
BATCH = 5000
#: A year, a leap day and all, so that years are never too short.
YEAR = timedelta(days=366)


class NotOldEnoughError(ValueError):
    """Less than five years would be kept."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was deleted.

    Attributes:
        before: All that was deleted happened before; `None` where nothing was old enough.
        events: How many by chain.
    """

    before: datetime | None
    events: Mapping[str, int]


_k = audit_checkpoint.c
_newest_before = (
    sa.select(audit_checkpoint)
    .where(_k.made_at <= sa.bindparam("until"))
    .order_by(_k.number.desc())
    .limit(1)
)
_move = (
    sa.update(audit_start)
    .where(audit_start.c.name == sa.bindparam("chain"))
    .values(sequence=sa.bindparam("sequence"), hash=sa.bindparam("hash"))
)
_begin = sa.insert(audit_start)
_e = audit_event.c
_first = sa.select(sa.func.min(_e.sequence).label("sequence")).where(
    _e.chain == sa.bindparam("chain")
)
_delete = sa.delete(audit_event).where(
    _e.chain == sa.bindparam("chain"), _e.sequence <= sa.bindparam("until")
)


async def prune(
    registry: Registry, check: Verify, actor: str, now: datetime, kept: timedelta
) -> Pruned:
    """Delete what is older than is kept.  Once begun it may be broken off, and is gone on with.

    Args:
        check: Tells what a checkpoint's signature signs.
        kept: How long events are kept.

    Raises:
        NotOldEnoughError: that is less than five years.
        RegistryUnavailableError: the database does not answer.
    """
    if kept < LEAST_KEPT:
        raise NotOldEnoughError("events are kept for five years at the least")
    until = to_milliseconds(now - kept)
    pruned = await registry.commit(partial(_prune, until=until, check=check, actor=actor))
    for chain, start in (await registry.read(read_starts)).items():
        while await registry.commit(partial(_delete_some, chain=chain, start=start)):
            pass
    return pruned


def _prune(tx: Transaction, until: int, check: Verify, actor: str) -> Pruned:
    row = tx.one(_newest_before, until=until)
    signed = None if row is None else read_signed(checkpoint_of(row), check)
    if row is None or signed is None:
        return Pruned(None, {})
    starts = read_starts(tx)
    moved = {
        chain: head
        for chain, head in signed.heads.items()
        if head.sequence > _sequence(starts, chain)
    }
    counts = {chain: head.sequence - _sequence(starts, chain) for chain, head in moved.items()}
    if not moved:
        return Pruned(None, {})
    for chain, head in moved.items():
        statement = _move if chain in starts else _begin
        name = {"chain": chain} if chain in starts else {"name": chain}
        tx.run(statement, **name, sequence=head.sequence, hash=head.hash)
    before = from_milliseconds(row["made_at"])
    tx.record(
        AuditPruned(
            actor=actor,
            object="audit-log:server",
            evidence={
                "before": wire_time(before),
                "checkpoint": signed.number,
                "chains": {
                    chain: {"sequence": head.sequence, "hash": head.hash, "events": counts[chain]}
                    for chain, head in moved.items()
                },
            },
        )
    )
    return Pruned(before, counts)


def _delete_some(tx: Transaction, chain: str, start: Head) -> bool:
    row = tx.one(_first, chain=chain)
    first = None if row is None else row["sequence"]
    if first is None or first > start.sequence:
        return False
    tx.run(_delete, chain=chain, until=min(first + BATCH - 1, start.sequence))
    return True


def _sequence(starts: Mapping[str, Head], chain: str) -> int:
    return starts[chain].sequence if chain in starts else 0
