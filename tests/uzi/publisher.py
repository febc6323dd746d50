"""A publisher of revocation lists and an OCSP responder, on a real socket of loopback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web
from cryptography import x509

from clients.test_responder import Manner, OcspResponder

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Publisher:
    """What is served, by path; `POST` goes to `ocsp`."""

    port: int = 0
    lists: dict[str, bytes] = field(default_factory=dict)
    handlers: dict[str, Handler] = field(default_factory=dict)
    ocsp: Handler | None = None
    asked: list[str] = field(default_factory=list)
    questions: list[bytes] = field(default_factory=list)

    def url(self, path: str = "", host: str = "crl.test") -> str:
        return f"http://{host}:{self.port}/{path}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path.lstrip("/")
        self.asked.append(path)
        if request.method == "POST":
            self.questions.append(await request.read())
            return await self.ocsp(request) if self.ocsp else web.Response(status=404)
        if path in self.handlers:
            return await self.handlers[path](request)
        if path in self.lists:
            return web.Response(body=self.lists[path], content_type="application/pkix-crl")
        return web.Response(status=404)


@asynccontextmanager
async def publishing() -> AsyncIterator[Publisher]:
    """Serve until the block is left."""
    publisher = Publisher()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", publisher.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    publisher.port = runner.addresses[0][1]
    try:
        yield publisher
    finally:
        await runner.cleanup()


async def loopback(_: str) -> list[str]:
    """Resolve every name to loopback; a `Resolve`."""
    return ["127.0.0.1"]


def answering(
    responder: OcspResponder, certificate: x509.Certificate, manner: Manner | None = None
) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        question = await request.read()
        body = responder.answer(question, certificate, datetime.now(UTC), manner)
        return web.Response(body=body, content_type="application/ocsp-response")

    return handle


def saying(
    body: bytes, content_type: str = "application/ocsp-response", **options: object
) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=content_type, **options)

    return handle


def redirecting(to: str) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": to})

    return handle


def dribbling(body: bytes) -> Handler:
    """Send byte for byte, slower than anybody waits."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/ocsp-response"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for byte in body:
                await response.write(bytes((byte,)))
                await asyncio.sleep(0.05)
        return response

    return handle


async def silence(_: web.Request) -> web.Response:
    """Say nothing for as long as the caller waits."""
    await asyncio.sleep(30)
    return web.Response()
