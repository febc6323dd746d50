"""What an organisation is told; its administrators see it in the portal."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Row, Transaction
from pairing_server.registry.moments import moment
from pairing_server.registry.tables import notice as notice_table

#: As many as a page shows; the newest.
LISTED = 200


class NoticeKind(StrEnum):
    """What happened."""

    REGISTRATION_DENIED = "registration_denied"
    SEVERAL_RECORDS = "several_records"
    SIGN_COUNT = "sign_count"
    #: Another organisation blocked, revoked, or unblocked the phone of somebody who works here.
    PHONE_BLOCKED = "phone_blocked"
    PHONE_REVOKED = "phone_revoked"
    PHONE_UNBLOCKED = "phone_unblocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that the administrators of an organisation should look at.

    Attributes:
        subject: Whom it is about, as JSON values; never a date of birth.
        read_by: The person or operator who was the first to mark it as read.
    """

    id: str
    ura: str
    kind: NoticeKind
    at: datetime
    subject: Mapping[str, Any]
    read_by: str | None = None
    read_at: datetime | None = None


_c = notice_table.c
_insert = sa.insert(notice_table)
_of_organisation = (
    sa.select(notice_table)
    .where(_c.ura == sa.bindparam("ura"))
    .order_by(_c.at.desc(), _c.id)
    .limit(LISTED)
)
_unread = (
    sa.select(_c.id)
    .where(
        _c.ura == sa.bindparam("ura"),
        _c.kind == sa.bindparam("kind"),
        _c.subject == sa.bindparam("subject"),
        _c.read_at.is_(None),
    )
    .limit(1)
)
_exists = sa.select(_c.id).where(_c.id == sa.bindparam("id"), _c.ura == sa.bindparam("ura"))
_read = (
    sa.update(notice_table)
    .where(
        _c.id == sa.bindparam("key"),
        _c.ura == sa.bindparam("organisation"),
        _c.read_at.is_(None),
    )
    .values(read_by=sa.bindparam("by"), read_at=sa.bindparam("now"))
)


def add(tx: Transaction, notice: Notice) -> None:
    """Tell an organisation something.

    Raises:
        AlreadyExistsError: it was told under that id.
    """
    tx.run(
        _insert,
        id=notice.id,
        ura=notice.ura,
        kind=notice.kind,
        at=to_milliseconds(notice.at),
        subject=_text(notice.subject),
        read_by=notice.read_by,
        read_at=None if notice.read_at is None else to_milliseconds(notice.read_at),
    )


def is_unread(tx: Query, notice: Notice) -> bool:
    """Tell whether the organisation was told the same, and nobody has read that yet."""
    found = tx.one(_unread, ura=notice.ura, kind=notice.kind, subject=_text(notice.subject))
    return found is not None


def of_organisation(tx: Query, ura: str) -> list[Notice]:
    """Return what an organisation was told, newest first, no more than `LISTED`."""
    return [_notice(row) for row in tx.all(_of_organisation, ura=ura)]


def exists(tx: Query, notice_id: str, ura: str) -> bool:
    """Tell whether that organisation has that notice."""
    return tx.one(_exists, id=notice_id, ura=ura) is not None


def mark_read(tx: Transaction, notice_id: str, ura: str, by: str, at: datetime) -> bool:
    """Note who read it.  Returns whether they were the first."""
    return tx.run(_read, key=notice_id, organisation=ura, by=by, now=to_milliseconds(at)) == 1


def _text(subject: Mapping[str, Any]) -> str:
    return json.dumps(subject, ensure_ascii=False, sort_keys=True)


def _notice(row: Row) -> Notice:
    return Notice(
        id=row["id"],
        ura=row["ura"],
        kind=NoticeKind(row["kind"]),
        at=from_milliseconds(row["at"]),
        subject=json.loads(row["subject"]),
        read_by=row["read_by"],
        read_at=moment(row["read_at"]),
    )
