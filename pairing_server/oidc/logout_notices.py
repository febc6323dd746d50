"""Telling clients that sessions are over (OpenID Connect Back-Channel Logout 1.0 section 2.5)."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlencode

import structlog

from pairing_server.audit.events import LogoutNotTold, Outcome, SessionEnded
from pairing_server.background import in_background, in_rounds
from pairing_server.destination import EgressError
from pairing_server.egress import Answer, Call
from pairing_server.keys.signing import SigningKeys
from pairing_server.oidc import logout as rules
from pairing_server.oidc.client_policy import policy_of
from pairing_server.ports import Ports
from pairing_server.registry import Transaction, clients, sessions
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.sessions import Session
from pairing_server.tokens import new_id

#: How soon after a block a client hears of it.
EVERY = timedelta(seconds=1)
#: How soon what was not ended where it happened is found: a membership that ran out, say.
SWEPT_EVERY = timedelta(minutes=1)
#: Calls at once; one client that hangs holds up no other for longer than its deadline.
AT_ONCE = 20
DEADLINE = timedelta(seconds=10)
#: What a client answers is not read for what it says.
MAX_ANSWER_BYTES = 4096
_HEARD = frozenset({200, 204})

_log = structlog.get_logger("oidc")


class Calls(Protocol):
    """What calls clients."""

    async def send(self, call: Call, registered: Collection[str], *, inside: bool) -> Answer:
        """Make a call.

        Raises:
            EgressError: it could not be sent, or may not.
        """


class LogoutNotices:
    """Sends logout tokens until they were heard, whichever node is first."""

    def __init__(self, ports: Ports, keys: SigningKeys, calls: Calls, *, issuer: str) -> None:
        self._registry = ports.registry
        self._clock = ports.clock
        self._random = ports.random
        self._keys = keys
        self._calls = calls
        self._issuer = issuer
        self._swept_at: datetime | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tell in the background, until the block is left."""
        async with in_background(in_rounds(self._round, EVERY, _log, "no logout notices")):
            yield

    async def sweep(self) -> int:
        """End what rests on what does not stand any more, and forget what was over long ago.

        Returns:
            How many sessions were ended.
        """
        now, count = self._clock(), 0
        await self._registry.commit(lambda tx: sessions.forget(tx, now))
        while ended := await self._registry.commit(lambda tx: sessions.end_fallen(tx, now)):
            count += len(ended)
        return count

    async def send(self) -> int:
        """Tell every client that is to be told now, once each.  Returns how many heard it."""
        now = self._clock()
        waiting = await self._registry.read(lambda tx: sessions.due(tx, now))
        limit = asyncio.Semaphore(AT_ONCE)

        async def tell(session: Session) -> bool:
            async with limit:
                return await self._tell(session)

        return sum(await asyncio.gather(*map(tell, waiting)))

    async def _round(self) -> None:
        if self._swept_at is None or self._clock() - self._swept_at >= SWEPT_EVERY:
            await self.sweep()
            self._swept_at = self._clock()
        await self.send()

    async def _tell(self, session: Session) -> bool:
        """Tell one client.  Returns whether it heard."""
        now = self._clock()
        until = rules.next_try(session, now)
        if not await self._registry.commit(lambda tx: _take_up(tx, session, until)):
            return False
        client = await self._registry.read(lambda tx: clients.get(tx, session.client_id))
        uri = client.metadata.backchannel_logout_uri if client is not None else ""
        if client is None or not uri or client.status is not ClientStatus.ACTIVE:
            await self._registry.commit(lambda tx: sessions.told(tx, session.sid))
            return False
        reason = await self._post(session, client, uri)
        if not reason:
            await self._registry.commit(lambda tx: sessions.told(tx, session.sid))
            return True
        _log.warning("logout not heard", client=client.id, reason=reason)
        if rules.is_given_up(session, now):
            await self._registry.commit(lambda tx: _give_up(tx, session, reason))
        return False

    async def _post(self, session: Session, client: Client, uri: str) -> str:
        """Send a token.  Returns why it was not heard, or nothing."""
        claims = rules.logout_token(session, self._issuer, new_id(self._random), self._clock())
        token = await self._keys.sign(claims, rules.TOKEN_TYPE)
        form = urlencode({"logout_token": token}).encode()
        call = Call(
            uri,
            MAX_ANSWER_BYTES,
            DEADLINE,
            method="POST",
            body=form,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        inside = policy_of(client).private_notification_hosts
        try:
            answer = await self._calls.send(call, (uri,), inside=inside)
        except EgressError as error:
            return error.reason
        return "" if answer.status in _HEARD else f"status_{answer.status}"


def _take_up(tx: Transaction, session: Session, until: datetime) -> bool:
    if not sessions.claim(tx, session, until):
        return False
    if not session.notice_attempts:
        tx.record(
            SessionEnded(
                actor="system",
                object=f"session:{session.sid}",
                ura=session.ura,
                evidence={
                    "client": session.client_id,
                    "credential": session.credential_id,
                    "person": session.person_id,
                    "reason": session.end_reason,
                },
            )
        )
    return True


def _give_up(tx: Transaction, session: Session, reason: str) -> None:
    sessions.told(tx, session.sid)
    tx.record(
        LogoutNotTold(
            actor="system",
            object=f"session:{session.sid}",
            ura=session.ura,
            outcome=Outcome.REFUSED,
            evidence={
                "client": session.client_id,
                "person": session.person_id,
                "reason": reason,
            },
        )
    )
