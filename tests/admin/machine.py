"""A program that administers: an HR system, registered as the operator of a server does it."""

import json
from dataclasses import dataclass, replace
from typing import Any

from admin.access import of_machines
from pairing_server.registry import clients, organisations
from pairing_server.registry.client_metadata import ClientMetadata, GrantType
from pairing_server.registry.clients import Client, ClientStatus
from tests.admin.staff import NOW, OURS
from tests.house import House
from tests.oidc.client import BareClient

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


@dataclass
class Said:
    """What the API answered."""

    status: int
    body: Any
    headers: Any

    @property
    def error(self) -> str:
        return str(self.body["error"])

    @property
    def tag(self) -> str:
        return str(self.headers["ETag"])


@dataclass
class Program:
    """A program with a token of its own, at one organisation."""

    house: House
    client: BareClient
    token: str
    ura: str
    acts: frozenset[str]
    drawn: int = 0

    def path(self, rest: str = "") -> str:
        return rest if rest.startswith("/admin/") else f"/admin/api/organisations/{self.ura}{rest}"

    async def call(self, method: str, rest: str, body: Any = None, **headers: str) -> Said:
        """Call the API; headers by their names with underscores."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent.setdefault("Authorization", f"Bearer {self.token}")
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        url = self.house.base_url + self.path(rest)
        async with self.house.http.request(method, url, data=data, headers=sent) as answer:
            raw = await answer.read()
            is_json = answer.content_type == "application/json" and raw
            return Said(answer.status, json.loads(raw) if is_json else raw, answer.headers)

    async def get(self, rest: str, **headers: str) -> Said:
        return await self.call("GET", rest, **headers)

    async def post(self, rest: str, body: Any, key: str = "") -> Said:
        """Do something, under a key of its own unless one is given."""
        self.drawn += 1
        return await self.call("POST", rest, body, Idempotency_Key=key or f"key-{self.drawn}")

    async def change(self, method: str, rest: str, body: Any = None, tag: str = "") -> Said:
        """Change what was read, with its tag."""
        parts = rest.split("/")
        tag = tag or (await self.get("/".join(parts[:3]))).tag
        return await self.call(method, rest, body, If_Match=tag)

    async def agreed(self, **changed: Any) -> None:
        """Change what is agreed with the client."""

        def edit(tx: Any) -> None:
            found = clients.get_for_update(tx, self.client.id)
            policy = {**found.policy, **changed.pop("policy", {})}
            clients.update(tx, replace(found, policy=policy, **changed))

        await self.house.registry.commit(edit)


async def program(
    house: House, *acts: str, uras: tuple[str, ...] = (), name: str = "HR", **policy: Any
) -> Program:
    """Register a program that may do these acts, by default all that a machine may."""
    agreed = {"machine_scopes": ["admin"], "admin_acts": list(acts or of_machines()), **policy}
    holder = house.holder
    if await house.registry.read(lambda tx: organisations.get(tx, holder.ura)) is None:
        await house.add_organisation()
    await house.workstation(name, uras, metadata=BY_ITSELF, **agreed)
    client = BareClient(house, house.client_id, house.client_key)
    token = await token_of(client)
    serves = (uras or (house.holder.ura,))[0]
    return Program(house, client, token, serves, frozenset(agreed["admin_acts"]))


async def token_of(client: BareClient) -> str:
    """Let a client get a token of its own."""
    form = {"grant_type": "client_credentials", "scope": "admin"}
    status, body = await client.post("/token", form)
    assert status == 200, body
    return str(body["access_token"])
