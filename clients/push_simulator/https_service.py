"""A service over HTTPS on loopback, that also fails as services do."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from clients.push_simulator import Behaviour, Fault

#: A wake-up has less than 5 kB.
MAX_BODY_BYTES = 16 * 1024


@asynccontextmanager
async def listening(
    routes: Sequence[web.RouteDef], tls: ssl.SSLContext | None, port: int = 0
) -> AsyncIterator[int]:
    """Listen until the block is left; yields the port."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.add_routes(routes)
    runner = web.AppRunner(
        app,
        access_log=None,
        # Silence lasts until whoever waits gives up, and no longer.
        handler_cancellation=True,
        shutdown_timeout=0.1,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port, backlog=4096, ssl_context=tls)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def behave(request: web.Request, behaviour: Behaviour) -> web.Response:
    """Answer, or fail, as was asked."""
    if not isinstance(behaviour, Fault):
        return web.Response(
            status=behaviour.status, body=behaviour.body, headers=behaviour.headers
        )
    transport = request.transport
    if transport is not None and behaviour is Fault.RESET:
        transport.abort()
    if transport is not None and behaviour is Fault.CLOSE:
        transport.close()
    # Cancelled when the connection is gone.
    await asyncio.Event().wait()
    raise AssertionError  # pragma: no cover


def told_headers(request: web.Request) -> dict[str, str]:
    """Return what may be shown of the headers: not who sent it."""
    return {
        name.lower(): value
        for name, value in request.headers.items()
        if name.lower() != "authorization"
    }
