"""Appending to the audit log, in the commit of what happened."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import Executable

from pairing_server.audit.chain import (
    Facts,
    Head,
    NotCanonicalError,
    canonical,
    genesis,
    link,
    row_of,
)
from pairing_server.audit.events import Event
from pairing_server.audit.filing import Filing, filing
from pairing_server.clock import Clock, to_milliseconds
from pairing_server.registry import tables
from pairing_server.tokens import new_id

_chain, _event = tables.audit_chain, tables.audit_event
_head = (
    sa.select(_chain.c.sequence, _chain.c.hash)
    .where(_chain.c.name == sa.bindparam("chain"))
    .with_for_update()
)
_begin = sa.insert(_chain)
_append = sa.insert(_event)
_move = (
    sa.update(_chain)
    .where(_chain.c.name == sa.bindparam("chain"), _chain.c.sequence == sa.bindparam("old"))
    .values(sequence=sa.bindparam("new"), hash=sa.bindparam("new_hash"))
)


class Writing(Protocol):
    """The transaction to append in."""

    def one(self, statement: Executable, /, **values: Any) -> Mapping[str, Any] | None:
        """Return the first row, or `None`."""

    def run(self, statement: Executable, /, **values: Any) -> int:
        """Write.  Returns how many rows were touched."""

    def run_many(self, statement: Executable, many: Sequence[Mapping[str, Any]]) -> None:
        """Write many rows."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that has no place and no time yet."""

    action: str
    actor: str
    object: str
    ura: str | None
    outcome: str
    evidence: str
    filing: Filing


def draft(event: Event) -> Draft:
    """Make an event ready, so that nothing about it can fail later.

    Raises:
        NotCanonicalError: it holds what JSON or the database cannot hold.
    """
    drafted = Draft(
        action=event.action,
        actor=event.actor,
        object=event.object,
        ura=event.ura,
        outcome=event.outcome.value,
        evidence=canonical(dict(event.evidence)).decode(),
        filing=filing(event.actor, event.object, event.evidence),
    )
    told = [drafted.actor, drafted.object, drafted.ura or ""]
    canonical(told)
    if any("\0" in text for text in told):
        raise NotCanonicalError("PostgreSQL holds no zero characters")
    return drafted


def _columns(filed: Filing) -> dict[str, str | None]:
    return {
        "person": filed.person,
        "credential": filed.credential,
        "workstation": filed.workstation,
    }


class Appender:
    """Appends to one chain.  Who else writes to the same chain waits for the commit."""

    def __init__(self, chain: str, clock: Clock) -> None:
        self._chain = chain
        self._clock = clock

    def append(self, tx: Writing, drafts: Sequence[Draft]) -> None:
        """Write the events behind the chain's head, and move it.

        Done last in a transaction: the lock on the head is then never held while waiting for
        another one, and held no longer than the commit takes.
        """
        if not drafts:
            return
        start = self._lock_head(tx)
        head, time = start, to_milliseconds(self._clock())
        rows = []
        for drafted in drafts:
            facts = Facts(
                chain=self._chain,
                sequence=head.sequence + 1,
                id=new_id(os.urandom),
                time=time,
                action=drafted.action,
                actor=drafted.actor,
                object=drafted.object,
                ura=drafted.ura,
                outcome=drafted.outcome,
                evidence=drafted.evidence,
            )
            entry = link(head.hash, facts)
            rows.append({**row_of(entry), **_columns(drafted.filing)})
            head = entry.head
        tx.run_many(_append, rows)
        tx.run(_move, chain=self._chain, old=start.sequence, new=head.sequence, new_hash=head.hash)

    def _lock_head(self, tx: Writing) -> Head:
        row = tx.one(_head, chain=self._chain)
        if row is not None:
            return Head(row["sequence"], row["hash"])
        # Whoever begins the same chain at this moment waits here, and fails on the unique key.
        head = genesis(self._chain)
        tx.run(_begin, name=self._chain, sequence=head.sequence, hash=head.hash)
        return head
