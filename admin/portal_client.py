"""The client that the portal is to this very server: it logs people in, and nothing else."""

from dataclasses import replace
from datetime import datetime

from pairing_server.registry import Transaction, clients, organisations
from pairing_server.registry.client_metadata import ClientMetadata, GrantType
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.organisations import OrganisationStatus

CLIENT_ID = "pairing-server-admin"
NAME = "Administration"
RETURN = "/admin/return"
#: A working day; who goes on longer logs in once more.
SESSION_HOURS = 8

#: It shows no key, so that nobody calls as it from elsewhere; and only what was handed in here,
#: in this process, is a request of it (RFC 9126): no link begins a login to the portal.
_METADATA = ClientMetadata(
    grant_types=(GrantType.AUTHORIZATION_CODE,), require_pushed_authorization_requests=True
)
_POLICY = {"session_hours": SESSION_HOURS, "knows_users": "none"}


def prepare(tx: Transaction, ura: str, base_url: str, now: datetime) -> Client | None:
    """Return the client, registered for an organisation if it was not yet.

    Returns:
        `None` where there is no such organisation, or an operator closed the client.
    """
    organisation = organisations.get(tx, ura)
    if organisation is None or organisation.status is not OrganisationStatus.ACTIVE:
        return None
    held = clients.get_for_update(tx, CLIENT_ID)
    wanted = _wanted(ura, base_url, now, held)
    if held is None:
        clients.add(tx, wanted)
    elif wanted != held:
        clients.update(tx, wanted)
    return wanted if wanted.status is ClientStatus.ACTIVE else None


def is_prepared(client: Client | None, ura: str, base_url: str) -> bool:
    """Tell whether nothing has to be written before somebody logs in."""
    return client is not None and _wanted(ura, base_url, client.created_at, client) == client


def _wanted(ura: str, base_url: str, now: datetime, held: Client | None) -> Client:
    made = Client(
        id=CLIENT_ID,
        name=NAME,
        jwks={"keys": []},
        uras=(ura,),
        redirect_uris=(base_url + RETURN,),
        policy=_POLICY,
        status=ClientStatus.ACTIVE,
        created_at=now,
        metadata=_METADATA,
    )
    if held is None:
        return made
    return replace(
        made,
        uras=tuple(sorted({*held.uras, ura})),
        status=held.status,
        created_at=held.created_at,
    )
