"""The clients of an organisation whose registered keys come with certificates."""

import json
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from pairing_server.registry import Query
from pairing_server.registry.client_metadata import AuthMethod, ClientMetadata
from pairing_server.registry.tables import client, client_organisation

#: As many systems of an organisation as a page shows.
LISTED = 100


@dataclass(frozen=True, slots=True)
class CertifiedClient:
    """A client, and the keys by which it shows who it is (RFC 7517 section 4)."""

    id: str
    name: str
    keys: tuple[dict[str, Any], ...]


_of_organisation = (
    sa.select(client.c.id, client.c.name, client.c.jwks, client.c.metadata)
    .join(client_organisation, client_organisation.c.client_id == client.c.id)
    .where(
        client_organisation.c.ura == sa.bindparam("of_ura"),
        client.c.status == "active",
        client.c.jwks.contains('"x5c"'),
    )
    .order_by(client.c.name, client.c.id)
    .limit(LISTED)
)


def of_organisation(tx: Query, ura: str) -> list[CertifiedClient]:
    """Return them by name.

    Who shows a certificate in the place of a key, or publishes keys elsewhere, is not among them:
    of those certificates nothing is kept.
    """
    return [
        CertifiedClient(row["id"], row["name"], tuple(json.loads(row["jwks"])["keys"]))
        for row in tx.all(_of_organisation, of_ura=ura)
        if _signs_with_them(msgspec.json.decode(row["metadata"], type=ClientMetadata))
    ]


def _signs_with_them(metadata: ClientMetadata) -> bool:
    by_key = metadata.token_endpoint_auth_method is AuthMethod.PRIVATE_KEY_JWT
    return by_key and not metadata.jwks_uri
