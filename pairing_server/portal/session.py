"""Browser sessions: opaque, short, of one person who proved a card."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from pairing_server.errors import Unauthenticated
from pairing_server.http import cookie, set_cookie
from pairing_server.ports import Ports
from pairing_server.registry import Query, people
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest, new_secret
from pairing_server.uzi.certificate import Card
from pairing_server.uzi.session import Purpose

SESSION_COOKIE = "session"
#: Long enough to pair a phone or two, short enough for a workstation in a corridor.
SESSION_LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a browser session was offered to sign.

    Attributes:
        signing: The UZI session in which it is signed.
        person_id: Whose record it is, or will be.
        user_name: The name of that record.
        is_known: Whether the person was asked if it is theirs.
        is_denied: Whether they said no.
    """

    signing: str
    person_id: str
    user_name: str
    is_known: bool
    is_denied: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSession:
    """What a browser was logged in with.

    Attributes:
        id: Digest of the session's cookie.
        person_id: The registered person, once there is one.
        statement: What the card signed, as evidence of what is done in this session; after a
            login by mutual TLS, `{"method": "mtls", ..}`.
        offer: The newest registration that it was offered.
        signed_out_at: When its person had last been signed out as it was opened: once they have
            been again, it is over.
    """

    id: str
    purpose: Purpose
    card: Card
    person_id: str | None
    statement: dict[str, Any]
    expires_at: datetime
    offer: Offer | None = None
    signed_out_at: datetime | None = None


class BrowserSessions:
    """Opens browser sessions and finds them by their cookie."""

    def __init__(self, ports: Ports) -> None:
        self._registry = ports.registry
        self._sessions = Shelf(ports.store, "browser-session", BrowserSession)
        self._clock = ports.clock
        self._random = ports.random

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
        session = BrowserSession(
            id="",
            purpose=purpose,
            card=card,
            person_id=person_id,
            statement=dict(statement),
            expires_at=self._clock() + SESSION_LIFETIME,
        )
        last = await self._registry.read(lambda tx: _signed_out_at(tx, session))
        await self._open(request, response, replace(session, signed_out_at=last))

    async def reopen(
        self,
        request: web.Request,
        response: web.Response,
        session: BrowserSession,
        signed_out_at: datetime | None,
    ) -> None:
        """Go on in a new session after the person signed themselves out, as long as was left.

        Args:
            signed_out_at: That very sign-out: one that followed it ends this session, too.
        """
        await self._open(request, response, replace(session, signed_out_at=signed_out_at))

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
            Unauthenticated: there is none, it is over, or its person was signed out.
        """
        secret = cookie(request, SESSION_COOKIE)
        stored = await self._sessions.get(digest(secret)) if secret else None
        if stored is None or self._clock() >= stored.value.expires_at:
            raise Unauthenticated("no browser session")
        session = stored.value
        await self._registry.read(lambda tx: check_signed_in(tx, session))
        return session

    async def note_offer(self, session: BrowserSession, offer: Offer) -> Offer | None:
        """Note what the session is offered.  Returns the offer that it replaces.

        Raises:
            Unauthenticated: the session has ended, or a record was denied in it.
        """
        replaced: Offer | None = None

        def note(held: BrowserSession) -> BrowserSession:
            nonlocal replaced
            replaced = held.offer
            if replaced is not None and replaced.is_denied:
                raise Unauthenticated("denied")
            return replace(held, offer=offer)

        if await self._sessions.change(session.id, note) is None:
            raise Unauthenticated("ended meanwhile")
        return replaced

    async def deny_offer(self, session: BrowserSession) -> Offer | None:
        """Note that the record which the session was offered is not its card holder's.

        Returns:
            The newest offer, after which there is none; `None` when no known record was offered.
        """

        def deny(held: BrowserSession) -> BrowserSession:
            if held.offer is None or not held.offer.is_known:
                return held
            return replace(held, offer=replace(held.offer, is_denied=True))

        held = await self._sessions.change(session.id, deny)
        offer = held.offer if held is not None else None
        return offer if offer is not None and offer.is_denied else None

    async def end(self, session: BrowserSession) -> None:
        """End the session."""
        await self._sessions.delete(session.id)

    async def set_person(self, session: BrowserSession, person_id: str) -> None:
        """Note whom the session's card turned out to be."""
        await self._sessions.change(session.id, lambda held: replace(held, person_id=person_id))

    async def _open(
        self, request: web.Request, response: web.Response, session: BrowserSession
    ) -> None:
        await self.close(request)
        secret, left = new_secret(self._random), session.expires_at - self._clock()
        opened = replace(session, id=digest(secret))
        await self._sessions.create(opened.id, opened, left)
        set_cookie(request, response, SESSION_COOKIE, secret)


def check_signed_in(tx: Query, session: BrowserSession) -> None:
    """Make sure that the session's person was not signed out since it was opened.

    What is done in a session asks this again in its own commit, or a revocation at the same
    moment would not stop it.

    Raises:
        Unauthenticated: they were.
    """
    if _signed_out_at(tx, session) != session.signed_out_at:
        raise Unauthenticated("signed out")


def _signed_out_at(tx: Query, session: BrowserSession) -> datetime | None:
    if session.person_id is None:
        # Nobody was registered under the card's number then; somebody may be by now.
        person = people.by_uzi_number(tx, session.card.uzi_number)
    else:
        person = people.get_person(tx, session.person_id)
    return None if person is None else person.signed_out_at
