"""What every flow stands on: the two stores, the clock and the source of randomness."""

from dataclasses import dataclass

from pairing_server.clock import Clock
from pairing_server.registry import Registry
from pairing_server.store import Store
from pairing_server.tokens import Random


@dataclass(frozen=True, slots=True)
class Ports:
    """What a flow reaches beyond its own values, passed in so that a test can choose."""

    registry: Registry
    store: Store
    clock: Clock
    random: Random
