"""How the portal is wired, and the one place where its pages are listed, each with its act."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from admin.api.setup import AdminApi, Flows
from admin.dashboard_routes import DashboardPages
from admin.frame import Frame
from admin.gate import Gate, Page
from admin.log_flow import LogFlow
from admin.log_routes import LogPages
from admin.login import LoginFlow
from admin.login_routes import LoginPages
from admin.lost_phone import LostPhoneFlow
from admin.people_setup import PeopleFlows, people_pages
from admin.person_routes import PersonPages
from admin.phone_list_routes import PhoneListPages
from admin.policy_routes import PolicyPages
from admin.searches import Searches
from admin.seconding import SecondFlow
from admin.session import AdminSessions
from admin.streams_flow import StreamsFlow
from admin.streams_routes import StreamsPages
from pairing_server.audit.checkpoint import Checkpoints
from pairing_server.keys.signing import SigningKeys
from pairing_server.limits import Limiter, rate_of_client
from pairing_server.oidc.setup import OpenIdProvider
from pairing_server.pages.front import Front
from pairing_server.phones.setup import BoundPhones
from pairing_server.phones.unblocking import UnblockingFlow
from pairing_server.portal.birth_date import BirthDates
from pairing_server.qr.flow import PairingFlow
from pairing_server.settings import Settings


class Keeping(Protocol):
    """What the server keeps that the portal needs."""

    @property
    def checkpoints(self) -> Checkpoints: ...  # noqa: D102
    @property
    def keys(self) -> SigningKeys: ...  # noqa: D102
    @property
    def birth_date_key(self) -> bytes: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class AdminPortal:
    """All of `/admin/`."""

    gate: Gate
    login: LoginPages
    pages: Sequence[Page]
    api: AdminApi

    @classmethod
    def make(
        cls,
        bound: BoundPhones,
        provider: OpenIdProvider,
        front: Front,
        settings: Settings,
        stores: Keeping,
        pairings: PairingFlow,
    ) -> "AdminPortal":
        """Wire the flows and the pages."""
        ports = bound.ports
        frame = Frame(front, ports.clock)
        sessions = AdminSessions(ports)
        login = LoginFlow(
            ports, provider.authorizations, provider.issuer, base_url=settings.base_url
        )
        unblocking = UnblockingFlow(ports, bound.phones, bound.statuses)
        lost = LostPhoneFlow(ports, bound.statuses, unblocking)
        log = LogFlow(ports, stores.checkpoints, stores.keys)
        flows = PeopleFlows.make(bound, BirthDates(stores.birth_date_key))
        people = PersonPages(
            frame,
            lost,
            SecondFlow(ports, bound.statuses, unblocking),
            Searches(ports),
            ports.clock,
            settings.base_url,
        )
        pages = [
            *DashboardPages(frame, ports).pages(),
            *PhoneListPages(frame, ports).pages(),
            *LogPages(frame, log, ports, settings.origin).pages(),
            # Before those that name a person: `new` is nobody.
            *people_pages(frame, ports, flows, pairings, settings),
            *people.pages(),
            *PolicyPages(frame, ports).pages(),
            *StreamsPages(frame, StreamsFlow(ports), ports.clock).pages(),
        ]
        gate = Gate(frame, sessions, ports.clock)
        api = AdminApi.make(
            Flows(people=flows.people, linking=flows.linking, phones=lost, log=log),
            ports,
            provider.machines,
            Limiter(time.monotonic, rate_of_client(settings.client_rate)),
            settings,
            stores.birth_date_key,
        )
        return cls(gate, LoginPages(frame, login, sessions, ports), pages, api)

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [*self.login.table(), *self.gate.routes(self.pages), *self.api.table()]

    def calls(self) -> list[web.RouteDef]:
        """Return what a program may also call with the certificate that its token is bound to."""
        return self.api.by_certificate()
