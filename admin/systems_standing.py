"""How the systems of an organisation stand: who is not told, whose certificates end."""

from dataclasses import dataclass
from datetime import datetime

from admin.overview_rules import SOON
from pairing_server.oidc.key_certificates import last_until
from pairing_server.registry import Query, certified_clients, streams
from pairing_server.registry.streams import StreamCounts


@dataclass(frozen=True, slots=True)
class Certified:
    """A system, and until when its keys have a certificate that is valid."""

    client_id: str
    name: str
    until: datetime

    def ends_soon(self, now: datetime) -> bool:
        """Tell whether that is over, or will be."""
        return self.until <= now + SOON


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an organisation's systems.

    Attributes:
        certified: Those of which it is known how long, the first to end first.
    """

    told: StreamCounts
    certified: list[Certified]


def standing(tx: Query, ura: str) -> Standing:
    """Read how an organisation's systems stand."""
    return Standing(streams.counts(tx, ura), certified(tx, ura))


def certified(tx: Query, ura: str) -> list[Certified]:
    """Return the systems of which it is known how long their certificates are valid."""
    found = [
        Certified(each.id, each.name, until)
        for each in certified_clients.of_organisation(tx, ura)
        if (until := last_until(each.keys)) is not None
    ]
    return sorted(found, key=lambda each: each.until)
