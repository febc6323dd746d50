"""Event streams: to whom the audit log is told, and up to where it was (SSF 1.0 section 8)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from pairing_server.audit.chain import Facts, entry_of
from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Row, Transaction
from pairing_server.registry.moments import milliseconds, moment
from pairing_server.registry.stream_tables import event_stream as table
from pairing_server.registry.stream_tables import event_stream_cursor as cursor_table
from pairing_server.registry.tables import audit_chain, audit_event, client, client_organisation

#: So many events are read at once.
PAGE = 50
#: As many systems of an organisation as a page shows.
LISTED = 100


class StreamStatus(StrEnum):
    """SSF 1.0 section 8.1.2.1."""

    ENABLED = "enabled"
    #: Nothing is sent; what happens meanwhile is sent later.
    PAUSED = "paused"
    #: Nothing is sent, also not later.
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Verification:
    """What a client asked to be sent, to see that its stream works.

    Attributes:
        state: Its own, to be told again.
    """

    jti: str
    state: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A client's stream.

    Attributes:
        reason: Why it has this status, where there is a reason.
        events_requested: As the client named them, known here or not.
        authorization_header: What is sent to the endpoint, sealed.
        due_at: From when on it may be served; who serves it has put that off.
        failing_since: Since when the client has not heard.
        attempts: How often it was tried since then.
        heard_at: When the client last heard something.
        last_error: Why it did not hear since; a code.
    """

    id: str
    client_id: str
    status: StreamStatus
    events_requested: tuple[str, ...]
    endpoint_url: str
    created_at: datetime
    due_at: datetime
    authorization_header: bytes | None = None
    description: str = ""
    reason: str = ""
    failing_since: datetime | None = None
    attempts: int = 0
    verification: Verification | None = None
    verification_asked_at: datetime | None = None
    heard_at: datetime | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class StreamCounts:
    """How many streams an organisation's systems have, and how many of them tell nothing now.

    Attributes:
        untold: Those that are paused, and those that are not heard; not who wants to hear nothing.
    """

    streams: int
    untold: int


_c, _at = table.c, cursor_table.c
_insert = sa.insert(table)
_by_id = sa.select(table).where(_c.id == sa.bindparam("id"))
_by_id_for_update = _by_id.with_for_update()
_of_client = sa.select(table).where(_c.client_id == sa.bindparam("client_id"))
_listeners = (
    sa.select(client.c.id)
    .join(client_organisation, client_organisation.c.client_id == client.c.id)
    .outerjoin(table, _c.client_id == client.c.id)
    .where(
        client_organisation.c.ura == sa.bindparam("of_ura"),
        client.c.status == "active",
        # Members that say nothing are not written.
        sa.or_(_c.id.is_not(None), client.c.metadata.contains('"ssf_delivery_endpoint"')),
    )
    .order_by(client.c.name, client.c.id)
    .limit(LISTED)
)
_counts = (
    sa.select(
        sa.func.count().label("streams"),
        sa.func.count(
            sa.case(
                (_c.status == StreamStatus.PAUSED.value, 1),
                (
                    sa.and_(
                        _c.status == StreamStatus.ENABLED.value, _c.failing_since.is_not(None)
                    ),
                    1,
                ),
            )
        ).label("untold"),
    )
    .select_from(table)
    .join(client, client.c.id == _c.client_id)
    .join(client_organisation, client_organisation.c.client_id == client.c.id)
    .where(client_organisation.c.ura == sa.bindparam("of_ura"), client.c.status == "active")
)
_update = (
    sa.update(table)
    .where(_c.id == sa.bindparam("the_id"))
    .values({column.name: sa.bindparam(f"new_{column.name}") for column in _c})
)
_delete = sa.delete(table).where(_c.id == sa.bindparam("the_id"))
_due = (
    sa.select(table)
    .join(client, client.c.id == _c.client_id)
    .where(
        _c.status == StreamStatus.ENABLED.value,
        _c.due_at <= sa.bindparam("at"),
        client.c.status == "active",
    )
    .order_by(_c.due_at, _c.id)
)
_claim = (
    sa.update(table)
    .where(
        _c.id == sa.bindparam("of_id"),
        _c.due_at == sa.bindparam("seen"),
        _c.status == StreamStatus.ENABLED.value,
    )
    .values(due_at=sa.bindparam("until"))
)
_heads = sa.select(audit_chain.c.name, audit_chain.c.sequence).order_by(audit_chain.c.name)
_cursors = sa.select(cursor_table).where(_at.stream_id == sa.bindparam("stream_id"))
_insert_cursor = sa.insert(cursor_table)
_move_cursor = (
    sa.update(cursor_table)
    .where(_at.stream_id == sa.bindparam("of_stream"), _at.chain == sa.bindparam("of_chain"))
    .values(sequence=sa.bindparam("new_sequence"))
)
_forget_cursors = sa.delete(cursor_table).where(_at.stream_id == sa.bindparam("of_stream"))
_e = audit_event.c
_events = (
    sa.select(audit_event)
    .where(
        _e.chain == sa.bindparam("chain"),
        _e.sequence > sa.bindparam("after"),
        _e.action.in_(sa.bindparam("actions", expanding=True)),
    )
    .order_by(_e.sequence)
    .limit(PAGE)
)


