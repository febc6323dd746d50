"""Clients: the programs that ask for logins, and for which organisations they may."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Row, Transaction
from pairing_server.registry.client_metadata import ClientMetadata
from pairing_server.registry.tables import client as table
from pairing_server.registry.tables import client_organisation


class ClientStatus(StrEnum):
    """Whether the client is answered."""

    ACTIVE = "active"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client.

    Attributes:
        jwks: Its public keys (RFC 7517 section 5).
        uras: The organisations for which it may ask, in order.
        policy: What is agreed with it, as JSON values (`pairing_server.oidc.client_policy`).
    """

    id: str
    name: str
    jwks: dict[str, Any]
    uras: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    policy: dict[str, Any]
    status: ClientStatus
    created_at: datetime
    metadata: ClientMetadata = field(default_factory=ClientMetadata)


_serves = client_organisation.c
_insert = sa.insert(table)
_update = (
    sa.update(table)
    .where(table.c.id == sa.bindparam("the_id"))
    .values(
        {
            name: sa.bindparam(f"new_{name}")
            for name in ("name", "jwks", "redirect_uris", "policy", "status", "metadata")
        }
    )
)
_insert_organisation = sa.insert(client_organisation)
_by_id = sa.select(table).where(table.c.id == sa.bindparam("id"))
_by_id_for_share = _by_id.with_for_update(read=True)
_by_id_for_update = _by_id.with_for_update()
_in_order = sa.select(table).order_by(table.c.name, table.c.id)
_all_uras = sa.select(client_organisation).order_by(_serves.ura)
_uras = _all_uras.where(_serves.client_id == sa.bindparam("id"))
_remove_uras = sa.delete(client_organisation).where(_serves.client_id == sa.bindparam("the_id"))
_uras_for_share = _uras.with_for_update(read=True)


def add(tx: Transaction, client: Client) -> None:
    """Register a client.

    Raises:
        AlreadyExistsError: its id is taken.
    """
    created_at = to_milliseconds(client.created_at)
    tx.run(_insert, id=client.id, created_at=created_at, **_values(client))
    for ura in client.uras:
        tx.run(_insert_organisation, client_id=client.id, ura=ura)


def update(tx: Transaction, client: Client) -> None:
    """Replace all that is known of a client but its id and since when it is one."""
    values = {f"new_{name}": value for name, value in _values(client).items()}
    tx.run(_update, the_id=client.id, **values)
    tx.run(_remove_uras, the_id=client.id)
    for ura in client.uras:
        tx.run(_insert_organisation, client_id=client.id, ura=ura)


def get(tx: Query, client_id: str) -> Client | None:
    """Return the client, whatever its status."""
    row = tx.one(_by_id, id=client_id)
    if row is None:
        return None
    return _client(row, (link["ura"] for link in tx.all(_uras, id=client_id)))


def get_for_share(tx: Transaction, client_id: str) -> Client | None:
    """Return the client, which stays what it is, and for whom it is now, until this commit."""
    row = tx.one(_by_id_for_share, id=client_id)
    if row is None:
        return None
    return _client(row, (link["ura"] for link in tx.all(_uras_for_share, id=client_id)))


def get_for_update(tx: Transaction, client_id: str) -> Client | None:
    """Return the client, which nobody else changes until this commit."""
    row = tx.one(_by_id_for_update, id=client_id)
    if row is None:
        return None
    return _client(row, (link["ura"] for link in tx.all(_uras, id=client_id)))


def list_all(tx: Query) -> list[Client]:
    """Return all clients by name."""
    uras = defaultdict(list)
    for link in tx.all(_all_uras):
        uras[link["client_id"]].append(link["ura"])
    return [_client(row, uras[row["id"]]) for row in tx.all(_in_order)]


def _values(client: Client) -> dict[str, str]:
    return {
        "name": client.name,
        "jwks": json.dumps(client.jwks),
        "redirect_uris": json.dumps(client.redirect_uris),
        "policy": json.dumps(client.policy),
        "status": client.status,
        "metadata": msgspec.json.encode(client.metadata).decode(),
    }


def _client(row: Row, uras: Iterable[str]) -> Client:
    return Client(
        id=row["id"],
        name=row["name"],
        jwks=json.loads(row["jwks"]),
        uras=tuple(uras),
        redirect_uris=tuple(json.loads(row["redirect_uris"])),
        policy=json.loads(row["policy"]),
        status=ClientStatus(row["status"]),
        created_at=from_milliseconds(row["created_at"]),
        metadata=msgspec.json.decode(row["metadata"], type=ClientMetadata),
    )
