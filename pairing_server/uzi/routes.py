"""The calls of the page and of the desktop agent (design section 4)."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from pairing_server.clock import Clock
from pairing_server.errors import NotFound
from pairing_server.http import answer, asked_language, cookie, json_body, set_cookie
from pairing_server.languages import Language
from pairing_server.tokens import Random, digest, new_secret
from pairing_server.uzi.certificate import Card
from pairing_server.uzi.flow import UziFlow
from pairing_server.uzi.roles import role_name
from pairing_server.uzi.session import Proof, Purpose, UziSession, agent_uri

#: The cookie that ties UZI sessions to the browser that started them.
BROWSER_COOKIE = "browser"

Base64 = Annotated[str, msgspec.Meta(max_length=16384)]


class StartBody(msgspec.Struct):
    """`POST /uzi/sessions`; a registration is signed in a session of `/portal/registration`."""

    purpose: Literal["login", "register-organisation"]


class ProofBody(msgspec.Struct):
    """`POST /uzi/sessions/{id}/proof`."""

    certificate: Base64
    chain: Annotated[tuple[Base64, ...], msgspec.Meta(max_length=8)]
    signature: Base64
    algorithm: Annotated[str, msgspec.Meta(max_length=16)]


class CompleteBody(msgspec.Struct):
    """`POST /uzi/sessions/{id}/complete`."""

    completion: Annotated[str, msgspec.Meta(max_length=100)]


def session_json(session: UziSession, origin: str, clock: Clock) -> dict[str, object]:
    """Return a session as the page is told it."""
    left = session.expires_at - clock()
    return {
        "id": session.id,
        "nonce": session.nonce,
        "agent_uri": agent_uri(origin, session),
        "expires_in": int(left.total_seconds()),
    }


class UziRoutes:
    """The UZI session."""

    def __init__(
        self,
        flow: UziFlow,
        clock: Clock,
        random: Random,
        *,
        log_in: Callable[[web.Request, web.Response, UziSession, Card], Awaitable[None]],
    ) -> None:
        """Build the routes.

        Args:
            log_in: Gives the browser a new session of the card's holder, or answers the login
                that the card was asked for.
        """
        self._flow = flow
        self._clock = clock
        self._random = random
        self._log_in = log_in

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/uzi/sessions", self.start),
            web.get("/uzi/sessions/{id}", self.show),
            web.post("/uzi/sessions/{id}/proof", self.prove),
            web.post("/uzi/sessions/{id}/complete", self.complete),
        ]

    async def start(self, request: web.Request) -> web.Response:
        """Start a session of this browser."""
        body = await json_body(request, StartBody)
        browser = cookie(request, BROWSER_COOKIE) or new_secret(self._random)
        session = await self._flow.start(Purpose(body.purpose), digest(browser))
        response = answer(session_json(session, self._flow.origin, self._clock), 201)
        set_cookie(request, response, BROWSER_COOKIE, browser)
        return response

    async def show(self, request: web.Request) -> web.Response:
        """Show the agent what is asked, or the page how far it is."""
        session_id = request.match_info["id"]
        nonces = request.headers.getall("X-Nonce", [])
        if not nonces:
            status = await self._flow.for_browser(session_id, _browser(request))
            return answer({"status": status})
        if len(nonces) > 1:
            raise NotFound("two nonces")
        session = await self._flow.for_agent(session_id, nonces[0])
        left = session.expires_at - self._clock()
        return answer(
            {
                "id": session.id,
                "purpose": session.purpose,
                "statement": session.statement,
                "expires_in": int(left.total_seconds()),
            }
        )

    async def prove(self, request: web.Request) -> web.Response:
        """Take the agent's proof."""
        body = await json_body(request, ProofBody)
        proof = Proof(
            certificate=body.certificate,
            chain=body.chain,
            signature=body.signature,
            algorithm=body.algorithm,
        )
        return_uri = await self._flow.prove(request.match_info["id"], proof)
        return answer({"return_uri": return_uri})

    async def complete(self, request: web.Request) -> web.Response:
        """Finish the session and log its browser in."""
        body = await json_body(request, CompleteBody)
        session, card = await self._flow.complete(
            request.match_info["id"], _browser(request), body.completion
        )
        onward = {"next": session.next_path} if session.next_path else {}
        response = answer({"card": card_json(card, asked_language(request)), **onward})
        await self._log_in(request, response, session, card)
        return response


def card_json(card: Card, language: Language | None) -> dict[str, object]:
    """Return what a card says, for the page of its holder."""
    return {
        "name": f"{card.first_names} {card.last_name}",
        "first_names": card.first_names,
        "last_name": card.last_name,
        "uzi_number": card.uzi_number,
        "role_code": card.role_code,
        "role": role_name(card.role_code, language),
        "organisation": card.organisation_name,
        "ura": card.ura,
        "valid_until": card.not_valid_after,
    }


def _browser(request: web.Request) -> str | None:
    value = cookie(request, BROWSER_COOKIE)
    return None if value is None else digest(value)
