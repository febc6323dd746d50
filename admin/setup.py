"""How the portal is wired, and the one place where its pages are listed, each with its act."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from admin.dashboard_routes import DashboardPages
from admin.frame import Frame
from admin.gate import Gate, Page
from admin.log_flow import LogFlow
from admin.log_routes import LogPages
from admin.login import LoginFlow
from admin.login_routes import LoginPages
from admin.lost_phone import LostPhoneFlow
from admin.person_routes import PersonPages
from admin.policy_routes import PolicyPages
from admin.searches import Searches
from admin.seconding import SecondFlow
from admin.session import AdminSessions
from pairing_server.audit.checkpoint import Checkpoints
from pairing_server.keys.signing import SigningKeys
from pairing_server.oidc.setup import OpenIdProvider
from pairing_server.pages.front import Front
from pairing_server.phones.setup import BoundPhones
from pairing_server.phones.unblocking import UnblockingFlow
from pairing_server.settings import Settings


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
        checkpoints: Checkpoints,
        keys: SigningKeys,
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
            *LogPages(frame, LogFlow(ports, checkpoints, keys), ports, settings.origin).pages(),
            *people.pages(),
            *PolicyPages(frame, ports).pages(),
        ]
        gate = Gate(frame, sessions, ports.clock)
        return cls(gate, LoginPages(frame, login, sessions, ports), pages)

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [*self.login.table(), *self.gate.routes(self.pages)]
