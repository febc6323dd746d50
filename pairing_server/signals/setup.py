"""How shared signals are wired."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web

from pairing_server.keys.seal import Seal, derived_key
from pairing_server.keys.signing import SigningKeys
from pairing_server.oidc.setup import OpenIdProvider
from pairing_server.ports import Ports
from pairing_server.signals.audience import Audience
from pairing_server.signals.flow import StreamFlow
from pairing_server.signals.routes import SignalRoutes
from pairing_server.signals.stream import WELL_KNOWN_PATH
from pairing_server.signals.transmitter import Transmitter

#: What seals what clients want to be shown, of all that is derived from one secret.
SEAL_PURPOSE = "pairing_server/ssf/v1"


@dataclass(frozen=True, slots=True)
class Signals:
    """The endpoints, and what sends."""

    routes: SignalRoutes
    transmitter: Transmitter

    @classmethod
    def make(
        cls,
        ports: Ports,
        keys: SigningKeys,
        provider: OpenIdProvider,
        base_url: str,
        pairwise_salt: bytes,
    ) -> "Signals":
        """Wire the flows."""
        seal = Seal(derived_key(pairwise_salt, SEAL_PURPOSE), ports.random)
        flow = StreamFlow(ports, seal, issuer=base_url)
        audience = Audience(base_url, pairwise_salt)
        return cls(
            SignalRoutes(flow, provider.machines, base_url),
            Transmitter(ports, keys, provider.egress, seal, audience),
        )

    def table(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        return self.routes.table()

    def calls(self) -> list[web.RouteDef]:
        """Return what a client may also call with the certificate that its token is bound to."""
        return [route for route in self.table() if route.path != WELL_KNOWN_PATH]

    async def sending(self, _: web.Application) -> AsyncIterator[None]:
        """Send security events, while the server runs."""
        async with self.transmitter.running():
            yield
