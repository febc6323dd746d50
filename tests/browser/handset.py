"""A phone with the web app: a browser of its size, whose authenticator asks for no finger."""

import asyncio
import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import CDPSession, ConsoleMessage, Locator, Request, Response, expect

from clients.phone import SoftwarePhone
from clients.wire import b64url_decode
from tests.browser import look
from tests.browser.desk import Desk, Screen
from tests.documents import ROOT

APP = ROOT / "clients" / "phone_web"
HANDSET = Screen(360, 640, language="nl-NL")
LARGE = Screen(412, 915, theme="dark", language="en-GB")
SCREENS = ((360, 640), (412, 915))
POLICY = {
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "connect-src 'self'",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
}
#: What a phone has: a built-in key store that verifies its holder.
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def words(language: str) -> dict[str, Any]:
    """Read what the app says: a module that exports one JSON value."""
    text = (APP / "app" / "words" / f"{language}.js").read_text()
    return json.loads(text.removeprefix("export default ").rstrip().removesuffix(";"))


_KEEP = """(phone => {
  const opening = indexedDB.open("phone", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("kept").put(phone, "phone");
  opening.onsuccess = () => opening.result.close();
})(%s)"""
_AGE = """() => new Promise(resolve => {
  indexedDB.open("phone", 1).onsuccess = ({ target: { result } }) => {
    const kept = result.transaction("kept", "readwrite").objectStore("kept");
    kept.get("phone").onsuccess = ({ target }) =>
      kept.put({ ...target.result, tokenSince: 0 }, "phone").onsuccess =
        () => { result.close(); resolve(); };
  };
})"""


def standard(text: str) -> str:
    """Write base64url as the DevTools take bytes."""
    return base64.b64encode(b64url_decode(text)).decode()


@dataclass
class Handset(Desk):
    """One phone; `key_store` is its authenticator in the tab in front."""

    key_store: str = ""
    #: Whether what the console says is passed over: a network that is cut is an error to it.
    quiet: bool = False
    devtools: CDPSession | None = None
    _words: dict[str, Any] = field(default_factory=dict)

    def say(self, message: str, **values: object) -> str:
        """Return what the app says for a key of its words."""
        language = self.screen.language[:2]
        self._words = self._words or words(language)
        said = self._words[message]
        if isinstance(said, dict):
            said = said["one" if values["count"] == 1 else "other"]
        return said.format(**values)

    async def switch_on(self) -> None:
        """Give the tab in front an authenticator."""
        self.devtools = await self.context.new_cdp_session(self.page)
        await self.devtools.send("WebAuthn.enable")
        added = await self.devtools.send(
            "WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR}
        )
        self.key_store = added["authenticatorId"]

    async def unlock(self, *, works: bool) -> None:
        """Say whether the holder's finger is the right one."""
        await self.devtools.send(
            "WebAuthn.setUserVerified",
            {"authenticatorId": self.key_store, "isUserVerified": works},
        )

    async def keys(self) -> list[dict[str, Any]]:
        asked = {"authenticatorId": self.key_store}
        return (await self.devtools.send("WebAuthn.getCredentials", asked))["credentials"]

    async def open_app(self, link: str = "/app/") -> None:
        await self.page.goto(link)

    async def pair(self, page: Any) -> None:
        """Pair with the person at that portal page, to the home screen."""
        offered = await page.start_pairing()
        await self.open_app(offered.link)
        await self.sees("is_this_you")
        await self.choose("yes_me")
        await self.sees("type_number")
        await page.confirm(offered.id, await self.check_number())
        await self.sees("paired")
        await self.choose("go_on")
        await self.sees("nothing_asked")

    async def sees_client(self, name: str) -> None:
        """Wait until a request of this client is shown."""
        heading = self.page.get_by_role("heading", name=name, exact=True)
        await expect(heading).to_be_visible()

    async def take_over(self, phone: SoftwarePhone) -> None:  # type: ignore[override]
        """Be a phone that was paired elsewhere: its key, its token, and its holder."""
        (key,) = phone.authenticator.credentials
        made = {
            "credentialId": standard(key.credential_id),
            "privateKey": standard(key.private_key),
            "userHandle": standard(key.user_handle),
            "rpId": key.rp_id,
            "signCount": key.sign_count,
            "isResidentCredential": True,
        }
        asked = {"authenticatorId": self.key_store, "credential": made}
        await self.devtools.send("WebAuthn.addCredential", asked)
        kept = {
            "token": phone.device_token,
            "tokenSince": time.time() * 1000,
            "credentialId": key.credential_id,
            "rpId": key.rp_id,
        }
        # Asked for before the app asks, the database is made before the app reads it.
        await self.page.add_init_script(_KEEP % json.dumps(kept))
        await self.open_app()
        await self.sees("nothing_asked")
        # By then it has asked the server whose it is.
        await expect(self.page.locator(".person .whose")).to_be_visible()

    async def check_number(self) -> str:
        return await self.page.locator(".number span").first.inner_text()

    async def type_code(self, code: str) -> None:
        """Type with the thumb."""
        for digit in code:
            await self.page.get_by_role("button", name=digit, exact=True).click()

    async def approve(self, code: str) -> None:
        await self.type_code(code)
        await self.choose("approve")

    async def choose_label(self, message: str) -> None:
        """Choose what only a picture says."""
        await self.page.get_by_role("button", name=self.say(message)).click()

    def code_field(self) -> Locator:
        return self.page.get_by_role("textbox")

    async def kept(self, name: str = "phone") -> Any:
        """Read what the app keeps."""
        return await self.page.evaluate(
            """name => new Promise(resolve => {
              indexedDB.open("phone", 1).onsuccess = ({ target: { result } }) => {
                const reading = result.transaction("kept").objectStore("kept").get(name);
                reading.onsuccess = () => { result.close(); resolve(reading.result ?? null); };
              };
            })""",
            name,
        )

    async def age_token(self) -> None:
        """Let the device token be old enough to be changed."""
        await self.page.evaluate(_AGE)

    async def settled(self) -> Any:
        """Read what is kept of the phone, once no change of its token is under way."""
        for _ in range(50):
            kept = await self.kept()
            if "nextToken" not in kept and kept["tokenSince"]:
                return kept
            await asyncio.sleep(0.1)
        raise AssertionError("the change of the device token does not end")

    async def forget(self) -> None:
        """Lose what the browser keeps, as one does that is short of room; the key stays."""
        await self.page.goto("about:blank")
        origin = {"origin": self.house.base_url, "storageTypes": "all"}
        await self.devtools.send("Storage.clearDataForOrigin", origin)

    async def look(self, name: str = "") -> None:
        """Look at the screen on two phones; what is wrong with it fails the test in the end."""
        if self.looks:
            self.wrong += await look.wrong_with(self.page, self.screen.theme, SCREENS)
        if name and self.album:
            await self.page.screenshot(path=self.album / f"{name}.png")

    async def is_gone(self, message: str) -> None:
        await expect(self.control(message)).to_have_count(0)

    def _watch(self, request: Request) -> None:
        if not request.url.startswith(f"blob:{self.house.base_url}/"):
            super()._watch(request)

    def _hear(self, message: ConsoleMessage) -> None:
        if not (self.quiet and "Failed to load resource" in message.text):
            super()._hear(message)

    def _read(self, response: Response) -> None:
        headers = response.headers
        if "text/html" in headers.get("content-type", ""):
            said = set(headers.get("content-security-policy", "").split("; "))
            if not said >= POLICY:
                self.wrong.append(f"{response.url} has the policy {said}")
