"""Clients: the programs that ask for logins, and for which organisations they may."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Row, Transaction
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
        policy: What is agreed with it, as JSON values.
    """

    id: str
    name: str
    jwks: dict[str, Any]
    uras: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    policy: dict[str, Any]
    status: ClientStatus
    created_at: datetime


_serves = client_organisation.c
_insert = sa.insert(table)
_insert_organisation = sa.insert(client_organisation)
_by_id = sa.select(table).where(table.c.id == sa.bindparam("id"))
_by_id_for_share = _by_id.with_for_update(read=True)
_in_order = sa.select(table).order_by(table.c.name, table.c.id)
_all_uras = sa.select(client_organisation).order_by(_serves.ura)
_uras = _all_uras.where(_serves.client_id == sa.bindparam("id"))
_uras_for_share = _uras.with_for_update(read=True)


def add(tx: Transaction, client: Client) -> None:
    """Register a client.

    Raises:
        AlreadyExistsError: its id is taken.
    """
    tx.run(
        _insert,
        id=client.id,
        name=client.name,
        jwks=json.dumps(client.jwks),
        redirect_uris=json.dumps(client.redirect_uris),
        policy=json.dumps(client.policy),
        status=client.status,
        created_at=to_milliseconds(client.created_at),
    )
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


def list_all(tx: Query) -> list[Client]:
    """Return all clients by name."""
    uras = defaultdict(list)
    for link in tx.all(_all_uras):
        uras[link["client_id"]].append(link["ura"])
    return [_client(row, uras[row["id"]]) for row in tx.all(_in_order)]


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
    )
