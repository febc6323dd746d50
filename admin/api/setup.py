"""How the API is wired, and the one place where its calls are listed, each with its act."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from admin.api.document import ApiDocument
from admin.api.gate import ApiGate, Call
from admin.api.log_routes import LogCalls
from admin.api.membership_routes import MembershipCalls
from admin.api.offer_routes import OfferCalls
from admin.api.people import PeopleReader
from admin.api.people_routes import PeopleCalls
from admin.api.phone_routes import PhoneCalls
from admin.api.stream_routes import StreamCalls
from admin.linking_flow import LinkingFlow
from admin.log_flow import LogFlow
from admin.lost_phone import LostPhoneFlow
from admin.people_flow import PeopleFlow
from admin.streams_flow import StreamsFlow
from pairing_server.keys.seal import derived_key
from pairing_server.limits import Limiter
from pairing_server.oidc.client_credentials import MachineTokens
from pairing_server.ports import Ports
from pairing_server.settings import Settings

#: What entity tags are made with, of all that is derived from one secret.
TAG_KEY = "pairing_server/admin-api/etag/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """The pages' own flows: what a program does is what a person does."""

    people: PeopleFlow
    linking: LinkingFlow
    phones: LostPhoneFlow
    log: LogFlow


@dataclass(frozen=True, slots=True)
class AdminApi:
    """All of `/admin/api/`."""

    gate: ApiGate
    document: ApiDocument
    calls: Sequence[Call]

    @classmethod
    def make(
        cls,
        flows: Flows,
        ports: Ports,
        machines: MachineTokens,
        limiter: Limiter,
        settings: Settings,
        secret: bytes,
    ) -> "AdminApi":
        """Wire the calls.

        Args:
            secret: Of the server's, at all nodes the same.
        """
        key, clock, base_url = derived_key(secret, TAG_KEY), ports.clock, settings.base_url
        reader = PeopleReader(ports, key)
        calls = [
            *PeopleCalls(reader, flows.phones, flows.linking, clock, base_url).calls(),
            *MembershipCalls(reader, flows.people, clock).calls(),
            *PhoneCalls(flows.phones, clock).calls(),
            *OfferCalls(flows.linking, ports, key).calls(),
            *LogCalls(flows.log, settings.origin, base_url).calls(),
            *StreamCalls(StreamsFlow(ports)).calls(),
        ]
        gate = ApiGate(machines, ports, limiter)
        return cls(gate, ApiDocument(calls, base_url), calls)

    def table(self) -> list[web.RouteDef]:
        """Return the routes; last what is no call, so that no stranger is told which are."""
        return [*self.document.table(), *self.by_certificate(), self.gate.elsewhere()]

    def by_certificate(self) -> list[web.RouteDef]:
        """Return the calls, at which a client may show its certificate (RFC 8705 section 3)."""
        return self.gate.routes(self.calls)
