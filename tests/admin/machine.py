"""A program that administers: an HR system, registered as the operator of a server does it."""

from pairing_server.registry import clients
from pairing_server.registry.client_metadata import ClientMetadata, GrantType
from pairing_server.registry.clients import Client, ClientStatus
from tests.admin.staff import NOW, OURS

BY_ITSELF = ClientMetadata(grant_types=(GrantType.CLIENT_CREDENTIALS,))
HR = Client(
    id="hr",
    name="HR",
    jwks={"keys": []},
    uras=(OURS.ura,),
    redirect_uris=(),
    policy={"machine_scopes": ["admin"], "admin_acts": ["unlink", "set_roles", "rename"]},
    metadata=BY_ITSELF,
    status=ClientStatus.ACTIVE,
    created_at=NOW,
)


async def put(registry, client):
    """Register a client, or change it as the operator of a server does."""

    def change(tx):
        known = clients.get(tx, client.id)
        (clients.add if known is None else clients.update)(tx, client)

    await registry.commit(change)
