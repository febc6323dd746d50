"""How the workstation's side is wired."""

from dataclasses import dataclass

from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.approvals.user_codes import UserCodes
from pairing_server.keys.policy import KeyPolicy
from pairing_server.keys.signing import SigningKeys
from pairing_server.oidc.client_auth import ClientAuthentication
from pairing_server.oidc.device_flow import DeviceFlow
from pairing_server.oidc.device_routes import DeviceRoutes
from pairing_server.oidc.flow import LoginFlow
from pairing_server.oidc.issuing import Issuer
from pairing_server.oidc.metadata import CIBA_GRANT_TYPE, DEVICE_GRANT_TYPE
from pairing_server.oidc.polling import Polling
from pairing_server.oidc.routes import LoginRoutes
from pairing_server.oidc.token import GrantFlow, TokenFlow
from pairing_server.ports import Ports


@dataclass(frozen=True, slots=True)
class OpenIdProvider:
    """All that workstations call."""

    login: LoginRoutes
    device: DeviceRoutes

    @classmethod
    def make(
        cls,
        ports: Ports,
        approvals: ApprovalFlow,
        keys: SigningKeys,
        *,
        base_url: str,
        pairwise_salt: bytes,
        policy: KeyPolicy,
    ) -> "OpenIdProvider":
        """Wire the flows.

        Args:
            policy: Which keys are taken, where an organisation has no policy of its own.
        """
        client_auth = ClientAuthentication(ports.registry, ports.store, ports.clock, base_url)
        issuer = Issuer(
            ports, approvals, keys, issuer=base_url, pairwise_salt=pairwise_salt, policy=policy
        )
        polling = Polling(ports, approvals, issuer)
        ciba = LoginFlow(ports, approvals, polling, issuer=base_url, policy=policy)
        device = DeviceFlow(ports, approvals, UserCodes(ports), polling, issuer=base_url)
        grants: dict[str, GrantFlow] = {CIBA_GRANT_TYPE: ciba, DEVICE_GRANT_TYPE: device}
        return cls(
            LoginRoutes(ciba, TokenFlow(grants), issuer, client_auth, base_url),
            DeviceRoutes(device, client_auth),
        )

    def routes(self) -> tuple[LoginRoutes, DeviceRoutes]:
        """Return a workstation's calls."""
        return (self.login, self.device)
