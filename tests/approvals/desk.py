"""One person's phone and one client's workstation, and what a test does to them from inside."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from clients.auth_request import AuthRequest as ShownRequest
from clients.auth_request import approval_challenge
from clients.authenticator import Twist
from clients.client_data import HONEST
from clients.phone import SoftwarePhone
from clients.wire import WireError
from clients.workstation import Assertion, Started, Workstation
from pairing_server.approvals.asked import request_id
from pairing_server.approvals.auth_request import AuthRequest
from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.keys.ceremony import AuthenticationResponse, RelyingParty
from pairing_server.keys.flow import BoundPhone, PhoneFlow
from pairing_server.keys.policy import server_policy
from pairing_server.ports import Ports
from pairing_server.push.dispatch import Dispatch
from pairing_server.registry import RegistryUnavailableError
from pairing_server.registry.tables import auth_answer, redemption
from pairing_server.store import Store
from pairing_server.store.shelf import Shelf
from tests.house import House


class UnreliableRegistry:
    """A registry that can be away, before it has committed or after, as often as told.

    Attributes:
        away: How many commits fail from now on.
        keeps: Whether those that fail are made all the same.
    """

    def __init__(self, registry: Any) -> None:
        self._registry = registry
        self.away = 0
        self.keeps = False

    async def read(self, query: Callable[..., Any]) -> Any:
        return await self._registry.read(query)

    async def commit(self, change: Callable[..., Any]) -> Any:
        if not self.away:
            return await self._registry.commit(change)
        self.away -= 1
        if self.keeps:
            await self._registry.commit(change)
        raise RegistryUnavailableError("away")

    async def ping(self) -> None:
        await self._registry.ping()

    async def close(self) -> None:
        await self._registry.close()


class MeddlingRegistry(UnreliableRegistry):
    """A registry that lets another step in before the next commit, or after it; once."""

    before: Callable[[], Any] | None = None
    after: Callable[[], Any] | None = None

    async def commit(self, change: Callable[..., Any]) -> Any:
        before, self.before = self.before, None
        if before is not None:
            await before()
        value = await super().commit(change)
        after, self.after = self.after, None
        if after is not None:
            await after()
        return value


@dataclass
class Desk:
    """A phone and a workstation of the same person's organisation."""

    house: House
    phone: SoftwarePhone
    workstation: Workstation
    client_id: str
    shelf: Shelf[AuthRequest] = field(init=False)

    def __post_init__(self) -> None:
        self.shelf = Shelf(self.house.store, "auth-request", AuthRequest)

    async def ask(self, **options: Any) -> tuple[Started, ShownRequest]:
        """Start a login; what the workstation got, and what the phone shows."""
        started = await self.house.ask(self.workstation, **options)
        return started, await self.phone.get(request_id(started.auth_req_id))

    async def approved(self, **options: Any) -> Started:
        started, request = await self.ask(**options)
        await self.phone.approve(request, started.binding_code)
        return started

    async def record(self, started: Started) -> AuthRequest:
        """What the Store has of a request."""
        stored = await self.shelf.get(request_id(started.auth_req_id))
        assert stored is not None
        return stored.value

    async def change(self, started: Started, **fields: Any) -> None:
        """Change what the Store has, as nobody should be able to."""
        changed = await self.shelf.change(
            request_id(started.auth_req_id), lambda request: replace(request, **fields)
        )
        assert changed is not None

    async def roll_back(self, started: Started, raw: bytes) -> None:
        """Put back what stood in the Store before, as a failover does that loses a second."""
        key = self.shelf.key(request_id(started.auth_req_id))
        await self.house.store.delete(key)
        assert await self.house.store.create(key, raw, timedelta(minutes=1))

    async def raw(self, started: Started) -> bytes:
        stored = await self.shelf.get(request_id(started.auth_req_id))
        assert stored is not None
        return stored.raw

    async def bound(self) -> BoundPhone:
        """The phone as the server sees it once it has shown its device token."""

        phones = PhoneFlow(self.house.ports, self._rp(), self.house.phone_status())
        return await phones.authenticate(self.phone.device_token)

    def _rp(self) -> RelyingParty:
        settings = self.house.settings
        return RelyingParty(settings.rp_id, settings.webauthn_origins)

    def flow(self, store: Store | None = None, registry: Any = None) -> ApprovalFlow:
        """The server's own steps, on a Store or registry that does what a test wants."""
        ports = self.house.ports
        ports = Ports(registry or ports.registry, store or ports.store, ports.clock, ports.random)
        return ApprovalFlow(
            ports, Dispatch(ports, {}), self._rp(), server_policy(self.house.settings)
        )

    def signed(
        self, request: ShownRequest, code: str, twist: Twist = HONEST
    ) -> AuthenticationResponse:
        return msgspec.convert(self.assertion(request, code, twist), AuthenticationResponse)

    def assertion(self, request: ShownRequest, code: str, twist: Twist = HONEST) -> dict[str, Any]:
        phone = self.phone
        challenge = approval_challenge(request, code)
        return phone.authenticator.get(challenge, phone.rp_id, phone.origin, twist)

    async def block(self) -> None:
        await self.house.phone_status().block(self.phone.credential_id, "operator:test")

    async def unblock(self) -> None:
        await self.house.phone_status().unblock(self.phone.credential_id, "operator:test")

    async def poll(self, started: Started, wait: int = 0) -> Assertion | None:
        return await self.workstation.poll_once(started, wait)

    async def outcome(self, started: Started, wait: int = 0) -> str:
        """How a poll ends, in one word."""
        try:
            assertion = await self.poll(started, wait)
        except WireError as error:
            return str(error.body.get("reason", error.error))
        return "pending" if assertion is None else "assertion"

    async def actions(self, *names: str) -> list[str]:
        """The audit log's actions of these names, in order."""
        return [
            str(event["action"]) for event in await self.house.events() if event["action"] in names
        ]

    async def count(self, table: str) -> int:
        """How many answers or redemptions the registry holds."""
        found = {"answers": auth_answer, "redemptions": redemption}[table]
        row = await self.house.registry.read(
            lambda tx: tx.one(sa.select(sa.func.count().label("n")).select_from(found))
        )
        return int(row["n"]) if row else 0


async def held(call: Any) -> asyncio.Task[Any]:
    """Let a call begin and be held by the server."""
    task = asyncio.create_task(call)
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(task), 0.1)
    assert not task.done()
    return task


async def results(*calls: Any) -> list[str]:
    """Make calls at once; how each one ended: `ok`, or its error and status in one word."""
    done = await asyncio.gather(*calls, return_exceptions=True)
    return [_word(result) for result in done]


def _word(result: object) -> str:
    if isinstance(result, WireError):
        return result.error
    if isinstance(result, BaseException):
        raise result
    return "ok"
