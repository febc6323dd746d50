"""Sessions that a XIS opened, and what is to be signed in them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Row, Transaction
from pairing_server.registry.xis_tables import xis_session, xis_transaction


class SessionStatus(StrEnum):
    """Where a session is."""

    OFFERED = "offered"
    OPEN = "open"
    CLOSED = "closed"
    #: It was never opened.
    CANCELLED = "cancelled"


class TransactionStatus(StrEnum):
    """Where a transaction is."""

    OFFERED = "offered"
    FINISHED = "finished"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class XisSession:
    """A session of one client.

    Attributes:
        auth_request: By whose approval it opens.
        place: Where the person is asked, as JSON.
        person_id: Who opened it, with `credential_id`.
        expires_at: Until when it can be opened; once open, until when it is.
    """

    id: str
    client_id: str
    ura: str
    auth_request: str
    place: str
    expires_at: datetime
    status: SessionStatus = SessionStatus.OFFERED
    person_id: str | None = None
    credential_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class XisTransaction:
    """What is to be signed.

    Attributes:
        signing: The identifiers and hashes that the client sent, as JSON.
    """

    id: str
    session_id: str
    client_id: str
    auth_request: str
    signing: str
    expires_at: datetime
    status: TransactionStatus = TransactionStatus.OFFERED


_s, _t = xis_session.c, xis_transaction.c
_add_session = sa.insert(xis_session)
_session = sa.select(xis_session).where(_s.id == sa.bindparam("id"))
_session_for_update = _session.with_for_update()
_open_session = (
    sa.update(xis_session)
    .where(_s.id == sa.bindparam("key"))
    .values(
        {name: sa.bindparam(name) for name in ("status", "person_id", "credential_id")}
        | {"expires_at": sa.bindparam("until")}
    )
)
_end_session = (
    sa.update(xis_session)
    .where(_s.id == sa.bindparam("key"))
    .values(status=sa.bindparam("status"))
)
_of_client = sa.select(xis_session).where(_s.client_id == sa.bindparam("client_id"))
_offered_sessions = _of_client.where(_s.status == SessionStatus.OFFERED.value).order_by(_s.id)
_over_sessions = _of_client.where(
    _s.status == SessionStatus.OPEN.value, _s.expires_at <= sa.bindparam("now")
).order_by(_s.id)
_open_sessions = _of_client.where(_s.status == SessionStatus.OPEN.value).order_by(_s.id)
_open_of_person = (
    sa.select(xis_session)
    .where(_s.person_id == sa.bindparam("person_id"), _s.status == SessionStatus.OPEN.value)
    .order_by(_s.client_id, _s.id)
)
_add_transaction = sa.insert(xis_transaction)
_transaction_for_update = (
    sa.select(xis_transaction).where(_t.id == sa.bindparam("id")).with_for_update()
)
_end_transaction = (
    sa.update(xis_transaction)
    .where(_t.id == sa.bindparam("key"))
    .values(status=sa.bindparam("status"))
)
_offered_transactions = (
    sa.select(xis_transaction)
    .where(_t.client_id == sa.bindparam("client_id"), _t.status == TransactionStatus.OFFERED.value)
    .order_by(_t.id)
)


def add_session(tx: Transaction, session: XisSession) -> None:
    """Write a session that nobody has opened yet."""
    tx.run(
        _add_session,
        id=session.id,
        client_id=session.client_id,
        ura=session.ura,
        auth_request=session.auth_request,
        status=session.status,
        place=session.place,
        person_id=None,
        credential_id=None,
        expires_at=to_milliseconds(session.expires_at),
    )


def session(tx: Query, identifier: str) -> XisSession | None:
    """Return a session."""
    return _read_session(tx.one(_session, id=identifier))


def session_for_update(tx: Transaction, identifier: str) -> XisSession | None:
    """Return a session, which nobody else changes until this commit."""
    return _read_session(tx.one(_session_for_update, id=identifier))


def open_session(
    tx: Transaction, identifier: str, person_id: str, credential_id: str, until: datetime
) -> None:
    """Write who opened a session."""
    tx.run(
        _open_session,
        key=identifier,
        status=SessionStatus.OPEN,
        person_id=person_id,
        credential_id=credential_id,
        until=to_milliseconds(until),
    )


def end_session(tx: Transaction, identifier: str, status: SessionStatus) -> None:
    """Write that a session is over."""
    tx.run(_end_session, key=identifier, status=status)


def offered_sessions(tx: Query, client_id: str) -> list[XisSession]:
    """Return what nobody has opened yet."""
    return _sessions(tx.all(_offered_sessions, client_id=client_id))


def open_sessions(tx: Query, client_id: str) -> list[XisSession]:
    """Return what is open."""
    return _sessions(tx.all(_open_sessions, client_id=client_id))


def over_sessions(tx: Query, client_id: str, now: datetime) -> list[XisSession]:
    """Return what is open past its time."""
    return _sessions(tx.all(_over_sessions, client_id=client_id, now=to_milliseconds(now)))


def open_of_person(tx: Query, person_id: str) -> list[XisSession]:
    """Return the sessions of a person, at whichever client, in one order for everybody."""
    return _sessions(tx.all(_open_of_person, person_id=person_id))


def add_transaction(tx: Transaction, transaction: XisTransaction) -> None:
    """Write what is to be signed."""
    tx.run(
        _add_transaction,
        id=transaction.id,
        session_id=transaction.session_id,
        client_id=transaction.client_id,
        auth_request=transaction.auth_request,
        status=transaction.status,
        signing=transaction.signing,
        expires_at=to_milliseconds(transaction.expires_at),
    )


def transaction_for_update(tx: Transaction, identifier: str) -> XisTransaction | None:
    """Return a transaction, which nobody else changes until this commit."""
    row = tx.one(_transaction_for_update, id=identifier)
    return None if row is None else _transaction(row)


def end_transaction(tx: Transaction, identifier: str, status: TransactionStatus) -> None:
    """Write that a transaction is over."""
    tx.run(_end_transaction, key=identifier, status=status)


def offered_transactions(tx: Query, client_id: str) -> list[XisTransaction]:
    """Return what nobody has signed yet."""
    return [_transaction(row) for row in tx.all(_offered_transactions, client_id=client_id)]


def _sessions(rows: list[Row]) -> list[XisSession]:
    return [found for row in rows if (found := _read_session(row))]


def _read_session(row: Row | None) -> XisSession | None:
    if row is None:
        return None
    return XisSession(
        id=row["id"],
        client_id=row["client_id"],
        ura=row["ura"],
        auth_request=row["auth_request"],
        place=row["place"],
        expires_at=from_milliseconds(row["expires_at"]),
        status=SessionStatus(row["status"]),
        person_id=row["person_id"],
        credential_id=row["credential_id"],
    )


def _transaction(row: Row) -> XisTransaction:
    return XisTransaction(
        id=row["id"],
        session_id=row["session_id"],
        client_id=row["client_id"],
        auth_request=row["auth_request"],
        signing=row["signing"],
        expires_at=from_milliseconds(row["expires_at"]),
        status=TransactionStatus(row["status"]),
    )
