"""All lanes: one for each push service, and one for each host of Web Push."""

from datetime import datetime

from pairing_server.push import PushAddress
from pairing_server.push.lane import Lane, lane_for, lane_name

#: So many are kept; beyond it those are forgotten in which nothing happens.
MANY = 100


class Lanes:
    """Finds the lane of an address."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}

    def of(self, address: PushAddress, now: datetime) -> Lane:
        """Return the lane of an address, opened where there is none."""
        name = lane_name(address)
        found = self._lanes.get(name)
        if found is None:
            if len(self._lanes) >= MANY:
                self._lanes = {
                    name: lane for name, lane in self._lanes.items() if not lane.is_idle(now)
                }
            found = self._lanes[name] = lane_for(address)
        return found
