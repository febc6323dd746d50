"""Sessions at clients: what a login opened, and what the client is told when that is over.

The row of a session that was ended is also the word to its client that waits to be sent
(OpenID Connect Back-Channel Logout 1.0): written in one commit with what ended it, so that it is
sent however often the server stops in between.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Row, Transaction
from pairing_server.registry.moments import moment
from pairing_server.registry.tables import (
    client,
    client_organisation,
    credential,
    membership,
    organisation,
    person,
)
from pairing_server.registry.tables import session as table

#: So many in one commit, lest others wait for it.
AT_ONCE = 100
#: How long an ended session can still be looked up.
KEPT_FOR = timedelta(days=7)


class EndReason(StrEnum):
    """Why a session is over."""

    #: The person logged out at the client.
    LOGOUT = "logout"
    #: The phone was blocked or revoked, or its key may have been copied.
    PHONE = "phone"
    #: Person, membership, organisation or client is not what it was.
    UNLINKED = "unlinked"
    #: Its authorization code was shown twice.
    CODE_REUSED = "code_reused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session.

    Attributes:
        sub: What the client calls the person.
        credential_id: With what they logged in.
        notice_due_at: When the client is to be told that it is over, if it is to be told still.
        notice_attempts: How often that was tried.
    """

    sid: str
    client_id: str
    person_id: str
    credential_id: str
    ura: str
    sub: str
    opened_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    notice_due_at: datetime | None = None
    notice_attempts: int = 0

    def is_open(self, now: datetime) -> bool:
        """Whether it still lasts."""
        return self.ended_at is None and now < self.expires_at


_c = table.c
_insert = sa.insert(table)
_by_sid = sa.select(table).where(_c.sid == sa.bindparam("sid"))
#: Condition on a session, at `at`: it lasts.
IS_OPEN = sa.and_(_c.ended_at.is_(None), _c.expires_at > sa.bindparam("at"))
_ended: dict[str, Any] = {
    "ended_at": sa.bindparam("at"),
    "end_reason": sa.bindparam("why"),
    "notice_due_at": sa.bindparam("due"),
}
_end_one = sa.update(table).where(IS_OPEN, _c.sid == sa.bindparam("of_sid")).values(_ended)
_end_of_credential = (
    sa.update(table).where(IS_OPEN, _c.credential_id == sa.bindparam("of_key")).values(_ended)
)
_end_of_member = (
    sa.update(table)
    .where(IS_OPEN, _c.person_id == sa.bindparam("of_person"), _c.ura == sa.bindparam("of_ura"))
    .values(_ended)
)


