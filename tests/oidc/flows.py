"""The server's own steps of each grant, on ports that do what a test wants."""

from pairing_server.app import Stores
from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.keys.policy import server_policy
from pairing_server.oidc.flow import LoginFlow
from pairing_server.oidc.issuing import Issuer
from pairing_server.oidc.polling import Polling
from pairing_server.ports import Ports
from pairing_server.settings import Settings


def issuer(ports: Ports, approvals: ApprovalFlow, stores: Stores, settings: Settings) -> Issuer:
    return Issuer(
        ports,
        approvals,
        stores.keys,
        issuer=settings.base_url,
        pairwise_salt=stores.pairwise_salt,
        policy=server_policy(settings),
    )


def polling(ports: Ports, approvals: ApprovalFlow, stores: Stores, settings: Settings) -> Polling:
    return Polling(ports, approvals, issuer(ports, approvals, stores, settings))


def ciba(ports: Ports, approvals: ApprovalFlow, stores: Stores, settings: Settings) -> LoginFlow:
    return LoginFlow(
        ports,
        approvals,
        polling(ports, approvals, stores, settings),
        issuer=settings.base_url,
        policy=server_policy(settings),
    )
