"""The keys of clients: registered, or fetched from the `jwks_uri` that they are registered with.

A client that rotates its keys publishes a new one and signs with it.  Whoever meets a key that is
not known fetches the set again, so that no login fails; and since anybody can name a key that is
not known, a set is fetched once in a while at the most, and who comes meanwhile waits for that.
"""

import asyncio
import contextlib
import json
import math
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog

from pairing_server.destination import EgressError
from pairing_server.egress import Call
from pairing_server.errors import Unavailable
from pairing_server.oidc import fapi_ciba
from pairing_server.oidc.client_egress import ClientEgress
from pairing_server.oidc.client_keys import Jwk, UnverifiedError, read_key_set, verified
from pairing_server.oidc.client_policy import policy_of
from pairing_server.registry.client_metadata import Algorithm
from pairing_server.registry.clients import Client

#: How long a fetched set is used before it is fetched again: a key that is withdrawn is refused
#: after that.
FRESH = timedelta(minutes=10)
#: How long a set is used when it cannot be fetched: a hospital logs in while a vendor is down.
STALE = timedelta(hours=24)
#: A client's set is fetched once in this time at the most, however many strangers ask for it.
FLOOR = timedelta(seconds=5)
DEADLINE = timedelta(seconds=5)
MAX_BYTES = 64 * 1024
#: Calls of one client that wait for its keys; one more is told to come back.
MAX_WAITING = 100

_log = structlog.get_logger("clients")
_OK = 200


@dataclass
class _Fetched:
    """The set of one client.

    Attributes:
        tried_at: When it was last asked for, on the monotonic clock; `got_at` when it came.
        version: How often it came; `tries` how often that was awaited to the end.
    """

    uri: str
    keys: tuple[Jwk, ...] = ()
    tried_at: float | None = None
    got_at: float | None = None
    version: int = 0
    tries: int = 0
    waiting: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class ClientKeySets:
    """Verifies what clients sign."""

    def __init__(
        self,
        egress: ClientEgress,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._egress = egress
        self._monotonic = monotonic
        self._sleep = sleep
        self._fetched: dict[str, _Fetched] = {}

    async def verified(
        self,
        token: str,
        client: Client,
        required: Collection[str] = (),
        only: Algorithm | None = None,
    ) -> dict[str, Any]:
        """Return the claims of a token that the client signed.

        Args:
            required: The claims that have to be there.
            only: With which algorithm of the policy's; by default, with any.

        Raises:
            Unavailable: the client's keys cannot be fetched, or too many wait for them.
            UnverifiedError: no key of the client verifies it.
        """
        taken = fapi_ciba.algorithms(policy_of(client))
        allowed = tuple(each for each in taken if only in (None, each))
        if not client.metadata.jwks_uri:
            return verified(token, client.jwks.get("keys", []), allowed, required)
        known = self._set_of(client)
        if self._age(known) >= FRESH.total_seconds() and not self._was_tried(known):
            # Where there is no room to wait, what is known has to do.
            with contextlib.suppress(Unavailable):
                await self._fetch(client, known)
        version = known.version
        try:
            return verified(token, self._usable(known), allowed, required)
        except UnverifiedError as error:
            if not error.is_of_unknown_key:
                raise
        await self._fetch(client, known)
        if known.version == version:
            raise Unavailable("keys of the client cannot be fetched")
        return verified(token, self._usable(known), allowed, required)

    async def _fetch(self, client: Client, known: _Fetched) -> None:
        """Fetch the set, or wait for who does; where it was tried just now, wait for a while.

        Whether it comes or not, those who waited for it have waited enough.
        """
        if known.waiting >= MAX_WAITING:
            raise Unavailable("too many wait for keys of the client")
        tries = known.tries
        known.waiting += 1
        try:
            async with known.lock:
                if known.tries != tries:
                    return
                if self._was_tried(known):
                    assert known.tried_at is not None  # noqa: S101  (it was tried)
                    await self._sleep(known.tried_at + FLOOR.total_seconds() - self._monotonic())
                known.tried_at = self._monotonic()
                try:
                    known.keys = await self._ask(client)
                finally:
                    known.tries += 1
                known.got_at = self._monotonic()
                known.version += 1
        except (EgressError, ValueError, RecursionError) as error:
            # What was fetched before stays in use.
            _log.warning("no client keys", client=client.id, reason=str(error))
        finally:
            known.waiting -= 1

    async def _ask(self, client: Client) -> tuple[Jwk, ...]:
        uri = client.metadata.jwks_uri
        call = Call(uri, MAX_BYTES, DEADLINE, headers={"Accept": "application/json"})
        inside = policy_of(client).private_notification_hosts
        answer = await self._egress.send(call, {uri}, inside=inside)
        if answer.status != _OK:
            raise ValueError(f"status {answer.status}")
        return read_key_set(json.loads(answer.body))

    def _set_of(self, client: Client) -> _Fetched:
        known = self._fetched.get(client.id)
        if known is None or known.uri != client.metadata.jwks_uri:
            known = self._fetched[client.id] = _Fetched(client.metadata.jwks_uri)
        return known

    def _was_tried(self, known: _Fetched) -> bool:
        """Whether the set was asked for just now, whatever came of it."""
        tried_at = known.tried_at
        return tried_at is not None and self._monotonic() - tried_at < FLOOR.total_seconds()

    def _age(self, known: _Fetched) -> float:
        return math.inf if known.got_at is None else self._monotonic() - known.got_at

    def _usable(self, known: _Fetched) -> tuple[Jwk, ...]:
        return known.keys if self._age(known) <= STALE.total_seconds() else ()
