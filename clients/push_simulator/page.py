"""A page that shows live what reached the services, as the phones got it."""

import asyncio
import hashlib
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any

from aiohttp import web

from clients.push_simulator import Arrival
from clients.push_simulator.https_service import listening

#: Of the newest arrivals.
SHOWN = 200
#: Of each header that says how a service is to treat a wake-up.
_HEADERS = ("apns-priority", "apns-push-type", "apns-collapse-id", "apns-expiration")
_HEADERS_OF_WEB_PUSH = ("ttl", "urgency", "topic")
_BEAT_SECONDS = 15
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES = {"page.html": "text/html", "page.js": "text/javascript", "page.css": "text/css"}


class ArrivalPage:
    """Serves the page and its stream of events.

    Args:
        subscribe: Makes a Web Push subscription, to be handed to a phone.
    """

    def __init__(self, subscribe: Callable[[str | None], Mapping[str, object]]) -> None:
        self._subscribe = subscribe
        self._kept: deque[str] = deque(maxlen=SHOWN)
        self._open: set[asyncio.Queue[str]] = set()
        self.url = ""

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator["ArrivalPage"]:
        """Serve until the block is left."""
        routes = [
            web.get("/", self._page),
            web.get("/{file:page\\.(?:js|css)}", self._file),
            web.get("/arrivals", self._arrivals),
            web.post("/subscriptions", self._subscription),
        ]
        async with listening(routes, None, port) as bound:
            self.url = f"http://localhost:{bound}/"
            yield self

    def note(self, arrival: Arrival) -> None:
        """Show an arrival to whoever looks."""
        event = json.dumps(described(arrival))
        self._kept.append(event)
        for queue in self._open:
            queue.put_nowait(event)

    async def _page(self, request: web.Request) -> web.Response:
        _ = request
        return _shipped("page.html")

    async def _file(self, request: web.Request) -> web.Response:
        return _shipped(request.match_info["file"])

    async def _arrivals(self, request: web.Request) -> web.StreamResponse:
        """Tell of what arrived, and then of what arrives."""
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        queue: asyncio.Queue[str] = asyncio.Queue()
        for event in self._kept:
            queue.put_nowait(event)
        self._open.add(queue)
        try:
            while True:
                await response.write(await _next(queue))
        except ConnectionError:
            return response
        finally:
            self._open.discard(queue)

    async def _subscription(self, request: web.Request) -> web.Response:
        # A simple form of another site would carry no such type.
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        return web.json_response(self._subscribe(None))


async def _next(queue: asyncio.Queue[str]) -> bytes:
    try:
        async with asyncio.timeout(_BEAT_SECONDS):
            return f"data: {await queue.get()}\n\n".encode()
    except TimeoutError:
        return b": here\n\n"


def described(arrival: Arrival) -> dict[str, object]:
    """Return what the page shows of an arrival; an address is told by a mark."""
    names = _HEADERS_OF_WEB_PUSH if arrival.service == "webpush" else _HEADERS
    how = {name: arrival.headers[name] for name in names if name in arrival.headers}
    content = _content(arrival)
    if arrival.service == "fcm":
        how = {name: str(value) for name, value in dict(content.get("android", {})).items()}
    return {
        "at": arrival.at.isoformat(timespec="milliseconds"),
        "service": arrival.service,
        "phone": hashlib.sha256(arrival.address.encode()).hexdigest()[:8],
        "taken": arrival.is_taken,
        "how": how,
        "shown": shown(arrival),
    }


def shown(arrival: Arrival) -> Mapping[str, Any]:
    """Return what the phone's app gets."""
    content = _content(arrival)
    if arrival.service != "fcm":
        return content
    data = content.get("data", {})
    return data if isinstance(data, dict) else {}


def _content(arrival: Arrival) -> Mapping[str, Any]:
    try:
        content = json.loads(arrival.body)
    except ValueError:  # What was not decrypted, too.
        return {}
    if arrival.service == "fcm" and isinstance(content, dict):
        content = content.get("message")
    return content if isinstance(content, dict) else {}


def _shipped(name: str) -> web.Response:
    file = resources.files("clients") / "push_simulator" / name
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    return web.Response(
        body=file.read_bytes(), content_type=_TYPES[name], charset="utf-8", headers=headers
    )
