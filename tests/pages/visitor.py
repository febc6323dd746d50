"""A browser without scripts, and the card holder who uses it."""

from dataclasses import dataclass
from html import unescape

import aiohttp
from yarl import URL

from clients.card_profile import Holder
from clients.portal import PortalPage
from tests.house import House
from tests.pages.markup import Markup

ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@dataclass
class Shown:
    """What a browser got: a page, or where it is sent."""

    status: int
    headers: aiohttp.typedefs.LooseHeaders
    text: str

    @property
    def page(self) -> Markup:
        assert self.headers["Content-Type"] == "text/html; charset=utf-8"
        return Markup(self.text)

    @property
    def location(self) -> str:
        return self.headers["Location"]


@dataclass
class Visitor:
    """Somebody at a browser of their own."""

    house: House
    portal: PortalPage
    language: str = "en"
    origin: str | None = "own"

    async def get(self, path: str, **headers: str) -> Shown:
        return await self._send("GET", path, headers)

    async def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Shown:
        if self.origin is not None:
            own = self.house.base_url if self.origin == "own" else self.origin
            headers = {"Origin": own, **headers}
        return await self._send("POST", path, headers, data=form or {})

    async def prove(self, shown: Shown, holder: Holder | None = None) -> Shown:
        """Let the agent prove the card that a page asks for, and go on as its script does."""
        (link,) = [each for each in shown.page.all("a") if "data-open" in each.attributes]
        card = self.house.register.card(holder or self.house.holder)
        return_uri = await self.house.agent().prove(unescape(link["href"]), card)
        await self.portal.complete(return_uri)
        return await self.get("/portal/next")

    async def log_in(self, holder: Holder | None = None, purpose: str = "login") -> Shown:
        shown = await self.post("/portal/login", {"purpose": purpose})
        return await self.prove(shown, holder)

    def cookie(self, name: str) -> str | None:
        jar = self.portal._http.cookie_jar.filter_cookies(URL(self.house.base_url))
        return jar[name].value if name in jar else None

    async def _send(self, method: str, path: str, headers: dict[str, str], **options) -> Shown:
        headers = {"Accept": ACCEPT, "Accept-Language": self.language, **headers}
        async with self.portal._http.request(
            method,
            URL(self.house.base_url + path, encoded=True),
            headers=headers,
            allow_redirects=False,
            **options,
        ) as answer:
            return Shown(answer.status, answer.headers, await answer.text())


async def visitor(house: House, language: str = "en") -> Visitor:
    return Visitor(house, await house.page(), language)
