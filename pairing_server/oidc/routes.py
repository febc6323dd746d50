"""The workstation's calls (design section 7)."""

from datetime import timedelta

from aiohttp import web

from pairing_server.held import MOST_OF_CLIENT, HeldCalls
from pairing_server.http import answer, apply_wait, form_body, preferred_wait
from pairing_server.oidc.client_auth import ClientAuthentication
from pairing_server.oidc.flow import LoginFlow
from pairing_server.oidc.metadata import (
    BACKCHANNEL_PATH,
    TOKEN_PATH,
    discovery,
)
from pairing_server.oidc.sender import SenderConstraints
from pairing_server.oidc.showing import certificate_of, shown_by
from pairing_server.oidc.token import TokenFlow

#: CIBA Core section 10.1.1 advises against holding a poll for longer.
MAX_HELD_POLL = timedelta(seconds=30)


class LoginRoutes:
    """CIBA and its surroundings."""

    def __init__(
        self,
        flow: LoginFlow,
        tokens: TokenFlow,
        client_auth: ClientAuthentication,
        senders: SenderConstraints,
        base_url: str,
        aliases: str | None = None,
    ) -> None:
        self._flow = flow
        self._tokens = tokens
        self._client_auth = client_auth
        self._senders = senders
        self._base_url = base_url
        self._aliases = aliases
        self._held = HeldCalls(MOST_OF_CLIENT)

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/.well-known/openid-configuration", self.metadata),
            web.post(BACKCHANNEL_PATH, self.backchannel),
            web.post(TOKEN_PATH, self.token),
        ]

    async def metadata(self, request: web.Request) -> web.Response:
        """Say what this server is (OpenID Connect Discovery 1.0)."""
        _ = request
        headers = {"Cache-Control": "public, max-age=300"}
        return answer(discovery(self._base_url, self._aliases), headers=headers)

    async def backchannel(self, request: web.Request) -> web.Response:
        """Ask a person to log in (CIBA Core section 7)."""
        form = await form_body(request)
        client = await self._client_auth.authenticate_to_ask(form, certificate_of(request))
        return answer(await self._flow.begin(form, client))

    async def token(self, request: web.Request) -> web.Response:
        """Answer a token request (RFC 6749 section 3.2)."""
        form, shown = await form_body(request), shown_by(request)
        client = await self._client_auth.authenticate(form, shown.certificate)
        confirmation = await self._senders.confirmation(client, shown)
        headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
        with self._held.hold(client.id, preferred_wait(request, MAX_HELD_POLL)) as wait:
            apply_wait(request, wait)
            return answer(
                await self._tokens.token(form, client, wait, confirmation), headers=headers
            )
