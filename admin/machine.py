"""A program that administers: what it may do is what is agreed with its client, at this moment."""

from dataclasses import replace
from datetime import datetime

from admin.actor import Actor, Role
from pairing_server.errors import NotFound, Unauthenticated
from pairing_server.oidc.client_credentials import may
from pairing_server.oidc.client_policy import MachineScope, policy_of
from pairing_server.registry import Query, clients
from pairing_server.registry.clients import Client


def actor_of(client: Client, ura: str, authenticated_at: datetime) -> Actor:
    """Return a client as the actor that it is for one organisation, be it its own or not.

    Args:
        authenticated_at: When it showed its key.
    """
    return Actor(
        role=Role.MACHINE,
        ura=ura,
        person_id=None,
        client_id=client.id,
        authenticated_at=authenticated_at,
        acts=frozenset(policy_of(client).admin_acts),
    )


def check_serves(client: Client, ura: str) -> None:
    """Make sure that a client acts for an organisation.

    Raises:
        NotFound: another one's, or there is none.
    """
    if ura not in client.uras:
        raise NotFound("not its organisation")


def still(tx: Query, actor: Actor) -> Actor:
    """Return a program as the actor that it is in this transaction.

    Raises:
        NotFound: the organisation is not its own any more.
        Unauthenticated: it was closed, or administers nothing any more.
    """
    client = clients.get(tx, actor.client_id or "")
    if client is None or not may(client, MachineScope.ADMIN):
        raise Unauthenticated("administers no more")
    check_serves(client, actor.ura)
    return replace(actor, acts=frozenset(policy_of(client).admin_acts))
