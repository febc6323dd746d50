"""A proxy that only tunnels (RFC 9110 section 9.3.6), for who knows its password."""

import asyncio
import base64
import contextlib
from dataclasses import dataclass, field
from urllib.parse import quote

USER, PASSWORD = "push", "p@ss:word"


@dataclass
class ConnectProxy:
    """What it was asked for, and how often it refused.

    Attributes:
        sends_to: Where it connects to instead of where it was asked to.
    """

    port: int = 0
    asked: list[str] = field(default_factory=list)
    refused: int = 0
    sends_to: tuple[str, int] | None = None
    _tasks: set = field(default_factory=set)

    def url(self, password=PASSWORD):
        return f"http://{USER}:{quote(password, safe='')}@localhost:{self.port}"

    async def handle(self, reader, writer):
        self._keep(asyncio.current_task())
        with contextlib.ExitStack() as unless_passed_on:
            unless_passed_on.callback(writer.close)
            with contextlib.suppress(EOFError, OSError):
                await self._connect(reader, writer)
                unless_passed_on.pop_all()

    async def _connect(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        method, target, _ = head.split(" ", 2)
        if method != "CONNECT" or f"Proxy-Authorization: Basic {basic}\r\n" not in head:
            self.refused += 1
            writer.write(
                b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                b'Proxy-Authenticate: Basic realm="p"\r\nContent-Length: 0\r\n\r\n'
            )
            raise ConnectionRefusedError
        self.asked.append(target)
        host, port = target.rsplit(":", 1)
        there = await asyncio.open_connection(*(self.sends_to or (host, int(port))))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        for source, sink in ((reader, there[1]), (there[0], writer)):
            self._keep(asyncio.create_task(_pass_on(source, sink)))

    def _keep(self, task):
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _pass_on(source, sink):
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    except OSError:
        pass
    finally:
        sink.close()


@contextlib.asynccontextmanager
async def running_proxy():
    """Run a proxy on loopback."""
    proxy = ConnectProxy()
    server = await asyncio.start_server(proxy.handle, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in tuple(proxy._tasks):
            task.cancel()
        await asyncio.gather(*proxy._tasks, return_exceptions=True)
