"""How ZORG-ID's own session interface is wired."""

from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.keys.policy import KeyPolicy
from pairing_server.keys.signing import SigningKeys
from pairing_server.oidc.client_auth import ClientAuthentication
from pairing_server.ports import Ports
from pairing_server.xis.flow import XisFlow
from pairing_server.xis.reading import Reading
from pairing_server.xis.routes import XisRoutes
from pairing_server.xis.settling import Settling


def make_xis(
    ports: Ports,
    approvals: ApprovalFlow,
    keys: SigningKeys,
    client_auth: ClientAuthentication,
    *,
    base_url: str,
    policy: KeyPolicy,
) -> XisRoutes:
    """Wire the flows.

    Args:
        policy: Which keys are taken, where an organisation has no policy of its own.
    """
    settling = Settling(ports, approvals, keys, issuer=base_url, policy=policy)
    flow = XisFlow(ports, approvals, settling, base_url=base_url)
    return XisRoutes(flow, Reading(ports, settling), client_auth)
