"""How much a stranger, or one client, may ask for: a bucket for each, on each node.

What needs no bearer, cookie or client key and still costs memory or computing is limited by where
it comes from; what clients ask of people, by client.  Limits by whom it is about (codes, check
numbers, dates of birth, open requests) are rules of their own parts.
"""

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from pairing_server.errors import TooManyRequests

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: A hospital is one address, at the change of shifts too: far above what its people come to, and
#: low enough that what one address can have in the Store at a time stays at some ten megabytes.
PER_SECOND = 50.0
BURST = 1000
#: How many seconds of its rate a client may use up at once: a change of shifts.
CLIENT_BURST_SECONDS = 20
#: How many of them are remembered; the one that was quiet for longest is forgotten first.
ADDRESSES = 10_000
#: One customer of a provider has at least as much of IPv6 as this.
IPV6_PREFIX = 64

#: What is limited: routes by method and pattern.
LIMITED = frozenset(
    {
        ("POST", "/uzi/sessions"),
        ("POST", "/uzi/sessions/{id}/proof"),
        ("POST", "/uzi/mtls"),
        ("POST", "/portal/login"),
        ("POST", "/admin/login"),
        ("GET", "/authorize"),
        ("POST", "/login/{id}"),
        ("POST", "/phone/token/challenge"),
        ("POST", "/phone/token"),
        ("POST", "/phone/transfers"),
        ("POST", "/phone/unblocking"),
    }
)

#: What counts for so many calls: what it leaves in the Store stays there for as much longer.
COSTS = {("GET", "/authorize"): 5}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and so many a second from then on."""

    per_second: float = PER_SECOND
    burst: int = BURST


def rate_of_client(per_second: int) -> Rate:
    """Return how much a client may ask for."""
    return Rate(float(per_second), per_second * CLIENT_BURST_SECONDS)


class Limiter:
    """Generic cell rate algorithm (ITU-T I.371), one cell stream for each address or client."""

    def __init__(self, monotonic: Callable[[], float], rate: Rate | None = None) -> None:
        rate = rate or Rate()
        self._monotonic = monotonic
        self._interval = 1 / rate.per_second
        self._tolerance = (rate.burst - 1) * self._interval
        self._due: OrderedDict[str, float] = OrderedDict()

    def take(self, who: str, cost: int = 1) -> None:
        """Count a call.

        Args:
            who: An address, or a client.
            cost: For how many it counts.

        Raises:
            TooManyRequests: they are over their rate; the call is not counted.
        """
        now = self._monotonic()
        due = max(self._due.pop(who, now), now)
        spent = cost * self._interval
        early = due + spent - self._interval - now - self._tolerance
        self._due[who] = due + spent if early <= 0 else due
        if len(self._due) > ADDRESSES:
            self._due.popitem(last=False)
        if early > 0:
            refusal = TooManyRequests("over the rate")
            refusal.retry_after = timedelta(seconds=math.ceil(early))
            raise refusal


def address_of(request: web.Request, trusted_proxies: Sequence[Network]) -> str:
    """Return whence a request comes: the address, of IPv6 the network.

    `X-Forwarded-For` is believed as far as proxies of ours wrote it, from the right.
    """
    hops = [request.remote or "", *_forwarded(request)]
    for hop in hops:
        try:
            address = _unmapped(ipaddress.ip_address(hop.strip()))
        except ValueError:
            return "unknown"
        if not any(address in network for network in trusted_proxies):
            return _group(address)
    return _group(address)


def _forwarded(request: web.Request) -> list[str]:
    return ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")[::-1]


def _unmapped(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address that a socket for both families writes as one of IPv6."""
    return getattr(address, "ipv4_mapped", None) or address


def _group(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)
