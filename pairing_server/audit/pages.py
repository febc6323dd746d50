"""Reading the audit log page by page: it is larger than memory."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, fields
from functools import partial

import sqlalchemy as sa

from pairing_server.audit.chain import Entry, Head, entry_of
from pairing_server.audit.checkpoint import Checkpoint, checkpoint_of, read_heads
from pairing_server.audit.filing import Filing, filing_of
from pairing_server.registry import Query, Registry, Row
from pairing_server.registry.tables import audit_chain, audit_checkpoint, audit_event, audit_start

#: Events, and checkpoints, that are in memory at once.
PAGE = 1000
#: No sequence is lower in either database, also none that was made up.
LEAST = -(2**63)
_FILED = tuple(field.name for field in fields(Filing))

_c = audit_event.c
# By identifier too, so that two events in one place do not hide behind the end of a page.
_events = (
    sa.select(audit_event)
    .where(
        _c.chain == sa.bindparam("chain"),
        _c.sequence >= sa.bindparam("sequence"),
        sa.or_(_c.sequence > sa.bindparam("sequence"), _c.id > sa.bindparam("id")),
    )
    .order_by(_c.sequence, _c.id)
    .limit(PAGE)
)
_head = sa.select(audit_chain.c.sequence, audit_chain.c.hash).where(
    audit_chain.c.name == sa.bindparam("chain")
)
_starts = sa.select(audit_start)
_next_chain = sa.select(sa.func.min(_c.chain).label("chain")).where(
    _c.chain > sa.bindparam("after")
)
_checkpoints = (
    sa.select(audit_checkpoint)
    .where(audit_checkpoint.c.number > sa.bindparam("after"))
    .order_by(audit_checkpoint.c.number)
    .limit(PAGE)
)


@dataclass(frozen=True, slots=True)
class Page:
    """Events of a chain, and its head as of the same moment; the last page is not full.

    Attributes:
        misfiled: The first that is listed elsewhere than it says, or nowhere.
    """

    entries: list[Entry]
    head: Head | None
    misfiled: Entry | None = None

    @property
    def is_last(self) -> bool:
        """Whether the chain ended here at that moment."""
        return len(self.entries) < PAGE


async def chain_pages(
    registry: Registry, chain: str, after: int | None = None
) -> AsyncIterator[Page]:
    """Read a chain from its beginning, or from behind a number."""
    sequence, identifier = LEAST if after is None else after + 1, ""
    while True:
        page = await registry.read(
            partial(_read_page, chain=chain, sequence=sequence, identifier=identifier)
        )
        yield page
        if page.is_last:
            return
        last = page.entries[-1].facts
        sequence, identifier = last.sequence, last.id


def read_starts(tx: Query) -> dict[str, Head]:
    """Return the last event that was deleted, by chain, of those that are not whole."""
    return {row["name"]: Head(row["sequence"], row["hash"]) for row in tx.all(_starts)}


async def checkpoint_pages(registry: Registry, after: int = -1) -> AsyncIterator[list[Checkpoint]]:
    """Read the checkpoints behind a number, in the order of their numbers."""
    while page := await registry.read(partial(_read_checkpoints, after=after)):
        yield page
        after = page[-1].number


def read_chain_names(tx: Query) -> list[str]:
    """Return all chains that have a head or an event, by name."""
    names = set(read_heads(tx))
    after: str | None = ""
    # One step in the index a chain; DISTINCT would read all of it.
    while (row := tx.one(_next_chain, after=after)) and row["chain"] is not None:
        after = row["chain"]
        names.add(row["chain"])
    return sorted(names)


def _read_page(tx: Query, chain: str, sequence: int, identifier: str) -> Page:
    rows = tx.all(_events, chain=chain, sequence=sequence, id=identifier)
    head = tx.one(_head, chain=chain)
    return Page(
        [entry_of(row) for row in rows],
        None if head is None else Head(head["sequence"], head["hash"]),
        next((entry_of(row) for row in rows if _is_misfiled(row)), None),
    )


def _is_misfiled(row: Row) -> bool:
    filed = filing_of(row)
    return filed is not None and asdict(filed) != {name: row[name] for name in _FILED}


def _read_checkpoints(tx: Query, after: int) -> list[Checkpoint]:
    return [checkpoint_of(row) for row in tx.all(_checkpoints, after=after)]
