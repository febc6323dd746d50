"""The server's own steps of each grant, on ports that do what a test wants."""

import time

from pairing_server.app import Stores
from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.keys.policy import server_policy
from pairing_server.keys.seal import Seal
from pairing_server.oidc.client_egress import make_client_egress
from pairing_server.oidc.client_key_sets import ClientKeySets
from pairing_server.oidc.flow import LoginFlow
from pairing_server.oidc.issuing import Issuer
from pairing_server.oidc.ping import PATIENCE
from pairing_server.oidc.ping_queue import PingQueue
from pairing_server.oidc.pinging import Pings
from pairing_server.oidc.polling import Polling
from pairing_server.oidc.signed_words import SignedWords
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
        SignedWords(ports, stores.keys, key_sets(settings), settings.base_url),
        pings(ports, approvals, settings),
        issuer=settings.base_url,
        pairwise_salt=stores.pairwise_salt,
        policy=server_policy(settings),
    )


def pings(ports: Ports, approvals: ApprovalFlow, settings: Settings) -> Pings:
    queue = PingQueue(ports, Seal(b"k" * 32, ports.random), "a node", PATIENCE)
    return Pings(ports, approvals, queue, make_client_egress(settings))


def key_sets(settings: Settings) -> ClientKeySets:
    return ClientKeySets(make_client_egress(settings), time.monotonic)
