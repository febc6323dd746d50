"""A program that sends a desk's browser to the login page, and gets it back."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import web

from tests.browser.desk import Desk
from tests.house import House, free_port
from tests.oidc.browser import Attempt

NAME = "Huisartsenprogramma"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    ),
}
BACK = '<!doctype html><html lang="en"><title>Back</title><main><h1>Back</h1></main></html>'


@dataclass(frozen=True)
class Program:
    """A program with a page of its own."""

    client_id: str
    origin: str

    @property
    def page(self) -> str:
        return f"{self.origin}/cb"

    async def send(self, desk: Desk, **changed) -> Attempt:
        """Send a browser to the login page."""
        desk.program = self.origin
        attempt = Attempt()
        form = attempt.form(self.client_id, redirect_uri=self.page, **changed)
        await desk.open(f"/authorize?{urlencode(form)}")
        await desk.page.wait_for_url(re.compile("/login/"))
        return attempt

    async def back(self, desk: Desk) -> dict[str, str]:
        """Wait until the browser is back; what it brings."""
        await desk.page.wait_for_url(re.compile(re.escape(self.page)))
        query = parse_qs(urlsplit(desk.page.url).query, strict_parsing=True)
        return {name: value for name, (value,) in query.items()}

    async def log_in(self, desk: Desk, phone) -> None:
        """Log in by the QR code, so that the browser is known from then on."""
        await self.send(desk)
        await phone.approve(await scanned(desk, phone))
        await self.back(desk)


@asynccontextmanager
async def running_program(house: House) -> AsyncIterator[Program]:
    """Register a program, and answer where it waits for its browsers."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=BACK, content_type="text/html", headers=HEADERS)

    port = free_port()
    app = web.Application()
    app.add_routes([web.get("/cb", answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "localhost", port).start()
    origin = f"http://localhost:{port}"
    await house.workstation(NAME, redirect_uris=(f"{origin}/cb",))
    yield Program(house.client_id, origin)
    await runner.cleanup()


async def scanned(desk: Desk, phone):
    """Let a phone read the code from the screen's pixels; what it shows then."""
    if desk.screen.width < desk.screen.height:
        await desk.page.get_by_role("img").scroll_into_view_if_needed()
    return await phone.get(await phone.scan_login(await desk.scan()))


async def code_on(desk: Desk) -> str:
    """Read the code that is to be typed."""
    await desk.sees("Type this code on your phone")
    return "".join((await desk.page.locator("[data-code]").inner_text()).split())
