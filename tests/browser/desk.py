"""A person at a desk: a browser, a UZI-pas in its reader, and eyes that see what is wrong."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import (
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    WebError,
    expect,
)

from clients.portal import PortalPage
from clients.qr_image import read_png, read_qr
from pairing_server.languages import Language, translate, translations
from tests.browser import look
from tests.house import DATE_OF_BIRTH, House


@dataclass(frozen=True)
class Screen:
    """What the browser shows on; `scale` is device pixels to a CSS pixel."""

    width: int = 1366
    height: int = 768
    scale: float = 1
    theme: str = "light"
    language: str = "nl-NL"

    def options(self) -> dict[str, Any]:
        return {
            "viewport": {"width": self.width, "height": self.height},
            "device_scale_factor": self.scale,
            "color_scheme": self.theme,
            "locale": self.language,
            "timezone_id": "Europe/Amsterdam",
            "reduced_motion": "reduce",
        }


WORKSTATION = Screen()
PHONE = Screen(360, 640)
#: What every page's Content-Security-Policy begins with.
POLICY = {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"}

#: More than any page has to tab through.
_TABS = 30
_NAMES = "each => [each.textContent.trim(), ...[...each.labels ?? []].map(l => l.textContent)]"


@dataclass
class Desk:
    """One browser profile.

    Attributes:
        page: The tab in front.
        agent: The desktop agent: takes an `agent_uri`, and returns what it opens in the browser.
        refusals: Statuses that this test means to get; a browser reports each on its console.
        looks: Whether what is looked at is also examined, which takes half a second.
        program: Where pages may lead besides here: a program that sent the browser.
        album: Where pictures of what is looked at are put, if anywhere.
        opened: What the pages gave to the desktop agent by themselves.
        wrong: What the pages did that no page may do.
    """

    house: House
    context: BrowserContext
    screen: Screen
    page: Page
    agent: Callable[[str], Awaitable[str]]
    refusals: set[int] = field(default_factory=set)
    looks: bool = True
    program: str = "zorgid:"
    album: Path | None = None
    opened: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(30_000)
        self.context.on("console", self._hear)
        self.context.on("weberror", self._catch)
        self.context.on("request", self._watch)
        self.context.on("response", self._read)

    def say(self, message: str, **values: str) -> str:
        """Return what the page says for a message, in the language of this desk."""
        assert message in translations(Language.NL)._catalog, f"no page says {message!r}"
        return translate(Language(self.screen.language[:2]), message) % values

    async def open(self, path: str) -> None:
        await self.page.goto(path)

    def control(self, message: str) -> Locator:
        """Find a visible button or link by what it says."""
        name = self.say(message)
        buttons = self.page.get_by_role("button", name=name, exact=True)
        return buttons.or_(self.page.get_by_role("link", name=name, exact=True))

    async def choose(self, message: str) -> None:
        await self.control(message).click()

    async def tab_to(self, message: str) -> None:
        """Press Tab until the focus is on what says this."""
        wanted = self.say(message)
        for _ in range(_TABS):
            await self.page.keyboard.press("Tab")
            focused = self.page.locator(":focus")
            if await focused.count() and wanted in await focused.evaluate(_NAMES):
                return
        raise AssertionError(f"Tab does not reach {wanted!r}")

    async def choose_behind_the_question(self, message: str) -> None:
        """Choose where Chromium asks if it may open the agent, and takes no click meanwhile.

        Only a hand closes that question: nothing that drives a browser sees it.
        """
        await self.control(message).dispatch_event("click")

    async def type(self, label: str, text: str) -> None:
        await self.page.get_by_label(self.say(label), exact=True).fill(text)

    async def sees(self, message: str, **values: str) -> None:
        """Wait until a heading says this."""
        heading = self.page.get_by_role("heading", name=self.say(message, **values), exact=True)
        await expect(heading).to_be_visible()

    async def reads(self, message: str, **values: str) -> None:
        """Wait until this stands on the page."""
        await expect(self.page.get_by_text(self.say(message, **values)).first).to_be_visible()

    async def agent_uri(self) -> str:
        uri = await self.page.locator("[data-open]").get_attribute("href")
        assert uri is not None
        return uri

    async def show_card(self) -> None:
        """Let the agent prove the card, and go on in the tab that it opens."""
        await self.come_back(await self.agent(await self.agent_uri()))

    async def come_back(self, return_uri: str) -> None:
        """Go on in a new tab, as the desktop agent opens it."""
        self.page = await self.context.new_page()
        await self.page.goto(return_uri)
        await self.page.wait_for_url(re.compile("/portal/"))

    async def log_in(self) -> None:
        await self.open("/")
        await self.choose("Log in with UZI-pas")
        await self.show_card()
        await self.sees("Check your details")

    async def save(self, born: str = DATE_OF_BIRTH) -> None:
        """Give a date of birth, YYYY-MM-DD."""
        year, month, day = born.split("-")
        await self.type("Day", day)
        await self.type("Month", month)
        await self.type("Year", year)
        await self.choose("Save")

    async def register(self) -> None:
        await self.log_in()
        await self.save()
        await self.sees("Sign with your UZI card")
        await self.show_card()
        await self.sees("Pair your phone")

    async def take_over(self, page: PortalPage) -> None:
        """Be the browser in which somebody has logged in."""
        await self.context.add_cookies(
            [
                {"name": cookie.key, "value": cookie.value, "url": self.house.base_url}
                for cookie in page._http.cookie_jar
            ]
        )

    async def scan(self) -> str:
        """Read the QR code from the pixels of the screen, as it stands there."""
        await self.sees("Scan the QR code with your phone")
        return read_qr(read_png(await self.page.screenshot()))

    async def look(self, name: str = "") -> None:
        """Look at the page on every screen; what is wrong with it fails the test in the end."""
        if self.looks:
            self.wrong += await look.wrong_with(self.page, self.screen.theme)
        for width, height in look.SCREENS if name and self.album else ():
            await self.page.set_viewport_size({"width": width, "height": height})
            await self.page.screenshot(path=self.album / f"{name}-{width}.png")

    def _hear(self, message: ConsoleMessage) -> None:
        expected = any(f"with a status of {status} " in message.text for status in self.refusals)
        if message.type in {"error", "warning"} and not expected:
            self.wrong.append(f"{message.type} on {message.location['url']}: {message.text}")

    def _catch(self, error: WebError) -> None:
        self.wrong.append(f"uncaught on {error.page and error.page.url}: {error.error}")

    def _watch(self, request: Request) -> None:
        if request.url.startswith("zorgid://session?"):
            self.opened.append(request.url)
        elif not request.url.startswith((f"{self.house.base_url}/", self.program)):
            self.wrong.append(f"a request to {request.url}")

    def _read(self, response: Response) -> None:
        """See that each page says what it may load, and that it is not kept."""
        headers = response.headers
        if "text/html" in headers.get("content-type", ""):
            said = set(headers.get("content-security-policy", "").split("; "))
            forms = [each for each in said if each.startswith("form-action 'self'")]
            if not said >= POLICY or not forms or "unsafe" in " ".join(said):
                self.wrong.append(f"{response.url} has the policy {said}")
            if headers.get("cache-control") != "no-store":
                self.wrong.append(f"{response.url} may be kept")

    async def leave_behind(self, folder: Path) -> None:
        """Keep the screens and the trace (`playwright show-trace`) of a test that failed."""
        for number, page in enumerate(self.context.pages):
            await page.screenshot(path=folder / f"{number}.png", full_page=True)
        await self.context.tracing.stop(path=folder / "trace.zip")
