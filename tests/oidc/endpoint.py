"""A client's own web server on loopback, which answers as a test says and keeps what it heard."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Heard:
    """One call."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Endpoint:
    """Answers in turn, the last answer for ever.

    Attributes:
        answers: A status, or what makes an answer.
    """

    origin: str = ""
    answers: list[int | Callable[[], Any]] = field(default_factory=lambda: [204])
    heard: list[Heard] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"{self.origin}/ping"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        self.heard.append(Heard(request.method, request.path, dict(request.headers), raw))
        self._news.set()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, int):
            return web.Response(status=answer)
        made = answer()
        return await made if isinstance(made, Awaitable) else made

    async def calls(self, count: int = 1) -> list[Heard]:
        """Wait until there were as many calls."""
        async with asyncio.timeout(20):
            while len(self.heard) < count:
                self._news.clear()
                await self._news.wait()
        return self.heard


@contextlib.asynccontextmanager
async def listening(tls: ssl.SSLContext | None = None) -> AsyncIterator[Endpoint]:
    """Listen on loopback, until the block is left."""
    endpoint = Endpoint()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", endpoint.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    scheme = "http" if tls is None else "https"
    endpoint.origin = f"{scheme}://localhost:{runner.addresses[0][1]}"
    try:
        yield endpoint
    finally:
        await runner.cleanup()
