"""Where the server may call out to: the rules of `egress`, which makes the calls.

An address that somebody else wrote is read in the one strict way, its host stands on a list by
its exact name and port, and what the name resolves to is public.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Self
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 65535
_MAX_URL = 2000
_MAX_HOST = 253
#: One spelling of a host: names in ASCII, no trailing dot, and a last label that begins with a
#: letter, so that no number (decimal, octal, hexadecimal, short) is taken for a name.
_HOST = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>{_HOST})(?::(?P<port>[1-9][0-9]{{0,4}}))?"
    r"(?:/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*)?(?:\?[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*)?",
    re.ASCII,
)
_ENTRY = re.compile(rf"(?P<host>{_HOST})(?::(?P<port>[1-9][0-9]{{0,4}}))?", re.ASCII)

#: Never called but by `inside`.  The registries of RFC 6890 name most; written out, for what
#: the library calls global differs between the Pythons that this runs on.
_NEVER: tuple[Network, ...] = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local; where clouds keep their credentials
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "::/3",  # among them ::1, IPv4-mapped and NAT64, which reach IPv4 addresses
        "2001::/23",  # among them Teredo
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
        "4000::/2",
        "8000::/1",  # among them ULA, link-local, site-local, multicast
    )
)


class Reason(StrEnum):
    """Why nothing came of a call."""

    URL = "url"
    PLAIN_HTTP = "plain_http"
    HOST = "host_not_allowed"
    UNRESOLVED = "unresolved"
    ADDRESS = "address_not_allowed"
    UNREACHABLE = "unreachable"
    DISCONNECTED = "disconnected"
    TLS = "tls"
    PROXY = "proxy"
    TIMEOUT = "timeout"
    REDIRECT = "redirect"
    ENCODED = "encoded"
    TOO_LARGE = "too_large"
    PROTOCOL = "protocol"


class EgressError(Exception):
    """Nothing came of a call; quotes neither the URL nor what it carried nor the answer."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that was read in the one strict way."""

    url: str
    scheme: str
    host: str
    port: int


def read_url(url: str) -> Target:
    """Read an absolute http or https URL; only the spelling that cannot be read in two ways.

    No user, no fragment, no address for a host, no name outside of ASCII, no trailing dot, no
    blanks, backslashes or control characters; lower case in scheme and host.

    Raises:
        EgressError: `url`.
    """
    match = _URL.fullmatch(url) if len(url) <= _MAX_URL else None
    if match is None or len(match["host"]) > _MAX_HOST:
        raise EgressError(Reason.URL)
    port = int(match["port"] or _PORTS[match["scheme"]])
    if port > _MAX_PORT:
        raise EgressError(Reason.URL)
    return Target(url, match["scheme"], match["host"], port)


@dataclass(frozen=True, slots=True)
class AllowList:
    """Which hosts may be called, by exact name and port.

    Attributes:
        places: Host and port; without a port the default one of the URL's scheme.
        below: Domains of which every name is allowed, at the default port: for a service that
            gives its hosts names as it goes, and nobody else names below.
        plain_http: For what is signed and published in the clear, as revocation lists and OCSP
            responses are (RFC 5280 section 8: a list fetched over TLS may need a list first).
    """

    places: frozenset[tuple[str, int | None]] = frozenset()
    plain_http: bool = False
    below: frozenset[str] = frozenset()

    @classmethod
    def of(cls, entries: Iterable[str], *, plain_http: bool = False) -> Self:
        """Make a list of `host` and `host:port` entries.

        Raises:
            ValueError: An entry is neither.
        """
        return cls(frozenset(map(read_entry, entries)), plain_http)

    def and_urls(self, urls: Iterable[str]) -> Self:
        """Add the hosts of URLs that the operator wrote, with the ports that stand there.

        Raises:
            EgressError: `url`.
        """
        targets = map(read_url, urls)
        added = {(target.host, target.port) for target in targets}
        return replace(self, places=self.places | added)

    def and_below(self, domains: Iterable[str]) -> Self:
        """Add every name below these domains, but not the domains themselves.

        Raises:
            ValueError: One is a top-level domain, or no name.
        """
        added = {read_entry(domain) for domain in domains}
        if any(port is not None or "." not in domain for domain, port in added):
            raise ValueError("must be a domain as example.nl, without a port")
        return replace(self, below=self.below | {domain for domain, _ in added})

    def check(self, url: str) -> Target:
        """Read a URL and check that it may be called.

        Raises:
            EgressError: `url`, `plain_http` or `host_not_allowed`.
        """
        target = read_url(url)
        if target.scheme == "http" and not self.plain_http:
            raise EgressError(Reason.PLAIN_HTTP)
        is_default = target.port == _PORTS[target.scheme]
        named = (target.host, target.port) in self.places
        if not named and not (is_default and self._names(target.host)):
            raise EgressError(Reason.HOST)
        return target

    def _names(self, host: str) -> bool:
        labels = host.split(".")
        above = {".".join(labels[place:]) for place in range(1, len(labels))}
        return (host, None) in self.places or not self.below.isdisjoint(above)

    def allows(self, url: str) -> bool:
        """Whether a URL may be called."""
        try:
            self.check(url)
        except EgressError:
            return False
        return True


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet and to nothing else."""
    return address.is_global and not any(
        address in network for network in _NEVER if network.version == address.version
    )


def read_entry(entry: str) -> tuple[str, int | None]:
    """Read an entry of an allow-list, `host` or `host:port`.

    Raises:
        ValueError: It is neither.
    """
    match = _ENTRY.fullmatch(entry)
    if match is None or len(match["host"]) > _MAX_HOST or int(match["port"] or 1) > _MAX_PORT:
        raise ValueError("must be a host as www.example.nl, or host:port")
    return match["host"], int(match["port"]) if match["port"] else None


def read_proxy(url: str) -> str:
    """Check the URL of a proxy, without quoting it.

    Raises:
        ValueError: It is not `http://[user:password@]host:port`.
    """
    try:
        parts = urlsplit(url)
        fine = parts.scheme == "http" and parts.hostname and parts.port
    except ValueError:
        fine = False
    else:
        fine = fine and parts.path in ("", "/") and not parts.query and not parts.fragment
    if not fine:
        raise ValueError("must be http://[user:password@]host:port")
    return url
