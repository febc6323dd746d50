"""That an operator saw somebody with an identity document (option 2B)."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Row, Transaction
from pairing_server.registry.moments import milliseconds, moment
from pairing_server.registry.people_tables import identity_check as table


class DocumentKind(StrEnum):
    """Identity documents (Wet op de identificatieplicht, article 1)."""

    PASSPORT = "passport"
    ID_CARD = "id_card"
    DRIVING_LICENCE = "driving_licence"
    RESIDENCE_PERMIT = "residence_permit"


class CheckStatus(StrEnum):
    """What a check can be used for: one that is ready lets one phone be paired."""

    AWAITS_SECOND = "awaits_second"
    READY = "ready"
    USED = "used"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityCheck:
    """A check of a person's identity, face to face.

    Attributes:
        document_ending: The last four characters of its number, and never more.
        document_country: Who issued it, ISO 3166-1 alpha-3.
        checked_by: The operator.
        seconded_by: The administrator who approved of it, or refused it.
    """

    id: str
    person_id: str
    ura: str
    document_kind: DocumentKind
    document_ending: str
    document_country: str
    checked_on: date
    checked_by: str
    made_at: datetime
    status: CheckStatus
    seconded_by: str | None = None
    settled_at: datetime | None = None


_c = table.c
_insert = sa.insert(table)
_by_id = sa.select(table).where(_c.id == sa.bindparam("id"))
_by_id_for_update = _by_id.with_for_update()
_of_person = (
    sa.select(table)
    .where(_c.person_id == sa.bindparam("person_id"), _c.ura == sa.bindparam("ura"))
    .order_by(_c.made_at.desc(), _c.id)
)
_awaiting = (
    sa.select(table)
    .where(_c.ura == sa.bindparam("ura"), _c.status == CheckStatus.AWAITS_SECOND.value)
    .order_by(_c.made_at, _c.id)
)
_move = (
    sa.update(table)
    .where(_c.id == sa.bindparam("key"), _c.status == sa.bindparam("old"))
    .values(
        status=sa.bindparam("new"),
        settled_at=sa.bindparam("at"),
        seconded_by=sa.func.coalesce(sa.cast(sa.bindparam("second"), sa.Text), _c.seconded_by),
    )
)


def add(tx: Transaction, check: IdentityCheck) -> None:
    """Write a check."""
    tx.run(
        _insert,
        id=check.id,
        person_id=check.person_id,
        ura=check.ura,
        document_kind=check.document_kind,
        document_ending=check.document_ending,
        document_country=check.document_country,
        checked_on=check.checked_on.isoformat(),
        checked_by=check.checked_by,
        made_at=to_milliseconds(check.made_at),
        status=check.status,
        seconded_by=check.seconded_by,
        settled_at=milliseconds(check.settled_at),
    )


def get(tx: Query, check_id: str) -> IdentityCheck | None:
    """Return a check."""
    row = tx.one(_by_id, id=check_id)
    return None if row is None else _check(row)


def get_for_update(tx: Transaction, check_id: str) -> IdentityCheck | None:
    """Return a check, which nobody else uses until this commit."""
    row = tx.one(_by_id_for_update, id=check_id)
    return None if row is None else _check(row)


def of_person(tx: Query, person_id: str, ura: str) -> list[IdentityCheck]:
    """Return an organisation's checks of a person, newest first."""
    return [_check(row) for row in tx.all(_of_person, person_id=person_id, ura=ura)]


def awaiting(tx: Query, ura: str) -> list[IdentityCheck]:
    """Return those that wait for a second administrator, oldest first."""
    return [_check(row) for row in tx.all(_awaiting, ura=ura)]


def move(
    tx: Transaction,
    check: IdentityCheck,
    status: CheckStatus,
    at: datetime,
    second: str | None = None,
) -> bool:
    """Move a check on from where it was seen.  Returns whether it was there still."""
    return (
        tx.run(
            _move,
            key=check.id,
            old=check.status,
            new=status,
            at=to_milliseconds(at),
            second=second,
        )
        == 1
    )


def _check(row: Row) -> IdentityCheck:
    return IdentityCheck(
        **{
            **row,
            "document_kind": DocumentKind(row["document_kind"]),
            "checked_on": date.fromisoformat(row["checked_on"]),
            "made_at": from_milliseconds(row["made_at"]),
            "status": CheckStatus(row["status"]),
            "settled_at": moment(row["settled_at"]),
        }
    )
