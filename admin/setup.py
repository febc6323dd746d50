"""How the portal is wired, and the one place where its pages are listed, each with its act."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from admin.dashboard_routes import DashboardPages
from admin.frame import Frame
from admin.gate import Gate, Page
from admin.log_flow import LogFlow
from admin.log_routes import LogPages
from admin.login import LoginFlow
from admin.login_routes import LoginPages
from admin.lost_phone import LostPhoneFlow
from admin.people_setup import people_pages
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
        people = PersonPages(
            frame,
            LostPhoneFlow(ports, bound.statuses, unblocking),
            SecondFlow(ports, bound.statuses, unblocking),
            Searches(ports),
            ports.clock,
            settings.base_url,
        )
        pages = [
            *DashboardPages(frame, ports).pages(),
            *PhoneListPages(frame, ports).pages(),
            *LogPages(
                frame, LogFlow(ports, stores.checkpoints, stores.keys), ports, settings.origin
            ).pages(),
            # Before those that name a person: `new` is nobody.
            *people_pages(frame, bound, BirthDates(stores.birth_date_key), pairings, settings),
            *people.pages(),
            *PolicyPages(frame, ports).pages(),
            *StreamsPages(frame, StreamsFlow(ports)).pages(),
        ]
        gate = Gate(frame, sessions, ports.clock)
        return cls(gate, LoginPages(frame, login, sessions, ports), pages)

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [*self.login.table(), *self.gate.routes(self.pages)]
