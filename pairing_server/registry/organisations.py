"""Organisations: care providers with an URA number."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Row, Transaction
from pairing_server.registry.tables import organisation as table


class OrganisationStatus(StrEnum):
    """Whether anybody logs in for the organisation."""

    ACTIVE = "active"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """An organisation.

    Attributes:
        ura: Eight digits.
        key_policy: Which phones' keys it takes and what they earn, as JSON values; what it does
            not say, the server's own policy does (`pairing_server.keys.policy`).
        admin_policy: What its administrators settled among themselves, as JSON values
            (`admin.policy`).
    """

    ura: str
    name: str
    status: OrganisationStatus
    registered_at: datetime
    key_policy: Mapping[str, Any] = field(default_factory=dict)
    admin_policy: Mapping[str, Any] = field(default_factory=dict)


_insert = sa.insert(table)
_select = sa.select(table)
_by_ura = _select.where(table.c.ura == sa.bindparam("ura"))
_by_ura_for_share = _by_ura.with_for_update(read=True)
_by_ura_for_update = _by_ura.with_for_update()
_set_key_policy = (
    sa.update(table)
    .where(table.c.ura == sa.bindparam("key"))
    .values(key_policy=sa.bindparam("policy"))
)
_set_admin_policy = (
    sa.update(table)
    .where(table.c.ura == sa.bindparam("key"))
    .values(admin_policy=sa.bindparam("policy"))
)
_some = _select.where(table.c.status == OrganisationStatus.ACTIVE.value).limit(
    sa.bindparam("most")
)
_in_order = _select.order_by(table.c.name, table.c.ura)


def add(tx: Transaction, organisation: Organisation) -> None:
    """Register an organisation.

    Raises:
        AlreadyExistsError: its URA number is registered.
    """
    tx.run(
        _insert,
        ura=organisation.ura,
        name=organisation.name,
        status=organisation.status,
        registered_at=to_milliseconds(organisation.registered_at),
        key_policy=json.dumps(organisation.key_policy),
        admin_policy=json.dumps(organisation.admin_policy),
    )


def set_key_policy(tx: Transaction, ura: str, policy: Mapping[str, Any]) -> bool:
    """Set which keys it takes.  Returns whether there is such an organisation."""
    return tx.run(_set_key_policy, key=ura, policy=json.dumps(policy)) == 1


def set_admin_policy(tx: Transaction, ura: str, policy: Mapping[str, Any]) -> bool:
    """Set what its administrators settled.  Returns whether there is such an organisation."""
    return tx.run(_set_admin_policy, key=ura, policy=json.dumps(policy)) == 1


def get(tx: Query, ura: str) -> Organisation | None:
    """Return the organisation."""
    row = tx.one(_by_ura, ura=ura)
    return None if row is None else _organisation(row)


def get_for_share(tx: Transaction, ura: str) -> Organisation | None:
    """Return the organisation, which then stays what it is until this commit."""
    row = tx.one(_by_ura_for_share, ura=ura)
    return None if row is None else _organisation(row)


def get_for_update(tx: Transaction, ura: str) -> Organisation | None:
    """Return the organisation, which nobody else changes until this commit."""
    row = tx.one(_by_ura_for_update, ura=ura)
    return None if row is None else _organisation(row)


def some(tx: Query, most: int) -> list[Organisation]:
    """Return active ones, no more than so many: how many there are, where few are of interest."""
    return [_organisation(row) for row in tx.all(_some, most=most)]


def list_all(tx: Query) -> list[Organisation]:
    """Return all organisations by name."""
    return [_organisation(row) for row in tx.all(_in_order)]


def _organisation(row: Row) -> Organisation:
    return Organisation(
        ura=row["ura"],
        name=row["name"],
        status=OrganisationStatus(row["status"]),
        registered_at=from_milliseconds(row["registered_at"]),
        key_policy=json.loads(row["key_policy"]),
        admin_policy=json.loads(row["admin_policy"]),
    )
