"""How the workstation's side is wired."""

import time
from dataclasses import dataclass

from aiohttp import web

from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.approvals.user_codes import UserCodes
from pairing_server.egress import Egress
from pairing_server.keys.policy import KeyPolicy
from pairing_server.keys.signing import SigningKeys
from pairing_server.oidc.access import AccessFlow
from pairing_server.oidc.access_routes import AccessRoutes
from pairing_server.oidc.client_auth import ClientAuthentication
from pairing_server.oidc.client_egress import ClientEgress, networks
from pairing_server.oidc.client_key_sets import ClientKeySets
from pairing_server.oidc.device_flow import DeviceFlow
from pairing_server.oidc.device_routes import DeviceRoutes
from pairing_server.oidc.flow import LoginFlow
from pairing_server.oidc.issuing import Issuer
from pairing_server.oidc.metadata import CERTIFICATE_PATHS, CIBA_GRANT_TYPE, DEVICE_GRANT_TYPE
from pairing_server.oidc.polling import Polling
from pairing_server.oidc.routes import LoginRoutes
from pairing_server.oidc.sender import SenderConstraints
from pairing_server.oidc.token import GrantFlow, TokenFlow
from pairing_server.ports import Ports
from pairing_server.settings import Settings
from pairing_server.uzi.trust_setup import read_client_authorities


@dataclass(frozen=True, slots=True)
class OpenIdProvider:
    """All that workstations call."""

    login: LoginRoutes
    device: DeviceRoutes
    access: AccessRoutes
    egress: ClientEgress

    @classmethod
    def make(
        cls,
        ports: Ports,
        approvals: ApprovalFlow,
        keys: SigningKeys,
        *,
        settings: Settings,
        pairwise_salt: bytes,
        policy: KeyPolicy,
    ) -> "OpenIdProvider":
        """Wire the flows.

        Args:
            policy: Which keys are taken, where an organisation has no policy of its own.
        """
        base_url = settings.base_url
        authorities = read_client_authorities(settings)
        aliases = settings.mtls_origin if authorities else None
        egress = make_client_egress(settings)
        client_auth = ClientAuthentication(
            ports,
            ClientKeySets(egress, time.monotonic),
            base_url,
            aliases=aliases,
            authorities=authorities,
        )
        senders = SenderConstraints(ports, (base_url, *([aliases] if aliases else [])))
        access = AccessFlow(ports, keys, senders, issuer=base_url, policy=policy)
        issuer = Issuer(
            ports, approvals, keys, issuer=base_url, pairwise_salt=pairwise_salt, policy=policy
        )
        polling = Polling(ports, approvals, issuer)
        ciba = LoginFlow(ports, approvals, polling, issuer=base_url, policy=policy)
        device = DeviceFlow(ports, approvals, UserCodes(ports), polling, issuer=base_url)
        grants: dict[str, GrantFlow] = {CIBA_GRANT_TYPE: ciba, DEVICE_GRANT_TYPE: device}
        return cls(
            LoginRoutes(ciba, TokenFlow(grants), client_auth, senders, base_url, aliases),
            DeviceRoutes(device, client_auth),
            AccessRoutes(access, client_auth),
            egress,
        )

    def routes(self) -> tuple[LoginRoutes | DeviceRoutes | AccessRoutes, ...]:
        """Return a workstation's calls."""
        return (self.login, self.device, self.access)

    def by_certificate(self) -> list[web.RouteDef]:
        """Return the calls at which a client may show its certificate (RFC 8705 section 5)."""
        paths = CERTIFICATE_PATHS.values()
        return [route for part in self.routes() for route in part.table() if route.path in paths]


def make_client_egress(settings: Settings) -> ClientEgress:
    """Make what calls clients."""
    proxy = settings.egress_proxy
    via = None if proxy is None else proxy.get_secret_value()
    is_demo = not settings.is_https
    inside = networks(settings.egress_inside, is_demo=is_demo)
    return ClientEgress(Egress((), via), Egress(inside, via), is_demo=is_demo)
