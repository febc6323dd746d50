"""The session of who administers: a cookie that stands for a session of the registry.

What the Store keeps says which; whether it still opens anything the registry says, with every
request: so a revoked phone, an unlinked person and a dismissed administrator are out at once.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from aiohttp import web

from admin.actor import Actor, Role
from admin.portal_client import CLIENT_ID
from pairing_server.errors import Unauthenticated
from pairing_server.http import cookie, forget_cookie, set_cookie
from pairing_server.ports import Ports
from pairing_server.registry import Query, administrators
from pairing_server.registry.administrators import Administrator
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest, new_secret

T = TypeVar("T")

COOKIE = "admin"
#: Who was away for so long logs in once more: a desk is left in less.
IDLE = timedelta(minutes=30)
#: As exactly is known when a session was last used; each time would be a write to the Store.
NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminSession:
    """What a browser was logged in with.

    Attributes:
        id: Digest of the session's cookie.
        sid: Of the session in the registry that it stands for.
        authenticated_at: When the person approved, on their phone or with their card.
        expires_at: When it is over at the latest.
    """

    id: str
    sid: str
    person_id: str
    ura: str
    authenticated_at: datetime
    expires_at: datetime
    used_at: datetime

    def is_open(self, now: datetime) -> bool:
        """Whether it is neither over nor was left alone for too long."""
        return now < self.expires_at and now - self.used_at < IDLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of somebody who administers, and who they are at this moment."""

    session: AdminSession
    administrator: Administrator
    actor: Actor

    def still(self, tx: Query, now: datetime) -> Actor:
        """Return who acts, as they are in this transaction.

        Raises:
            Unauthenticated: what their session rests on has ended.
        """
        return standing(tx, self.session, now).actor


class AdminSessions:
    """Opens sessions, and finds them by their cookie."""

    def __init__(self, ports: Ports) -> None:
        self._registry = ports.registry
        self._sessions = Shelf(ports.store, "admin-session", AdminSession)
        self._clock = ports.clock
        self._random = ports.random

    async def open(
        self, request: web.Request, response: web.Response, session: AdminSession
    ) -> AdminSession:
        """Open a session under a new cookie; the one that the browser had is over."""
        await self.forget(request)
        secret = new_secret(self._random)
        opened = replace(session, id=digest(secret), used_at=self._clock())
        await self._sessions.create(opened.id, opened, opened.expires_at - opened.used_at)
        set_cookie(request, response, COOKIE, secret)
        return opened

    async def held(self, request: web.Request) -> AdminSession | None:
        """Return the session that the request rides on, whether or not it opens anything.

        Raises:
            CrossSite: an unsafe request from elsewhere.
        """
        secret = cookie(request, COOKIE)
        stored = await self._sessions.get(digest(secret)) if secret else None
        return None if stored is None else stored.value

    async def visit(
        self, request: web.Request, also: Callable[[Query, Actor], T]
    ) -> tuple[Visit, T]:
        """Return who calls, and what has to be known of what they want, as of one moment.

        Raises:
            CrossSite: an unsafe request from elsewhere.
            Unauthenticated: there is no session, it is over, or what it rests on has ended.
        """
        session, now = await self.held(request), self._clock()
        if session is None or not session.is_open(now):
            raise Unauthenticated("no session")

        def read(tx: Query) -> tuple[Visit, T]:
            visit = standing(tx, session, now)
            return visit, also(tx, visit.actor)

        found = await self._registry.read(read)
        if now - session.used_at >= NOTED_EVERY:
            await self._sessions.change(session.id, lambda held: replace(held, used_at=now))
        return found

    async def forget(self, request: web.Request, response: web.Response | None = None) -> None:
        """Let the cookie of the request open nothing any more.

        Raises:
            CrossSite: an unsafe request from elsewhere.
        """
        secret = cookie(request, COOKIE)
        if secret is not None:
            await self._sessions.delete(digest(secret))
        if response is not None:
            forget_cookie(request, response, COOKIE)


def standing(tx: Query, session: AdminSession, now: datetime) -> Visit:
    """Return who a session is of, if all that it rests on stands in this transaction.

    What changes something asks this again in its own commit, or a dismissal at the same moment
    would not stop it.

    Raises:
        Unauthenticated: it does not.
    """
    found = administrators.of_session(tx, session.sid, CLIENT_ID, now)
    if found is None:
        raise Unauthenticated("ended, or no administrator any more")
    actor = Actor(
        role=Role(found.role.value),
        ura=found.ura,
        person_id=found.person_id,
        client_id=None,
        authenticated_at=session.authenticated_at,
        sid=session.sid,
    )
    return Visit(session=session, administrator=found, actor=actor)
