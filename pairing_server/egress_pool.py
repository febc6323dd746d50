"""Calls out on connections that are kept, for places that are called again and again.

The rules are those of `egress`: an exact list of hosts, and addresses that are checked after the
resolution whose result is connected to.  A connection that is kept leads to an address that was.
"""

import asyncio
import socket
from datetime import timedelta

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from pairing_server.destination import AllowList, EgressError, Reason
from pairing_server.egress import Answer, Call, Egress, Pinned, limited

#: To one host: a place that hangs holds these up, and no other place.
CONNECTIONS = 100
#: Shorter than what servers keep: a connection that both sides close at once loses a call.
IDLE = timedelta(seconds=50)
_RESOLUTION_SECONDS = 60


class EgressPool:
    """Calls out, on connections that are used again.

    Args:
        egress: Whose rules, proxy and trust hold.
        connections: To one host, the most.
    """

    def __init__(self, egress: Egress, connections: int = CONNECTIONS) -> None:
        self._egress = egress
        self._connections = connections
        self._kept: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Give up all connections; calls under way end as `disconnected`."""
        if self._kept is not None:
            await self._kept.close()
            self._kept = None

    async def send(self, call: Call, allowed: AllowList) -> Answer:
        """Make a call; a redirect is an answer as any other, and nobody follows it.

        Raises:
            EgressError: With the reason.
        """
        allowed.check(call.url)
        try:
            async with asyncio.timeout(call.deadline.total_seconds()):
                return await self._send(call)
        except TimeoutError:
            raise EgressError(Reason.TIMEOUT) from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Nobody gave up: a pool that closes cancels who waits for a connection.
            reason = Reason.DISCONNECTED
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = _reason(error)
        # Outside, so that the library's words, which may quote the URL, are not its context.
        raise EgressError(reason)

    async def _send(self, call: Call) -> Answer:
        async with self._session().request(
            call.method,
            # As it was checked, to the letter.
            URL(call.url, encoded=True),
            data=call.body,
            headers={**call.headers, "Accept-Encoding": "identity"},
            allow_redirects=False,
            proxy=self._egress.proxy,
        ) as response:
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise EgressError(Reason.ENCODED)
            body = await limited(response, call.limit)
            return Answer(response.status, response.content_type, body, response.headers)

    def _session(self) -> aiohttp.ClientSession:
        if self._kept is None:
            self._kept = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=None if self._egress.proxy else _Checked(self._egress),
                    ttl_dns_cache=_RESOLUTION_SECONDS,
                    keepalive_timeout=IDLE.total_seconds(),
                    limit=0,
                    limit_per_host=self._connections,
                    ssl=self._egress.tls,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                # Nothing of the environment: no proxy, no .netrc.
                trust_env=False,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None),
                skip_auto_headers=("User-Agent",),
            )
        return self._kept


class _Checked(AbstractResolver):
    """Hands the connector addresses that may be called, and none where one may not."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return await Pinned(await self._egress.addresses(host)).resolve(host, port, family)

    async def close(self) -> None:
        pass


def _reason(error: Exception) -> Reason:
    match error:
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return Reason.PROXY
        case aiohttp.ClientSSLError():
            return Reason.TLS
        case aiohttp.ClientConnectorError():
            return Reason.UNREACHABLE
        case aiohttp.ClientConnectionError() | aiohttp.ClientPayloadError() | OSError():
            return Reason.DISCONNECTED
        case _:
            return Reason.PROTOCOL
