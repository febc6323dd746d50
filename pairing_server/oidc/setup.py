"""How the workstation's side is wired."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web

from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.approvals.user_codes import UserCodes
from pairing_server.keys.policy import KeyPolicy
from pairing_server.keys.seal import Seal, derived_key
from pairing_server.keys.signing import SigningKeys
from pairing_server.limits import rate_of_client
from pairing_server.oidc.access import AccessFlow
from pairing_server.oidc.access_routes import AccessRoutes
from pairing_server.oidc.authorization import AuthorizationFlow
from pairing_server.oidc.client_auth import ClientAuthentication, KnownLists
from pairing_server.oidc.client_credentials import ClientCredentials, MachineTokens
from pairing_server.oidc.client_egress import ClientEgress, make_client_egress
from pairing_server.oidc.client_key_sets import ClientKeySets
from pairing_server.oidc.device_flow import DeviceFlow
from pairing_server.oidc.device_routes import DeviceRoutes
from pairing_server.oidc.flow import LoginFlow
from pairing_server.oidc.issuing import Issuer
from pairing_server.oidc.logout_notices import LogoutNotices
from pairing_server.oidc.metadata import (
    CERTIFICATE_PATHS,
    CIBA_GRANT_TYPE,
    CODE_GRANT_TYPE,
    CREDENTIALS_GRANT_TYPE,
    DEVICE_GRANT_TYPE,
)
from pairing_server.oidc.par_routes import ParRoutes
from pairing_server.oidc.ping import PATIENCE
from pairing_server.oidc.ping_queue import PingQueue
from pairing_server.oidc.pinging import Pings
from pairing_server.oidc.polling import Polling
from pairing_server.oidc.routes import LoginRoutes
from pairing_server.oidc.sender import SenderConstraints
from pairing_server.oidc.signed_words import SignedWords
from pairing_server.oidc.token import GrantFlow, TokenFlow
from pairing_server.ports import Ports
from pairing_server.settings import Settings
from pairing_server.tokens import new_id
from pairing_server.uzi.trust_setup import read_client_authorities

#: What seals what is still to be sent, and makes nonces, of all that is derived from one secret.
PING_KEY = "pairing_server/ping/v1"
NONCE_KEY = "pairing_server/dpop-nonce/v1"


@dataclass(frozen=True, slots=True)
class OpenIdProvider:
    """All that workstations call."""

    login: LoginRoutes
    device: DeviceRoutes
    access: AccessRoutes
    par: ParRoutes
    egress: ClientEgress
    pings: Pings
    client_auth: ClientAuthentication
    issuer: Issuer
    authorizations: AuthorizationFlow
    notices: LogoutNotices
    machines: MachineTokens

    @classmethod
    def make(  # noqa: PLR0913  (its parts, and three facts of the server)
        cls,
        ports: Ports,
        approvals: ApprovalFlow,
        keys: SigningKeys,
        settings: Settings,
        *,
        pairwise_salt: bytes,
        policy: KeyPolicy,
        lists: KnownLists,
    ) -> "OpenIdProvider":
        """Wire the flows.

        Args:
            lists: Returns the revocation lists that are known.
            policy: Which keys are taken, where an organisation has no policy of its own.
        """
        base_url = settings.base_url
        authorities = read_client_authorities(settings)
        aliases = settings.mtls_origin if authorities else None
        egress = make_client_egress(settings)
        key_sets = ClientKeySets(egress, time.monotonic)
        client_auth = ClientAuthentication(
            ports,
            key_sets,
            base_url,
            aliases=aliases,
            authorities=authorities,
            lists=lists,
            rate=rate_of_client(settings.client_rate),
        )
        nonce_key = derived_key(pairwise_salt, NONCE_KEY)
        senders = SenderConstraints(ports, (base_url, *([aliases] if aliases else [])), nonce_key)
        access = AccessFlow(ports, keys, senders, issuer=base_url, policy=policy)
        issuer = Issuer(
            ports, approvals, keys, issuer=base_url, pairwise_salt=pairwise_salt, policy=policy
        )
        machines = MachineTokens(ports, senders)
        polling = Polling(ports, approvals, issuer)
        seal = Seal(derived_key(pairwise_salt, PING_KEY), ports.random)
        queue = PingQueue(ports, seal, new_id(ports.random), PATIENCE)
        pings = Pings(ports, approvals, queue, egress)
        ciba = LoginFlow(
            ports,
            approvals,
            polling,
            SignedWords(ports, keys, key_sets, base_url),
            pings,
            issuer=base_url,
            pairwise_salt=pairwise_salt,
            policy=policy,
        )
        device = DeviceFlow(ports, approvals, UserCodes(ports), polling, issuer=base_url)
        authorizations = AuthorizationFlow(ports, approvals, issuer, base_url=base_url)
        grants: dict[str, GrantFlow] = {
            CIBA_GRANT_TYPE: ciba,
            DEVICE_GRANT_TYPE: device,
            CODE_GRANT_TYPE: authorizations,
            CREDENTIALS_GRANT_TYPE: ClientCredentials(ports),
        }
        return cls(
            LoginRoutes(ciba, TokenFlow(grants), client_auth, senders, base_url, aliases),
            DeviceRoutes(device, client_auth),
            AccessRoutes(access, machines, client_auth, base_url),
            ParRoutes(authorizations, client_auth),
            egress,
            pings,
            client_auth,
            issuer,
            authorizations,
            LogoutNotices(ports, keys, egress, issuer=base_url),
            machines,
        )

    def routes(self) -> tuple[LoginRoutes | DeviceRoutes | AccessRoutes | ParRoutes, ...]:
        """Return a workstation's calls."""
        return (self.login, self.device, self.access, self.par)

    async def telling(self, _: web.Application) -> AsyncIterator[None]:
        """Tell clients of sessions that are over, while the server runs."""
        async with self.notices.running():
            yield

    def by_certificate(self) -> list[web.RouteDef]:
        """Return the calls at which a client may show its certificate (RFC 8705 section 5)."""
        paths = CERTIFICATE_PATHS.values()
        return [route for part in self.routes() for route in part.table() if route.path in paths]
