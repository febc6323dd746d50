"""Sending what the audit log has for each stream: in order, at least once, and on one node."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import structlog

from pairing_server.audit.events import Outcome, StreamPaused
from pairing_server.background import in_background, in_rounds
from pairing_server.clock import to_milliseconds
from pairing_server.destination import EgressError
from pairing_server.egress import Answer, Call
from pairing_server.keys.seal import Seal, SealError
from pairing_server.keys.signing import SigningKeys
from pairing_server.oidc.client_policy import policy_of
from pairing_server.ports import Ports
from pairing_server.registry import (
    Query,
    Transaction,
    clients,
    streams,
)
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.streams import Stream, StreamStatus
from pairing_server.signals import security_event
from pairing_server.signals import stream as rules
from pairing_server.signals.audience import Audience, Step
from pairing_server.signals.security_event import SecurityEvent
from pairing_server.tokens import new_id

#: How soon after it happened a client hears of something.
EVERY = timedelta(seconds=1)
#: Streams that are served at once.
AT_ONCE = 20
#: Events that one stream sends before others have their turn.
TURN = 100
DEADLINE = timedelta(seconds=10)
#: How long a stream is a node's that died: longer than a call takes, and what is around it.
CLAIMED_FOR = timedelta(minutes=1)
MAX_ANSWER_BYTES = 4096
#: RFC 8935 section 2.2 has 202; who says 200 or 204 has heard as well.
_HEARD = frozenset({200, 202, 204})
#: RFC 8935 section 2.4: what a receiver may say is wrong, which alone is repeated anywhere.
_ERRORS = frozenset(
    {
        "invalid_request",
        "invalid_key",
        "invalid_issuer",
        "invalid_audience",
        "authentication_failed",
        "access_denied",
    }
)

_log = structlog.get_logger("signals")


class Calls(Protocol):
    """What calls clients."""

    async def send(self, call: Call, registered: Collection[str], *, inside: bool) -> Answer:
        """Make a call.

        Raises:
            EgressError: it could not be sent, or may not.
        """


class _Error(msgspec.Struct):
    err: str = ""


class Transmitter:
    """Sends security events until they were heard, whichever node is first."""

    def __init__(
        self, ports: Ports, keys: SigningKeys, calls: Calls, seal: Seal, audience: Audience
    ) -> None:
        self._registry = ports.registry
        self._clock = ports.clock
        self._random = ports.random
        self._keys = keys
        self._calls = calls
        self._seal = seal
        self._audience = audience

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send in the background, until the block is left."""
        async with in_background(in_rounds(self.send, EVERY, _log, "no security events")):
            yield

    async def send(self) -> int:
        """Send all streams what there is for them now.  Returns how many events were heard."""
        now = self._clock()
        waiting = await self._registry.read(lambda tx: self._waiting(tx, now))
        limit = asyncio.Semaphore(AT_ONCE)

        async def serve(stream: Stream) -> int:
            async with limit:
                return await self._serve(stream)

        return sum(await asyncio.gather(*map(serve, waiting)))

    def _waiting(self, tx: Query, now: datetime) -> list[Stream]:
        """Return the streams for which there is something; the others are not written to."""
        due = ((each, clients.get(tx, each.client_id)) for each in streams.due(tx, now))
        return [
            each
            for each, client in due
            if client is not None and self._audience.next_step(tx, each, client, now) is not None
        ]

    async def _serve(self, stream: Stream) -> int:
        held = self._until()
        seen = stream.due_at
        if not await self._registry.commit(lambda tx: streams.claim(tx, stream.id, seen, held)):
            return 0
        heard = 0
        while heard < TURN and (found := await self._next(stream.id, held)) is not None:
            current, client, step = found
            reason = "" if step.event is None else await self._post(step.event, current, client)
            if reason:
                await self._fail(current, client, held, reason)
                return heard
            heard += step.event is not None
            until = self._until()
            if not await self._moved(stream.id, held, until, step):
                return heard
            held = until
        now = self._clock()
        await self._registry.commit(lambda tx: streams.claim(tx, stream.id, held, now))
        return heard

    async def _moved(self, stream_id: str, held: datetime, until: datetime, step: Step) -> bool:
        now = self._clock()
        return await self._registry.commit(
            lambda tx: _move(tx, stream_id, (held, until), step, now)
        )

    def _until(self) -> datetime:
        return self._clock() + CLAIMED_FOR

    async def _next(self, stream_id: str, held: datetime) -> tuple[Stream, Client, Step] | None:
        """Return what comes next, by what stream and client are now."""
        now = self._clock()

        def read(tx: Query) -> tuple[Stream, Client, Step] | None:
            stream = _held(streams.get(tx, stream_id), held)
            client = None if stream is None else clients.get(tx, stream.client_id)
            if stream is None or client is None or client.status is not ClientStatus.ACTIVE:
                return None
            step = self._audience.next_step(tx, stream, client, now)
            return None if step is None else (stream, client, step)

        return await self._registry.read(read)

    async def _post(self, event: SecurityEvent, stream: Stream, client: Client) -> str:
        """Push one SET (RFC 8935 section 2.1).  Returns why it was not heard, or nothing."""
        claims = security_event.claims(event, self._audience.issuer, client.id, self._clock())
        token = await self._keys.sign(claims, security_event.TOKEN_TYPE)
        headers = {
            "Content-Type": f"application/{security_event.TOKEN_TYPE}",
            "Accept": "application/json",
        }
        try:
            if stream.authorization_header is not None:
                shown = self._seal.open(stream.id, stream.authorization_header)
                headers["Authorization"] = shown.decode()
            call = Call(
                stream.endpoint_url,
                MAX_ANSWER_BYTES,
                DEADLINE,
                method="POST",
                body=token.encode(),
                headers=headers,
            )
            inside = policy_of(client).private_notification_hosts
            # What it is registered with now: where it may be sent can be taken back.
            registered = (client.metadata.ssf_delivery_endpoint,)
            answer = await self._calls.send(call, registered, inside=inside)
        except EgressError as error:
            return error.reason
        except SealError:
            return "authorization_header sealed by another key"
        return "" if answer.status in _HEARD else _complaint(answer)

    async def _fail(self, stream: Stream, client: Client, held: datetime, reason: str) -> None:
        now = self._clock()
        _log.warning("security event not heard", client=client.id, reason=reason)
        failed = await self._registry.commit(lambda tx: _failing(tx, stream.id, held, reason, now))
        if failed is not None and failed.status is StreamStatus.PAUSED:
            # SSF 1.0 section 8.1.5: who hears again at this very moment is told so.
            told = security_event.stream_updated(failed, new_id(self._random))
            await self._post(told, failed, client)


