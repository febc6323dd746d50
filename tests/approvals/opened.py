"""A login for whoever scans, open at a workstation, and how it can end from outside."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from pairing_server.app import Stores
from pairing_server.approvals.asked import Asked
from pairing_server.approvals.auth_request import AuthRequest, Grant
from pairing_server.oidc.refusals import AccessDenied, AuthorizationPending, InvalidGrant
from pairing_server.registry import clients, people
from pairing_server.registry.people import PersonStatus
from pairing_server.registry.tables import membership, organisation
from tests.approvals.desk import Desk
from tests.approvals.requests import CODE, SHOWN
from tests.oidc.flows import polling
from tests.registry.listings import written_past

LIFETIME = timedelta(minutes=2)
NO_TIME = timedelta(0)


class Opened:
    """A login that a workstation shows to whoever comes."""

    def __init__(self, desk: Desk, stores: Stores, secret: str, request: AuthRequest) -> None:
        self.auth_req_id = secret
        self.id = request.id
        self.code = request.code
        self._desk, self._stores = desk, stores

    async def poll(self, grant: Grant = Grant.DEVICE) -> dict[str, Any]:
        desk = self._desk
        flow = polling(desk.house.ports, desk.flow(), self._stores, desk.house.settings)
        client = await desk.house.registry.read(lambda tx: clients.get(tx, desk.client_id))
        return await flow.answer(self.auth_req_id, client, grant, NO_TIME)

    async def outcome(self) -> str:
        """How a poll is refused, by its name or the reason."""
        with pytest.raises((AccessDenied, AuthorizationPending, InvalidGrant)) as refused:
            await self.poll()
        return str(refused.value.members.get("reason", refused.value.code))

    async def record(self) -> AuthRequest:
        return await self._desk.record(self)


def opening(desk: Desk, stores: Stores) -> Callable[..., Awaitable[Opened]]:
    """Return what lets the workstation show a login."""

    async def opened(workstation_id: str = "w") -> Opened:
        shown = replace(
            SHOWN, ura=desk.house.holder.ura, organisation="", role_code="", client="HIS"
        )
        asked = Asked(
            client_id=desk.client_id,
            person_id=None,
            workstation_id=workstation_id,
            scope="openid uzi",
            shown=shown,
            code=CODE,
            lifetime=LIFETIME,
            grant=Grant.DEVICE,
            is_for_whoever_scans=True,
        )
        return Opened(desk, stores, *await desk.flow().ask(asked))

    return opened


async def end_membership(desk: Desk) -> None:
    await _change(desk, sa.update(membership).values(valid_until=1))


async def leave(desk: Desk) -> None:
    await _change(desk, sa.delete(membership))


async def close_organisation(desk: Desk) -> None:
    await _change(desk, sa.update(organisation).values(status="closed"))


async def close_person(desk: Desk) -> None:
    def close(tx):
        person = people.by_uzi_number(tx, desk.house.holder.uzi_number)
        people.update_person(tx, replace(person, status=PersonStatus.CLOSED))

    await desk.house.registry.commit(close)


async def _change(desk: Desk, statement: sa.Executable) -> None:
    await desk.house.registry.commit(lambda tx: written_past(tx, statement))
