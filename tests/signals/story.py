"""A client with a stream, its endpoint over TLS, and what is sent there."""

import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import jwt

from clients.push_simulator.authority import LoopbackAuthority
from pairing_server.egress import Egress
from pairing_server.keys.seal import Seal, derived_key
from pairing_server.oidc.client_egress import LOOPBACK, ClientEgress
from pairing_server.oidc.id_token import pairwise_subject
from pairing_server.ports import Ports
from pairing_server.registry import clients, people, streams
from pairing_server.registry.client_metadata import LOGIN_GRANTS, ClientMetadata, GrantType
from pairing_server.signals.audience import Audience
from pairing_server.signals.security_event import SUPPORTED
from pairing_server.signals.setup import SEAL_PURPOSE
from pairing_server.signals.transmitter import Transmitter
from tests.house import House
from tests.oidc.client import BareClient
from tests.oidc.endpoint import Endpoint

AUTHORITY = LoopbackAuthority.create()
SCOPES = ["ssf.read", "ssf.manage"]


def registered(endpoint: str, **more: Any) -> ClientMetadata:
    grants = (*LOGIN_GRANTS, GrantType.CLIENT_CREDENTIALS)
    return ClientMetadata(grant_types=grants, ssf_delivery_endpoint=endpoint, **more)


@asynccontextmanager
async def client_calls():
    """Call as a server does that the operator has agreed inside addresses with."""
    trust = ssl.create_default_context(cadata=AUTHORITY.pem.decode())
    egress = ClientEgress(Egress((), tls=trust), Egress(LOOPBACK, tls=trust), is_demo=False)
    try:
        yield egress
    finally:
        await egress.close()


@dataclass
class Listener:
    """A client that hears what happens.

    Attributes:
        stream: The id of its stream, once it made one.
    """

    house: House
    endpoint: Endpoint
    calls: ClientEgress
    client: BareClient
    stream: str = ""
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.client.id

    def transmitter(self, registry: Any = None, calls: Any = None) -> Transmitter:
        """Return a node's sender; each call makes another node's."""
        ports, stores = self.house.ports, self.house.stores
        own = Ports(registry or ports.registry, ports.store, ports.clock, ports.random)
        seal = Seal(derived_key(stores.pairwise_salt, SEAL_PURPOSE), ports.random)
        audience = Audience(self.house.base_url, stores.pairwise_salt)
        return Transmitter(own, stores.keys, calls or self.calls, seal, audience)

    async def send(self) -> int:
        return await self.transmitter().send()

    async def token(self, scope: str = "ssf.manage") -> str:
        form = {"grant_type": "client_credentials", "scope": scope}
        status, body = await self.client.post("/token", form)
        assert status == 200, body
        return str(body["access_token"])

    async def call(
        self, method: str, path: str, body: Any = None, scope: str = "ssf.manage"
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {await self.token(scope)}"}
        async with self.house.http.request(
            method, self.house.base_url + path, json=body, headers=headers
        ) as answer:
            return answer.status, await answer.json() if answer.content_length else None

    async def listen(self, **more: Any) -> dict[str, Any]:
        """Make the stream."""
        delivery = {"method": "urn:ietf:rfc:8935", "endpoint_url": self.endpoint.url}
        asked = {"delivery": delivery, "events_requested": list(SUPPORTED)} | more
        status, made = await self.call("POST", "/ssf/streams", asked)
        assert status == 201, made
        self.stream = made["stream_id"]
        return made

    async def state(self):
        return await self.house.registry.read(lambda tx: streams.get(tx, self.stream))

    def sets(self) -> list[dict[str, Any]]:
        """Return what arrived, in order."""
        options = {"verify_signature": False}
        return [jwt.decode(heard.body, options=options) for heard in self.endpoint.heard]

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        """Return what was told: the last part of the event's name, and the event."""
        events = (next(iter(each["events"].items())) for each in self.sets())
        return [(name.rpartition("/")[2], body) for name, body in events]

    def changes(self) -> list[str]:
        return [body["change_type"] for name, body in self.told() if name == "credential-change"]

    async def sub(self) -> str:
        """Return what this client calls the holder."""
        number = self.house.holder.uzi_number
        person = await self.house.registry.read(lambda tx: people.by_uzi_number(tx, number))
        return pairwise_subject(self.house.stores.pairwise_salt, self.id, person.id)

    async def change(self, **changed: Any) -> None:
        """Change what the client is, as an operator does."""

        def edit(tx: Any) -> None:
            found = clients.get_for_update(tx, self.id)
            clients.update(tx, replace(found, **changed))

        await self.house.registry.commit(edit)


async def listener(house: House, endpoint: Endpoint, calls: ClientEgress, **more: Any) -> Listener:
    """Register a client that hears at this endpoint."""
    options = {"metadata": registered(endpoint.url)} | more
    await house.workstation(
        "SIEM", machine_scopes=SCOPES, private_notification_hosts=True, **options
    )
    return Listener(house, endpoint, calls, BareClient(house, house.client_id, house.client_key))
