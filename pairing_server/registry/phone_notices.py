"""What a person is told on their other phones."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Transaction
from pairing_server.registry.tables import phone_notice as table

#: As many as a phone is told; the newest.
LISTED = 50
#: How long a notice is told; what it tells of stands in the audit log.
TOLD_FOR = timedelta(days=90)


class PhoneNoticeKind(StrEnum):
    """What happened to one of the person's phones."""

    ADDED = "phone_added"
    REPLACED = "phone_replaced"
    RENEWED = "phone_renewed"
    BLOCKED = "phone_blocked"
    UNBLOCKED = "phone_unblocked"
    REVOKED = "phone_revoked"
    TOKEN_REPLACED = "token_replaced"  # noqa: S105  (the name of an event)
    SIGN_COUNT = "sign_count"
    EXPIRING = "expiring"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneNotice:
    """Something that the person should know, wherever they look next.

    Attributes:
        credential_id: The phone that it is about.
        detail: For `EXPIRING`, how many days before; else empty.
    """

    id: str
    person_id: str
    credential_id: str
    kind: PhoneNoticeKind
    at: datetime
    detail: str = ""


_c = table.c
_insert = sa.insert(table)
_exists = sa.select(_c.id).where(_c.id == sa.bindparam("id"))
_of_person = (
    sa.select(table)
    .where(_c.person_id == sa.bindparam("person_id"), _c.at > sa.bindparam("since"))
    .order_by(_c.at.desc(), _c.id)
    .limit(LISTED)
)
_forget = sa.delete(table).where(_c.at <= sa.bindparam("until"))


def add(tx: Transaction, notice: PhoneNotice) -> bool:
    """Tell a person something, once for each id.  Returns whether this call did."""
    if tx.one(_exists, id=notice.id) is not None:
        return False
    tx.run(
        _insert,
        id=notice.id,
        person_id=notice.person_id,
        credential_id=notice.credential_id,
        kind=notice.kind,
        at=to_milliseconds(notice.at),
        detail=notice.detail,
        mail_due_at=to_milliseconds(notice.at),
        mail_attempts=0,
    )
    return True


def of_person(tx: Query, person_id: str, now: datetime) -> list[PhoneNotice]:
    """Return what a person was told lately, newest first, no more than `LISTED`."""
    since = to_milliseconds(now - TOLD_FOR)
    return [
        PhoneNotice(
            id=row["id"],
            person_id=row["person_id"],
            credential_id=row["credential_id"],
            kind=PhoneNoticeKind(row["kind"]),
            at=from_milliseconds(row["at"]),
            detail=row["detail"],
        )
        for row in tx.all(_of_person, person_id=person_id, since=since)
    ]


def forget(tx: Transaction, now: datetime) -> int:
    """Remove what is not told any more.  Returns how many there were."""
    return tx.run(_forget, until=to_milliseconds(now - TOLD_FOR))
