"""The server's own steps of a XIS, on ports that do what a test wants."""

from pairing_server.app import Stores
from pairing_server.keys.policy import server_policy
from pairing_server.ports import Ports
from pairing_server.registry import clients
from pairing_server.registry.clients import Client
from pairing_server.store import Store
from pairing_server.xis.flow import XisFlow
from pairing_server.xis.reading import Reading
from pairing_server.xis.settling import Settling
from tests.approvals.desk import Desk


class Steps:
    """Settling, reading and the flow, of one node."""

    def __init__(
        self, desk: Desk, stores: Stores, registry: object = None, store: Store | None = None
    ) -> None:
        house, ports = desk.house, desk.house.ports
        ports = Ports(registry or ports.registry, store or ports.store, ports.clock, ports.random)
        approvals = desk.flow(ports.store, ports.registry)
        self.settling = Settling(
            ports,
            approvals,
            stores.keys,
            issuer=house.base_url,
            policy=server_policy(house.settings),
        )
        self.reading = Reading(ports, self.settling)
        self.flow = XisFlow(ports, approvals, self.settling, base_url=house.base_url)


async def client_of(desk: Desk) -> Client:
    found = await desk.house.registry.read(lambda tx: clients.get(tx, desk.client_id))
    assert found is not None
    return found
