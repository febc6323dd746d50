"""A program that sends a browser to the login page, that browser, and the phone that answers."""

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from clients.event_stream import events
from clients.phone import SoftwarePhone
from pairing_server.oidc.browser_login import BrowserLogin
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import b64url
from tests.house import House
from tests.oidc.client import BareClient
from tests.pages.visitor import Shown, Visitor, visitor

#: Where the program waits for its answer; no test needs anybody there.
PAGE = "http://localhost:8099/cb"
BYE = "http://localhost:8099/bye"


@dataclass
class Attempt:
    """What a program keeps of a login that it began."""

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def form(self, client_id: str, /, **changed: Any) -> dict[str, str]:
        challenge = b64url(hashlib.sha256(self.verifier.encode()).digest())
        form = {
            "client_id": client_id,
            "response_type": "code",
            "redirect_uri": PAGE,
            "scope": "openid uzi",
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        } | changed
        return {name: value for name, value in form.items() if value is not None}


@dataclass
class LoginPage:
    """A browser at the login page."""

    house: House
    client: BareClient
    visitor: Visitor
    attempt: Attempt = field(default_factory=Attempt)
    path: str = ""

    async def authorize(self, **changed: Any) -> Shown:
        """Come from the program, and say where that leads."""
        query = urlencode(self.attempt.form(self.client.id, **changed))
        return await self.visitor.get(f"/authorize?{query}")

    async def open(self, **changed: Any) -> "LoginPage":
        """Come from the program to the page."""
        shown = await self.authorize(**changed)
        assert shown.status == 303, shown.text
        assert shown.location.startswith("/login/"), shown.location
        self.path = shown.location
        return self

    async def look(self) -> Shown:
        return await self.visitor.get(self.path)

    async def act(self, act: str, /, **form: str) -> Shown:
        return await self.visitor.post(self.path, {"act": act, **form})

    async def progress(self) -> str:
        shown = await self.look()
        (live,) = [each for each in shown.page.all("div") if "data-progress" in each.attributes]
        return live["data-progress"]

    @asynccontextmanager
    async def news(self) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        """Follow the login as the page does."""
        url = f"{self.house.base_url}{self.path}/events"
        async with self.visitor.portal._http.get(url) as stream:
            assert stream.status == 200, await stream.text()
            async with aclosing(_parsed(stream.content)) as parsed:
                yield parsed

    async def until(self, progress: str) -> dict[str, Any]:
        """Wait until the page hears this."""
        async with self.news() as news, asyncio.timeout(20):
            async for name, said in news:
                if name == "progress" and said["progress"] == progress:
                    return said
        raise AssertionError(f"the stream ended before {progress}")

    async def link(self) -> str:
        """Read what the QR code says at this moment."""
        async with self.news() as news, asyncio.timeout(20):
            async for name, said in news:
                if name == "frame":
                    return said
        raise AssertionError("no frame")

    async def approve(self, phone: SoftwarePhone) -> None:
        """Scan the code with a phone's camera, and approve there."""
        await phone.approve(await phone.get(await phone.scan_login(await self.link())))

    async def record(self) -> BrowserLogin:
        """Return what the server keeps of it."""
        stored = await shelf(self.house).get(self.path.rpartition("/")[2])
        assert stored is not None
        return stored.value

    async def answer(self) -> dict[str, str]:
        """Go back to the program, and return what it is told."""
        return answer_in(await self.look())

    async def exchange(self, code: str, /, **changed: Any) -> tuple[int, dict[str, Any]]:
        """Have a code exchanged as the program does."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": PAGE,
            "code_verifier": self.attempt.verifier,
        }
        return await self.client.post("/token", form | changed)

    async def tokens(self, phone: SoftwarePhone) -> dict[str, Any]:
        """Log in, from the page that is open to the tokens."""
        await self.approve(phone)
        status, tokens = await self.exchange((await self.answer())["code"])
        assert status == 200, tokens
        return tokens


def answer_in(shown: Shown) -> dict[str, str]:
    """Return what a program is told by way of the browser."""
    assert shown.status == 303, shown.text
    target = urlsplit(shown.location)
    assert shown.location.startswith(f"{PAGE}?"), shown.location
    return dict(parse_qsl(target.query, strict_parsing=True))


def shelf(house: House) -> Shelf[BrowserLogin]:
    return Shelf(house.store, "browser-login", BrowserLogin)


async def login_page(house: House, client: BareClient, language: str = "en") -> LoginPage:
    """Give a browser of its own, which has not been at the login page."""
    return LoginPage(house, client, await visitor(house, language))


async def _parsed(content: Any) -> AsyncIterator[tuple[str, Any]]:
    async for name, data in events(content):
        yield name, json.loads(data)