def _held(stream: Stream | None, held: datetime) -> Stream | None:
    """Return a stream that is still ours to serve."""
    if stream is None or stream.status is not StreamStatus.ENABLED:
        return None
    return stream if to_milliseconds(stream.due_at) == to_milliseconds(held) else None


def _complaint(answer: Answer) -> str:
    said = ""
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = msgspec.json.decode(answer.body, type=_Error).err
    return f"status_{answer.status}" + (f" {said}" if said in _ERRORS else "")


def _move(
    tx: Transaction, stream_id: str, claim: tuple[datetime, datetime], step: Step, now: datetime
) -> bool:
    """Note that a step was made.  Returns whether the stream was still ours.

    Args:
        claim: Until when it was ours, and is from now on.
    """
    held, until = claim
    stream = _held(streams.get_for_update(tx, stream_id), held)
    if stream is None:
        return False
    asked = stream.verification
    is_verified = asked is not None and step.event is not None and step.event.jti == asked.jti
    moved = replace(
        stream,
        due_at=until,
        failing_since=None,
        attempts=0,
        last_error="",
        heard_at=stream.heard_at if step.event is None else now,
        verification=None if is_verified else asked,
    )
    streams.update(tx, moved)
    if step.chain:
        streams.move(tx, stream_id, step.chain, step.sequence)
    return True


def _failing(
    tx: Transaction, stream_id: str, held: datetime, reason: str, now: datetime
) -> Stream | None:
    stream = _held(streams.get_for_update(tx, stream_id), held)
    if stream is None:
        return None
    failed = rules.failed(stream, reason, now)
    streams.update(tx, failed)
    if failed.status is StreamStatus.PAUSED:
        tx.record(
            StreamPaused(
                actor="system",
                object=f"stream:{stream_id}",
                outcome=Outcome.REFUSED,
                evidence={"client": stream.client_id, "reason": failed.reason},
            )
        )
    return failed
