"""How all that happens with bound phones is wired."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.approvals.routes import ApprovalRoutes
from pairing_server.approvals.user_code_routes import UserCodeRoutes
from pairing_server.approvals.user_codes import UserCodes
from pairing_server.background import in_background
from pairing_server.keys.ceremony import RelyingParty
from pairing_server.keys.flow import PhoneFlow
from pairing_server.keys.policy import KeyPolicy, server_policy
from pairing_server.keys.routes import PhoneRoutes
from pairing_server.keys.status import PhoneStatusFlow, Told
from pairing_server.mail.postman import Postman
from pairing_server.mail.setup import make_postman
from pairing_server.openapi import Operation
from pairing_server.phones.act_routes import ActRoutes
from pairing_server.phones.changes import ChangeFlow
from pairing_server.phones.event_routes import EventRoutes
from pairing_server.phones.events import OwnEvents
from pairing_server.phones.news import Invited, invitations, news
from pairing_server.phones.offer_routes import OfferRoutes
from pairing_server.phones.offers import OfferFlow
from pairing_server.phones.overview import Overview
from pairing_server.phones.reminders import Reminders
from pairing_server.phones.renewal import RenewalFlow
from pairing_server.phones.routes import OverviewRoutes
from pairing_server.phones.transfer_flow import TransferFlow
from pairing_server.phones.transfer_routes import TransferRoutes
from pairing_server.phones.unblocking import UnblockingFlow
from pairing_server.phones.workstation_routes import WorkstationRoutes
from pairing_server.phones.workstations import WorkstationFlow
from pairing_server.ports import Ports
from pairing_server.push.dispatch import Dispatch
from pairing_server.push.setup import Push
from pairing_server.settings import Settings
from pairing_server.xis.ending import ending_all


class Routes(Protocol):
    """What the web application is made of."""

    def table(self) -> Sequence[web.AbstractRouteDef]:
        """Return the routes."""


class PhoneApi(Routes, Protocol):
    """Calls that the phone API's document tells of."""

    def operations(self) -> list[Operation]:
        """Describe the calls."""


@dataclass(frozen=True, slots=True)
class BoundPhones:
    """All that happens with phones that are bound."""

    ports: Ports
    policy: KeyPolicy
    told: Told
    invited: Invited
    approvals: ApprovalFlow
    statuses: PhoneStatusFlow
    phones: PhoneFlow
    postman: Postman | None

    @classmethod
    def make(
        cls, ports: Ports, dispatch: Dispatch, rp: RelyingParty, settings: Settings
    ) -> "BoundPhones":
        """Wire the flows."""
        policy = server_policy(settings)
        told = news(ports, dispatch)
        approvals = ApprovalFlow(ports, dispatch, rp, policy)
        statuses = PhoneStatusFlow(ports.registry, ports.clock, ending_all(ports, approvals), told)
        phones = PhoneFlow(ports, rp, statuses, told)
        postman = make_postman(ports, settings)
        invited = invitations(ports, dispatch)
        return cls(ports, policy, told, invited, approvals, statuses, phones, postman)

    async def reminding(self, _: web.Application) -> AsyncIterator[None]:
        """Tell people whose keys are about to expire, and mail what they are told."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(in_background(Reminders(self.ports, self.told).run()))
            if self.postman is not None:
                await stack.enter_async_context(in_background(self.postman.run()))
            yield

    def routes(self, settings: Settings, push: Push) -> tuple[PhoneApi, ...]:
        """Return a bound phone's calls."""
        ports, phones, statuses = self.ports, self.phones, self.statuses
        changes = ChangeFlow(ports, phones, statuses)
        renewals = RenewalFlow(ports, phones, statuses, self.policy)
        unblocking = UnblockingFlow(ports, phones, statuses)
        transfers = TransferFlow(ports, phones, statuses, self.policy)
        return (
            OverviewRoutes(Overview(ports), phones, ports.clock, push.vapid_public_key),
            EventRoutes(OwnEvents(ports), phones),
            PhoneRoutes(phones, ports.random, push.places),
            ActRoutes(phones, changes, renewals, unblocking, ports.clock),
            TransferRoutes(transfers, phones, settings.base_url, push.places),
            WorkstationRoutes(WorkstationFlow(ports, self.approvals.opened), phones),
            OfferRoutes(OfferFlow(ports, phones), phones),
            ApprovalRoutes(self.approvals, phones),
            UserCodeRoutes(UserCodes(ports), phones),
        )