def _there(one: sa.Table, *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    # Only with the session, so that who joins the other tables to it can ask this, too.
    return sa.exists(sa.select(1).select_from(one).where(*conditions).correlate(table))


#: Condition on a session, at `at`: what it rests on stands.  A key that another one replaced is
#: still the same person's phone; a card is asked for at the login alone.
STANDS = sa.and_(
    _there(person, person.c.id == _c.person_id, person.c.status == "active"),
    _there(
        membership,
        membership.c.person_id == _c.person_id,
        membership.c.ura == _c.ura,
        sa.or_(membership.c.valid_until.is_(None), membership.c.valid_until > sa.bindparam("at")),
    ),
    _there(organisation, organisation.c.ura == _c.ura, organisation.c.status == "active"),
    _there(client, client.c.id == _c.client_id, client.c.status == "active"),
    _there(
        client_organisation,
        client_organisation.c.client_id == _c.client_id,
        client_organisation.c.ura == _c.ura,
    ),
    ~_there(
        credential,
        credential.c.id == _c.credential_id,
        credential.c.status_at > _c.opened_at,
        sa.func.coalesce(credential.c.status_reason, "") != "replaced",
    ),
)
_fallen = sa.select(_c.sid).where(IS_OPEN, ~STANDS).order_by(_c.sid).limit(AT_ONCE)
_due = (
    sa.select(table)
    .where(_c.notice_due_at <= sa.bindparam("at"))
    .order_by(_c.notice_due_at, _c.sid)
    .limit(AT_ONCE)
)
_claim = (
    sa.update(table)
    .where(_c.sid == sa.bindparam("of_sid"), _c.notice_due_at == sa.bindparam("seen"))
    .values(notice_due_at=sa.bindparam("next_due"), notice_attempts=_c.notice_attempts + 1)
)
_told = sa.update(table).where(_c.sid == sa.bindparam("of_sid")).values(notice_due_at=sa.null())
_forget = sa.delete(table).where(_c.expires_at < sa.bindparam("until"), _c.notice_due_at.is_(None))


def add(tx: Transaction, session: Session) -> None:
    """Open a session."""
    tx.run(
        _insert,
        sid=session.sid,
        client_id=session.client_id,
        person_id=session.person_id,
        credential_id=session.credential_id,
        ura=session.ura,
        sub=session.sub,
        opened_at=to_milliseconds(session.opened_at),
        expires_at=to_milliseconds(session.expires_at),
        ended_at=None,
        end_reason=None,
        notice_due_at=None,
        notice_attempts=0,
    )


def get(tx: Query, sid: str) -> Session | None:
    """Return a session, over or not."""
    row = tx.one(_by_sid, sid=sid)
    return None if row is None else _session(row)


def end(
    tx: Transaction, sid: str, reason: EndReason, at: datetime, *, is_told: bool = True
) -> bool:
    """End one session.  Returns whether it lasted until then.

    Args:
        is_told: Whether its client is to be told.
    """
    due = to_milliseconds(at) if is_told else None
    return bool(tx.run(_end_one, of_sid=sid, at=to_milliseconds(at), why=reason, due=due))


def end_of_credential(tx: Transaction, credential_id: str, at: datetime) -> int:
    """End all sessions that a phone opened.  Returns how many lasted until then."""
    now = to_milliseconds(at)
    return tx.run(_end_of_credential, of_key=credential_id, at=now, why=EndReason.PHONE, due=now)


def end_of_member(tx: Transaction, person_id: str, ura: str, at: datetime) -> int:
    """End all sessions of a person for an organisation, which unlinks them.  Returns how many."""
    now = to_milliseconds(at)
    return tx.run(
        _end_of_member,
        of_person=person_id,
        of_ura=ura,
        at=now,
        why=EndReason.UNLINKED,
        due=now,
    )


def end_fallen(tx: Transaction, at: datetime) -> list[str]:
    """End sessions that rest on what does not stand any more, whoever took it away.

    Returns:
        Which; as many as may be in one commit.
    """
    fallen = [row["sid"] for row in tx.all(_fallen, at=to_milliseconds(at))]
    return [sid for sid in fallen if end(tx, sid, EndReason.UNLINKED, at)]


def due(tx: Query, at: datetime) -> list[Session]:
    """Return sessions whose clients are to be told now, those first that wait for longest."""
    return [_session(row) for row in tx.all(_due, at=to_milliseconds(at))]


def claim(tx: Transaction, session: Session, next_due: datetime) -> bool:
    """Take up telling a client, so that no other node does before `next_due`.

    Returns:
        Whether nobody was faster.
    """
    seen = session.notice_due_at
    return seen is not None and bool(
        tx.run(
            _claim,
            of_sid=session.sid,
            seen=to_milliseconds(seen),
            next_due=to_milliseconds(next_due),
        )
    )


def told(tx: Transaction, sid: str) -> None:
    """Note that the client has been told, or is not told any more."""
    tx.run(_told, of_sid=sid)


def forget(tx: Transaction, now: datetime) -> int:
    """Remove sessions that were over long ago.  Returns how many there were."""
    return tx.run(_forget, until=to_milliseconds(now - KEPT_FOR))


def _session(row: Row) -> Session:
    reason = row["end_reason"]
    return Session(
        sid=row["sid"],
        client_id=row["client_id"],
        person_id=row["person_id"],
        credential_id=row["credential_id"],
        ura=row["ura"],
        sub=row["sub"],
        opened_at=from_milliseconds(row["opened_at"]),
        expires_at=from_milliseconds(row["expires_at"]),
        ended_at=moment(row["ended_at"]),
        end_reason=None if reason is None else EndReason(reason),
        notice_due_at=moment(row["notice_due_at"]),
        notice_attempts=row["notice_attempts"],
    )
