"""Memberships that were offered: they begin when the person says yes.

An offer stands on a UZI number, whoever has it or nobody: an organisation that offers learns
nothing of the people of others.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Row, Transaction
from pairing_server.registry.moments import milliseconds, moment
from pairing_server.registry.people import MembershipKind
from pairing_server.registry.people_tables import membership_offer as table


class OfferStatus(StrEnum):
    """Where an offer is; one that is open may be over all the same."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipOffer:
    """A membership that waits for the yes of who has the UZI number.

    Attributes:
        first_names, last_name: As the organisation knows them.
        role_codes: First the one that is offered first.
        valid_until: Of the membership.
        expires_at: Of the offer.
    """

    id: str
    ura: str
    uzi_number: str
    first_names: str
    last_name: str
    kind: MembershipKind
    role_codes: tuple[str, ...]
    valid_until: datetime | None
    offered_by: str
    offered_at: datetime
    expires_at: datetime
    status: OfferStatus = OfferStatus.OPEN
    settled_at: datetime | None = None

    @property
    def name(self) -> str:
        """First names and last name, as the organisation knows them."""
        return f"{self.first_names} {self.last_name}"

    def is_open(self, now: datetime) -> bool:
        """Whether it can still be accepted, and would be of use."""
        return (
            self.status is OfferStatus.OPEN
            and now < self.expires_at
            and (self.valid_until is None or now < self.valid_until)
        )


_c = table.c
_insert = sa.insert(table)
_by_id = sa.select(table).where(_c.id == sa.bindparam("id"))
_by_id_for_update = _by_id.with_for_update()
_is_open = _c.status == OfferStatus.OPEN.value
_to_number = (
    sa.select(table)
    .where(_is_open, _c.uzi_number == sa.bindparam("uzi_number"))
    .order_by(_c.offered_at, _c.id)
)
_of_organisation = (
    sa.select(table)
    .where(_is_open, _c.ura == sa.bindparam("ura"))
    .order_by(_c.last_name, _c.first_names, _c.id)
)
_of_both_for_update = (
    sa.select(table)
    .where(_is_open, _c.ura == sa.bindparam("ura"), _c.uzi_number == sa.bindparam("uzi_number"))
    .with_for_update()
)
_settle = (
    sa.update(table)
    .where(_c.id == sa.bindparam("key"), _is_open)
    .values(status=sa.bindparam("new"), settled_at=sa.bindparam("at"))
)


def add(tx: Transaction, offer: MembershipOffer) -> None:
    """Offer a membership.

    Raises:
        AlreadyExistsError: the organisation has an open offer to that number.
    """
    tx.run(
        _insert,
        id=offer.id,
        ura=offer.ura,
        uzi_number=offer.uzi_number,
        first_names=offer.first_names,
        last_name=offer.last_name,
        kind=offer.kind,
        role_codes=json.dumps(offer.role_codes),
        valid_until=milliseconds(offer.valid_until),
        offered_by=offer.offered_by,
        offered_at=to_milliseconds(offer.offered_at),
        expires_at=to_milliseconds(offer.expires_at),
        status=offer.status,
        settled_at=milliseconds(offer.settled_at),
    )


def get(tx: Query, offer_id: str) -> MembershipOffer | None:
    """Return an offer, settled or not."""
    row = tx.one(_by_id, id=offer_id)
    return None if row is None else _offer(row)


def get_for_update(tx: Transaction, offer_id: str) -> MembershipOffer | None:
    """Return an offer, which nobody else settles until this commit."""
    row = tx.one(_by_id_for_update, id=offer_id)
    return None if row is None else _offer(row)


def to_number(tx: Query, uzi_number: str) -> list[MembershipOffer]:
    """Return what was offered to who has this number and not been settled, oldest first."""
    return [_offer(row) for row in tx.all(_to_number, uzi_number=uzi_number)]


def of_organisation(tx: Query, ura: str) -> list[MembershipOffer]:
    """Return what an organisation offered and has not been settled, by name."""
    return [_offer(row) for row in tx.all(_of_organisation, ura=ura)]


def unsettled_for_update(tx: Transaction, ura: str, uzi_number: str) -> MembershipOffer | None:
    """Return what the organisation offered to a number and has not been settled."""
    row = tx.one(_of_both_for_update, ura=ura, uzi_number=uzi_number)
    return None if row is None else _offer(row)


def settle(tx: Transaction, offer_id: str, status: OfferStatus, at: datetime) -> bool:
    """Settle an offer.  Returns whether this did."""
    return tx.run(_settle, key=offer_id, new=status, at=to_milliseconds(at)) == 1


def _offer(row: Row) -> MembershipOffer:
    return MembershipOffer(
        id=row["id"],
        ura=row["ura"],
        uzi_number=row["uzi_number"],
        first_names=row["first_names"],
        last_name=row["last_name"],
        kind=MembershipKind(row["kind"]),
        role_codes=tuple(json.loads(row["role_codes"])),
        valid_until=moment(row["valid_until"]),
        offered_by=row["offered_by"],
        offered_at=from_milliseconds(row["offered_at"]),
        expires_at=from_milliseconds(row["expires_at"]),
        status=OfferStatus(row["status"]),
        settled_at=moment(row["settled_at"]),
    )
