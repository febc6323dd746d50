"""A person at a running server, with one phone, two of them, or one that is new."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from clients.phone import SoftwarePhone
from clients.transfer import ClaimedTransfer, OfferedTransfer, TransferSeen
from clients.wire import WireError
from pairing_server.keys.flow import BoundPhone, PhoneFlow
from pairing_server.keys.policy import server_policy
from pairing_server.phones.changes import ChangeFlow
from pairing_server.phones.renewal import RenewalFlow
from pairing_server.phones.transfer_flow import TransferFlow
from pairing_server.phones.unblocking import UnblockingFlow
from pairing_server.ports import Ports
from pairing_server.registry import credentials
from pairing_server.registry.credentials import Credential
from pairing_server.registry.tables import audit_event
from tests.house import House


@dataclass
class Owner:
    """Somebody and their phones, and what a test does to them from inside."""

    house: House
    page: Any
    phone: SoftwarePhone

    async def another(self, **options: Any) -> SoftwarePhone:
        """Pair another phone with the card."""
        return await self.house.bind(self.page, **options)

    async def stored(self, phone: SoftwarePhone | str | None = None) -> Credential:
        chosen = phone or self.phone
        key = chosen if isinstance(chosen, str) else chosen.credential_id
        found = await self.house.registry.read(lambda tx: credentials.get(tx, key))
        assert found is not None
        return found

    async def all(self) -> list[Credential]:
        person_id = (await self.stored()).person_id
        return await self.house.registry.read(lambda tx: credentials.of_person(tx, person_id))

    async def events(self, *actions: str) -> list[dict[str, Any]]:
        query = sa.select(audit_event).order_by(audit_event.c.time, audit_event.c.sequence)
        rows = await self.house.registry.read(lambda tx: tx.all(query))
        return [dict(row) for row in rows if not actions or row["action"] in actions]

    async def block(self, phone: SoftwarePhone | None = None) -> None:
        chosen = phone or self.phone
        await self.house.phone_status().block(chosen.credential_id, "operator:test")

    async def revoke(self, phone: SoftwarePhone | None = None) -> None:
        chosen = phone or self.phone
        await self.house.phone_status().revoke(chosen.credential_id, "operator:test")

    def ports(self, **changed: Any) -> Ports:
        own = self.house.ports
        return Ports(
            changed.get("registry", own.registry),
            changed.get("store", own.store),
            own.clock,
            own.random,
        )

    def phones(self, ports: Ports) -> PhoneFlow:
        return self.flows(ports)[0]

    def flows(
        self, ports: Ports
    ) -> tuple[PhoneFlow, ChangeFlow, RenewalFlow, TransferFlow, UnblockingFlow]:
        """The server's own steps, on a Store or registry that does what a test wants."""
        statuses = self.house.phone_status(ports.registry)
        phones = PhoneFlow(ports, self.house.rp(), statuses)
        policy = server_policy(self.house.settings)
        return (
            phones,
            ChangeFlow(ports, phones, statuses),
            RenewalFlow(ports, phones, statuses, policy),
            TransferFlow(ports, phones, statuses, policy),
            UnblockingFlow(ports, phones, statuses),
        )

    async def bound(self, phone: SoftwarePhone | None = None) -> BoundPhone:
        chosen = phone or self.phone
        return await self.phones(self.ports()).authenticate(chosen.device_token)


@dataclass
class Handing:
    """A transfer on its way from the owner's phone to a new one."""

    owner: Owner
    new: SoftwarePhone
    offered: OfferedTransfer
    claimed: ClaimedTransfer
    proved: TransferSeen

    async def approve(self, code: str | None = None, *, revoke: bool = False) -> None:
        typed = self.offered.code if code is None else code
        await self.owner.phone.approve_transfer(self.claimed, self.proved, typed, revoke=revoke)


@pytest.fixture
async def owner(house: House) -> Owner:
    page = await house.registered()
    return Owner(house, page, await house.bind(page))


@pytest.fixture
def offer(owner: Owner) -> Callable[[], Any]:
    """A new phone that shows its code."""

    async def make() -> tuple[SoftwarePhone, OfferedTransfer]:
        new = SoftwarePhone(owner.house.http)
        return new, await new.offer_transfer(owner.house.base_url)

    return make


@pytest.fixture
async def handing(owner: Owner, offer: Callable[[], Any]) -> Handing:
    """A transfer up to the moment in which the old phone is to sign."""
    new, offered = await offer()
    claimed = await owner.phone.claim_transfer(offered.link)
    await new.prove_transfer(offered.id, await new.wait_claimed(offered.id))
    return Handing(owner, new, offered, claimed, await owner.phone.wait_proved(offered.id))


async def refused(awaitable: Any) -> tuple[int, str]:
    with pytest.raises(WireError) as caught:
        await awaitable
    return caught.value.status, caught.value.error
