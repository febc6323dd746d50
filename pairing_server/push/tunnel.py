"""A TLS connection to a push service: straight, or through the operator's proxy.

The certificate is always verified, against the name of the service, also behind a proxy.
"""

import asyncio
import base64
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from pairing_server.push import PushFailedError
from pairing_server.push.failure import Failure

#: How long one of several addresses may take; a time-out is an OSError.
ADDRESS_SECONDS = 2
#: Of a proxy's answer to CONNECT, headers included.
_MOST_OF_ANSWER = 8192
_HEAD_ENDS = b"\r\n\r\n"

_Protocol = TypeVar("_Protocol", bound=asyncio.Protocol)


@dataclass(frozen=True, slots=True)
class Route:
    """How a service is reached.

    Attributes:
        url: Of the service: https, a host, and perhaps a port.
        proxy: `http://[user:password@]host:port`; it resolves the service's name.
        tls: Believes the authorities; must verify certificates and names.
    """

    url: str
    tls: ssl.SSLContext
    proxy: str | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        """The service's name, also the one that its certificate must have."""
        return urlsplit(self.url).hostname or ""

    @property
    def authority(self) -> str:
        """The service's name and port, as requests say it."""
        return urlsplit(self.url).netloc

    @property
    def port(self) -> int:
        """The service's port."""
        return urlsplit(self.url).port or 443


class Tunneller:
    """Makes connections to one service.

    Names are resolved in a thread of its own: a name server that hangs must not keep the threads
    that everybody shares.
    """

    def __init__(self, route: Route) -> None:
        if route.tls.verify_mode is not ssl.CERT_REQUIRED or not route.tls.check_hostname:
            raise ValueError("the service would not have to prove who it is")
        self._route = route
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="resolve-push")

    def close(self) -> None:
        """Resolve no more; a resolution that hangs is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def connect(self, make: Callable[[], _Protocol], alpn: str) -> _Protocol:
        """Connect and shake hands.

        Raises:
            PushFailedError: `unreachable`, `proxy`, `tls`, or `protocol` where the service does
                not speak what it should.
        """
        end = await self._socket()
        try:
            transport, protocol = await asyncio.get_running_loop().create_connection(
                make, sock=end, ssl=self._route.tls, server_hostname=self._route.host
            )
        except ssl.SSLError:
            end.close()
            raise _failed(Failure.TLS) from None
        except OSError:
            end.close()
            raise _failed(Failure.DISCONNECTED) from None
        except BaseException:
            end.close()
            raise
        if transport.get_extra_info("ssl_object").selected_alpn_protocol() != alpn:
            transport.abort()
            raise _failed(Failure.PROTOCOL)
        return protocol

    async def _socket(self) -> socket.socket:
        if self._route.proxy is None:
            try:
                return await self._dial(self._route.host, self._route.port)
            except OSError:
                raise _failed(Failure.UNREACHABLE) from None
        proxy = urlsplit(self._route.proxy)
        try:
            end = await self._dial(proxy.hostname or "", proxy.port or 0)
        except OSError:
            raise _failed(Failure.PROXY) from None
        try:
            await self._ask_through(end)
        except OSError:
            end.close()
            raise _failed(Failure.PROXY) from None
        except BaseException:
            end.close()
            raise
        return end

    async def _dial(self, host: str, port: int) -> socket.socket:
        """Try each address of a name, asked for anew as Apple wants it."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._thread, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except UnicodeError:
            raise OSError("no name") from None
        for family, kind, number, _, place in found[:-1]:
            try:
                return await _open(family, kind, number, place)
            except OSError:
                continue
        family, kind, number, _, place = found[-1]
        return await _open(family, kind, number, place)

    async def _ask_through(self, end: socket.socket) -> None:
        """Have a proxy connect to the service (RFC 9110 section 9.3.6)."""
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(end, self._request())
        answer = b""
        while not answer.endswith(_HEAD_ENDS):
            # Octet by octet: what follows belongs to TLS.
            octet = await loop.sock_recv(end, 1)
            answer += octet
            if not octet or len(answer) > _MOST_OF_ANSWER:
                raise OSError("no answer")
        version, _, rest = answer.partition(b" ")
        if not version.startswith(b"HTTP/1.") or rest[:1] != b"2":
            raise OSError("refused")

    def _request(self) -> bytes:
        place = f"{self._route.host}:{self._route.port}"
        lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
        proxy = urlsplit(self._route.proxy or "")
        if proxy.username is not None:
            named = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
            basic = base64.b64encode(named.encode()).decode("ascii")
            lines.append(f"Proxy-Authorization: Basic {basic}")
        return "\r\n".join([*lines, "", ""]).encode("ascii")


async def _open(family: int, kind: int, number: int, place: tuple[object, ...]) -> socket.socket:
    end = socket.socket(family, kind, number)
    try:
        end.setblocking(False)  # noqa: FBT003
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(ADDRESS_SECONDS):
            await asyncio.get_running_loop().sock_connect(end, place)
    except BaseException:
        end.close()
        raise
    return end


def _failed(failure: Failure) -> PushFailedError:
    return PushFailedError(failure, retriable=failure is not Failure.TLS)
