"""The one guarded way in which the server calls an address that somebody else wrote.

A certificate, a phone or a client names where revocation is told, where a push goes, where keys
are.  None of them may make the server call a place that the operator did not mean: hosts are on
a list by their exact names, addresses are public ones, checked after the one resolution whose
result is connected to, and no answer leads anywhere else.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from pairing_server.destination import (
    Address,
    AllowList,
    EgressError,
    Network,
    Reason,
    is_public,
)
from pairing_server.tls import system_trust

#: Returns all addresses of a host as texts; an edge, so that a test can be the name server.
Resolve = Callable[[str], Awaitable[Iterable[str]]]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK = 65536
#: Threads that resolve names: a name server that hangs must not hold up what else blocks.
_RESOLVING = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    media_type: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """What to send.

    Attributes:
        limit: Of the answer's body, in bytes.
        deadline: For all of it, from the resolution to the last byte.
    """

    url: str
    limit: int
    deadline: timedelta
    method: str = "GET"
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Egress:
    """Calls out, each time on a connection of its own.

    Args:
        inside: Networks of the operator's own that may be called as well.
        proxy: An HTTP proxy, with user and password if it asks for them.  It then resolves the
            names, so that the allow-list alone holds; its own address is not checked.
    """

    def __init__(
        self,
        inside: Iterable[Network] = (),
        proxy: str | None = None,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._inside = tuple(inside)
        self.proxy = proxy
        self._threads = ThreadPoolExecutor(_RESOLVING, thread_name_prefix="resolve")
        self._resolve = resolve or self._ask_system
        self.tls = tls or system_trust()

    def close(self) -> None:
        """Start no further resolution; one that hangs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def send(self, call: Call, allowed: AllowList) -> Answer:
        """Make a call.

        Raises:
            EgressError: With the reason.
        """
        target = allowed.check(call.url)
        try:
            async with asyncio.timeout(call.deadline.total_seconds()):
                addresses = () if self.proxy else await self.addresses(target.host)
                return await self._send(call, addresses)
        except TimeoutError:
            raise EgressError(Reason.TIMEOUT) from None
        except (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError):
            raise EgressError(Reason.PROXY) from None
        except aiohttp.ClientSSLError:
            raise EgressError(Reason.TLS) from None
        except (aiohttp.ClientConnectionError, ConnectionError):
            raise EgressError(Reason.UNREACHABLE) from None
        except (aiohttp.ClientError, ValueError):
            # Also what is no HTTP; the library's words may quote the answer.
            raise EgressError(Reason.PROTOCOL) from None

    async def _send(self, call: Call, addresses: tuple[str, ...]) -> Answer:
        connector = aiohttp.TCPConnector(
            # The proxy's own name is the operator's to have resolved.
            resolver=None if self.proxy else Pinned(addresses),
            use_dns_cache=False,
            force_close=True,
            ssl=self.tls,
        )
        async with (
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                # Nothing of the environment: no proxy, no .netrc.
                trust_env=False,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None),
                skip_auto_headers=("User-Agent",),
            ) as session,
            session.request(
                call.method,
                call.url,
                data=call.body,
                headers={**call.headers, "Accept-Encoding": "identity"},
                allow_redirects=False,
                proxy=self.proxy,
            ) as response,
        ):
            if response.status in _REDIRECTS:
                raise EgressError(Reason.REDIRECT)
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                # Some bytes can become all the memory there is.
                raise EgressError(Reason.ENCODED)
            body = await limited(response, call.limit)
            return Answer(response.status, response.content_type, body, response.headers)

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Resolve a name, once; every address must be one that may be called.

        Raises:
            EgressError: `unresolved` or `address_not_allowed`.
        """
        try:
            found = tuple(await self._resolve(host))
            addresses = [ip_address(text) for text in found]
        except (OSError, UnicodeError, ValueError):
            raise EgressError(Reason.UNRESOLVED) from None
        if not addresses:
            raise EgressError(Reason.UNRESOLVED)
        if not all(map(self._may_call, addresses)):
            # One inside address among public ones is an attack as well.
            raise EgressError(Reason.ADDRESS)
        return found

    def _may_call(self, address: Address) -> bool:
        if getattr(address, "scope_id", None) is not None:
            return False
        return is_public(address) or any(
            address in network for network in self._inside if network.version == address.version
        )

    async def _ask_system(self, host: str) -> Iterable[str]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        )
        return dict.fromkeys(str(place[0]) for *_, place in found)


class Pinned(AbstractResolver):
    """Hands the connector the addresses that were checked, and asks nobody."""

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses in the connector's form."""
        _ = family
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Do nothing: nothing is held."""


async def limited(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read a body, or as much of it as may be.

    Raises:
        EgressError: `too_large`.
    """
    if (response.content_length or 0) > limit:
        raise EgressError(Reason.TOO_LARGE)
    parts, size = [], 0
    async for part in response.content.iter_chunked(_CHUNK):
        size += len(part)
        if size > limit:
            raise EgressError(Reason.TOO_LARGE)
        parts.append(part)
    return b"".join(parts)
