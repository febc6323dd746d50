"""A person at a desk: a browser, a UZI-pas in its reader, and eyes that see what is wrong."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, ConsoleMessage, Request, Response, WebError

from tests.house import House


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
POLICY = {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"}


@dataclass
class Desk:
    """One browser profile.

    Attributes:
        refusals: Statuses that this test means to get; a browser reports each on its console.
        wrong: What the pages did that no page may do.
    """

    house: House
    context: BrowserContext
    screen: Screen
    refusals: set[int] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(10_000)
        self.context.on("console", self._hear)
        self.context.on("weberror", self._catch)
        self.context.on("request", self._watch)
        self.context.on("response", self._read)

    def _hear(self, message: ConsoleMessage) -> None:
        expected = any(f"with a status of {status} " in message.text for status in self.refusals)
        if message.type in {"error", "warning"} and not expected:
            self.wrong.append(f"{message.type} on {message.location['url']}: {message.text}")

    def _catch(self, error: WebError) -> None:
        self.wrong.append(f"uncaught on {error.page and error.page.url}: {error.error}")

    def _watch(self, request: Request) -> None:
        if not request.url.startswith((f"{self.house.base_url}/", "data:", "about:")):
            self.wrong.append(f"a request to {request.url}")

    def _read(self, response: Response) -> None:
        """See that each page says what it may load, and that it is not kept."""
        headers = response.headers
        if "text/html" in headers.get("content-type", ""):
            said = set(headers.get("content-security-policy", "").split("; "))
            if not said >= POLICY or "unsafe" in " ".join(said):
                self.wrong.append(f"{response.url} has the policy {said}")
            if headers.get("cache-control") != "no-store":
                self.wrong.append(f"{response.url} may be kept")

    async def leave_behind(self, folder: Path) -> None:
        """Keep the screens and the trace (`playwright show-trace`) of a test that failed."""
        for number, page in enumerate(self.context.pages):
            await page.screenshot(path=folder / f"{number}.png", full_page=True)
        await self.context.tracing.stop(path=folder / "trace.zip")