def add(tx: Transaction, stream: Stream) -> None:
    """Make a stream, which tells of what happens from now on.

    Raises:
        AlreadyExistsError: its client has one.
    """
    tx.run(_insert, **_values(stream))
    skip(tx, stream.id)


def get(tx: Query, stream_id: str) -> Stream | None:
    """Return a stream."""
    return _stream(tx.one(_by_id, id=stream_id))


def get_for_update(tx: Transaction, stream_id: str) -> Stream | None:
    """Return a stream, which nobody else changes until this commit."""
    return _stream(tx.one(_by_id_for_update, id=stream_id))


def of_client(tx: Query, client_id: str) -> Stream | None:
    """Return the stream of a client."""
    return _stream(tx.one(_of_client, client_id=client_id))


def listeners(tx: Query, ura: str) -> list[str]:
    """Return the clients of an organisation that have a stream or may have one, by name."""
    return [row["id"] for row in tx.all(_listeners, of_ura=ura)]


def counts(tx: Query, ura: str) -> StreamCounts:
    """Count the streams of an organisation's systems."""
    row = tx.all(_counts, of_ura=ura)[0]
    return StreamCounts(row["streams"], row["untold"])


def update(tx: Transaction, stream: Stream) -> None:
    """Replace all that is known of a stream."""
    values = {f"new_{name}": value for name, value in _values(stream).items()}
    tx.run(_update, the_id=stream.id, **values)


def delete(tx: Transaction, stream_id: str) -> bool:
    """Remove a stream.  Returns whether it was there."""
    tx.run(_forget_cursors, of_stream=stream_id)
    return bool(tx.run(_delete, the_id=stream_id))


def due(tx: Query, at: datetime) -> list[Stream]:
    """Return the streams that may be served now, those first that wait for longest."""
    found = (_stream(row) for row in tx.all(_due, at=to_milliseconds(at)))
    return [stream for stream in found if stream is not None]


def claim(tx: Transaction, stream_id: str, seen: datetime, until: datetime) -> bool:
    """Take up serving a stream, or go on with it, so that no other node does before `until`.

    Args:
        seen: When it was due by the reader's knowledge: what it holds a claim by.

    Returns:
        Whether it was so still.
    """
    return bool(
        tx.run(_claim, of_id=stream_id, seen=to_milliseconds(seen), until=to_milliseconds(until))
    )


def heads(tx: Query) -> dict[str, int]:
    """Return the last sequence of each chain of the audit log."""
    return {row["name"]: row["sequence"] for row in tx.all(_heads)}


def cursors(tx: Query, stream_id: str) -> dict[str, int]:
    """Return up to which sequence each chain was told; a chain that is younger is not in it."""
    return {row["chain"]: row["sequence"] for row in tx.all(_cursors, stream_id=stream_id)}


def move(tx: Transaction, stream_id: str, chain: str, sequence: int) -> None:
    """Note up to where a chain was told."""
    if not tx.run(_move_cursor, of_stream=stream_id, of_chain=chain, new_sequence=sequence):
        tx.run(_insert_cursor, stream_id=stream_id, chain=chain, sequence=sequence)


def skip(tx: Transaction, stream_id: str) -> None:
    """Pass over all that happened until now."""
    for chain, sequence in heads(tx).items():
        move(tx, stream_id, chain, sequence)


def events_after(tx: Query, chain: str, sequence: int, actions: frozenset[str]) -> list[Facts]:
    """Return what was appended to a chain, of these actions, as many as are read at once."""
    rows = tx.all(_events, chain=chain, after=sequence, actions=sorted(actions))
    return [entry_of(row).facts for row in rows]


def _values(stream: Stream) -> Mapping[str, Any]:
    verification = stream.verification
    return {
        "id": stream.id,
        "client_id": stream.client_id,
        "status": stream.status,
        "reason": stream.reason,
        "events_requested": json.dumps(stream.events_requested),
        "endpoint_url": stream.endpoint_url,
        "authorization_header": stream.authorization_header,
        "description": stream.description,
        "created_at": to_milliseconds(stream.created_at),
        "due_at": to_milliseconds(stream.due_at),
        "failing_since": milliseconds(stream.failing_since),
        "attempts": stream.attempts,
        "verification": verification
        and json.dumps({"jti": verification.jti, "state": verification.state}),
        "verification_asked_at": milliseconds(stream.verification_asked_at),
        "heard_at": milliseconds(stream.heard_at),
        "last_error": stream.last_error,
    }


def _stream(row: Row | None) -> Stream | None:
    if row is None:
        return None
    verification = row["verification"]
    return Stream(
        id=row["id"],
        client_id=row["client_id"],
        status=StreamStatus(row["status"]),
        reason=row["reason"],
        events_requested=tuple(json.loads(row["events_requested"])),
        endpoint_url=row["endpoint_url"],
        authorization_header=row["authorization_header"],
        description=row["description"],
        created_at=from_milliseconds(row["created_at"]),
        due_at=from_milliseconds(row["due_at"]),
        failing_since=moment(row["failing_since"]),
        attempts=row["attempts"],
        verification=Verification(**json.loads(verification)) if verification else None,
        verification_asked_at=moment(row["verification_asked_at"]),
        heard_at=moment(row["heard_at"]),
        last_error=row["last_error"],
    )
