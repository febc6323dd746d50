"""What people are told of their phones by mail, and whereto.

The row of a notice is also the mail that waits to be sent: written in one commit with what it
tells of, so that it is sent however often the server stops in between.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from pairing_server.audit.events import MailAddressChanged
from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Transaction
from pairing_server.registry.phone_notices import PhoneNotice, PhoneNoticeKind
from pairing_server.registry.tables import person
from pairing_server.registry.tables import phone_notice as table

#: So many in one round, lest others wait for it.
AT_ONCE = 50
#: Of what was longer ago nobody is mailed; it stands on the phone and in the log.
GIVEN_UP_AFTER = timedelta(hours=24)
MAX_ADDRESS_CHARACTERS = 254
# RFC 5321 section 4.1.2, without quoted names and address literals, which nobody has at work.
_ADDRESS = re.compile(
    r"(?=.{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A notice that waits to be mailed.

    Attributes:
        attempts: How often that was tried.
    """

    notice: PhoneNotice
    address: str
    due_at: datetime
    attempts: int


_c = table.c
_has_address = sa.exists(
    sa.select(1).where(
        person.c.id == _c.person_id, person.c.email.is_not(None), person.c.status == "active"
    )
)
_due = (
    sa.select(table, person.c.email)
    .join(person, person.c.id == _c.person_id)
    .where(
        _c.mail_due_at <= sa.bindparam("now"),
        person.c.email.is_not(None),
        person.c.status == "active",
    )
    .order_by(_c.mail_due_at, _c.id)
    .limit(AT_ONCE)
)
_claim = (
    sa.update(table)
    .where(_c.id == sa.bindparam("of_id"), _c.mail_due_at == sa.bindparam("seen"))
    .values(mail_due_at=sa.bindparam("next_due"), mail_attempts=_c.mail_attempts + 1)
)
_done = sa.update(table).where(_c.id == sa.bindparam("of_id")).values(mail_due_at=sa.null())
_given_up = sa.and_(_c.mail_due_at.is_not(None), _c.at <= sa.bindparam("until"))
_late = sa.select(sa.func.count().label("late")).select_from(table).where(_given_up, _has_address)
_give_up = (
    sa.update(table)
    .where(sa.or_(_given_up, sa.and_(_c.mail_due_at.is_not(None), ~_has_address)))
    .values(mail_due_at=sa.null())
)
_set = (
    sa.update(person)
    .where(person.c.id == sa.bindparam("of_id"))
    .values(email=sa.bindparam("address"))
)
_address_of = sa.select(person.c.email).where(person.c.id == sa.bindparam("id"))

_mailed = sa.select(person.c.id).where(
    person.c.id.in_(sa.bindparam("ids", expanding=True)), person.c.email.is_not(None)
)


def is_address(text: str) -> bool:
    """Tell whether mail can be sent there: one address, and nothing behind it."""
    return len(text) <= MAX_ADDRESS_CHARACTERS and _ADDRESS.fullmatch(text) is not None


def set_address(
    tx: Transaction, person_id: str, address: str | None, *, actor: str, ura: str | None = None
) -> bool:
    """Say where a person is mailed about their phones; nowhere for `None`.

    Returns:
        Whether there is such a person.

    Raises:
        ValueError: it is no address.
    """
    if address is not None and not is_address(address):
        raise ValueError("no address")
    if not tx.run(_set, of_id=person_id, address=address):
        return False
    tx.record(
        MailAddressChanged(
            actor=actor,
            object=f"person:{person_id}",
            ura=ura,
            evidence={"is_set": address is not None},
        )
    )
    return True


def address_of(tx: Query, person_id: str) -> str | None:
    """Return where a person is mailed."""
    row = tx.one(_address_of, id=person_id)
    return None if row is None else row["email"]


def who_is_mailed(tx: Query, person_ids: Sequence[str]) -> frozenset[str]:
    """Return which of some people are mailed."""
    return frozenset(row["id"] for row in tx.all(_mailed, ids=list(person_ids)))


def due(tx: Query, now: datetime) -> list[Waiting]:
    """Return what is to be mailed now, that first which waits for longest."""
    return [
        Waiting(
            notice=PhoneNotice(
                id=row["id"],
                person_id=row["person_id"],
                credential_id=row["credential_id"],
                kind=PhoneNoticeKind(row["kind"]),
                at=from_milliseconds(row["at"]),
                detail=row["detail"],
            ),
            address=row["email"],
            due_at=from_milliseconds(row["mail_due_at"]),
            attempts=row["mail_attempts"],
        )
        for row in tx.all(_due, now=to_milliseconds(now))
    ]


def claim(tx: Transaction, waiting: Waiting, next_due: datetime) -> bool:
    """Take up mailing a notice, so that no other node does before `next_due`.

    Returns:
        Whether nobody was faster.
    """
    return bool(
        tx.run(
            _claim,
            of_id=waiting.notice.id,
            seen=to_milliseconds(waiting.due_at),
            next_due=to_milliseconds(next_due),
        )
    )


def mailed(tx: Transaction, notice_id: str) -> None:
    """Note that a notice was mailed, or is not mailed any more."""
    tx.run(_done, of_id=notice_id)


def give_up(tx: Transaction, now: datetime) -> int:
    """Mail no more of what was long ago, or is told to who has no address.

    Returns:
        How many people with an address were not mailed.
    """
    until = to_milliseconds(now - GIVEN_UP_AFTER)
    row = tx.one(_late, until=until)
    tx.run(_give_up, until=until)
    return 0 if row is None else int(row["late"])
