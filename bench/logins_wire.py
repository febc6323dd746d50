"""HTTP/1.1 as cheap as it can be had, so that it is not the load that is measured."""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import cast
from urllib.parse import urlencode, urlsplit

_END = b"\r\n\r\n"
#: Linux gives 28,000 ports to those who ask for none.
FROM_ONE_ADDRESS = 10_000


class Line(asyncio.Protocol):
    """One connection, kept open; one call at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._came = b""
        self._waiting: deque[asyncio.Future[tuple[int, bytes]]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read an answer, once all of it is there; who gave up gets none."""
        self._came += data
        head, end, rest = self._came.partition(_END)
        if not end:
            return
        fields = head.lower()
        _, found, length = fields.partition(b"content-length: ")
        size = int(length.partition(b"\r\n")[0]) if found else 0
        if len(rest) < size:
            return
        self._came = rest[size:]
        waiting = self._waiting.popleft()
        if not waiting.done():
            waiting.set_result((int(head[9:12]), rest[:size]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail who waits."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(exc or ConnectionResetError("closed"))

    async def call(self, raw: bytes) -> tuple[int, bytes]:
        """Send a request and return status and body of its answer."""
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        self._transport.write(raw)
        return await answer

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()


async def open_line(url: str, place: int = 0) -> Line:
    """Connect to a server.

    Args:
        place: The number of who connects: an address has fewer ports than there are of them.
    """
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    source = (f"127.0.0.{1 + place // FROM_ONE_ADDRESS}", 0)
    _, line = await loop.create_connection(Line, "127.0.0.1", parts.port, local_addr=source)
    return line


def post_form(url: str, path: str, form: Mapping[str, str], *fields: str) -> bytes:
    """Write a request whose body is a form."""
    return _request(
        "POST", url, path, urlencode(form).encode(), "application/x-www-form-urlencoded", fields
    )


def put_json(url: str, path: str, body: bytes, *fields: str) -> bytes:
    """Write a request whose body is JSON."""
    return _request("PUT", url, path, body, "application/json", fields)


def get(url: str, path: str, *fields: str) -> bytes:
    """Write a request without a body."""
    lines = (f"GET {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", *fields, "", "")
    return "\r\n".join(lines).encode()


def _request(
    method: str, url: str, path: str, body: bytes, kind: str, fields: tuple[str, ...]
) -> bytes:
    lines = (
        f"{method} {path} HTTP/1.1",
        f"Host: {urlsplit(url).netloc}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        *fields,
        "",
        "",
    )
    return "\r\n".join(lines).encode() + body
