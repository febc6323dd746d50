"""Browser sessions: opaque, short, of one person who proved a card."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from pairing_server.clock import Clock
from pairing_server.errors import Unauthenticated
from pairing_server.http import cookie, set_cookie
from pairing_server.store import Store
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import Random, digest, new_secret
from pairing_server.uzi.certificate import Card
from pairing_server.uzi.session import Purpose

SESSION_COOKIE = "session"
#: Long enough to pair a phone or two, short enough for a workstation in a corridor.
SESSION_LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSession:
    """What a browser was logged in with.

    Attributes:
        id: Digest of the session's cookie.
        person_id: The registered person, once there is one.
        statement: What the card signed, as evidence of what is done in this session.
    """

    id: str
    purpose: Purpose
    card: Card
    person_id: str | None
    statement: dict[str, Any]
    expires_at: datetime


class BrowserSessions:
    """Opens browser sessions and finds them by their cookie."""

    def __init__(self, store: Store, clock: Clock, random: Random) -> None:
        self._sessions = Shelf(store, "browser-session", BrowserSession)
        self._clock = clock
        self._random = random

    async def open(
        self,
        request: web.Request,
        response: web.Response,
        purpose: Purpose,
        card: Card,
        person_id: str | None,
        statement: Mapping[str, Any],
    ) -> None:
        """Open a new session, ending the one that the browser had."""
        await self.close(request)
        secret = new_secret(self._random)
        session = BrowserSession(
            id=digest(secret),
            purpose=purpose,
            card=card,
            person_id=person_id,
            statement=dict(statement),
            expires_at=self._clock() + SESSION_LIFETIME,
        )
        await self._sessions.create(session.id, session, SESSION_LIFETIME)
        set_cookie(request, response, SESSION_COOKIE, secret)

    async def close(self, request: web.Request) -> None:
        """End the session that the request rides on, if there is one.

        Raises:
            CrossSite: an unsafe request from elsewhere.
        """
        secret = cookie(request, SESSION_COOKIE)
        if secret is not None:
            await self._sessions.delete(digest(secret))

    async def of(self, request: web.Request) -> BrowserSession:
        """Return the session that the request rides on.

        Raises:
            CrossSite: an unsafe request from elsewhere.
            Unauthenticated: there is none, or it is over.
        """
        secret = cookie(request, SESSION_COOKIE)
        stored = await self._sessions.get(digest(secret)) if secret else None
        if stored is None or self._clock() >= stored.value.expires_at:
            raise Unauthenticated("no browser session")
        return stored.value

    async def set_person(self, session: BrowserSession, person_id: str) -> None:
        """Note whom the session's card turned out to be."""
        await self._sessions.change(session.id, lambda held: replace(held, person_id=person_id))
