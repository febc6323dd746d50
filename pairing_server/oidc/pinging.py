"""Telling clients in ping mode that a request is over (CIBA Core section 10.2).

Nobody waits for this: neither the phone that answers, nor the client that polls all the same.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TypeGuard

import structlog

from pairing_server.approvals.auth_request import AuthRequest, Grant, Status
from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.destination import EgressError
from pairing_server.egress import Call
from pairing_server.errors import TooManyRequests
from pairing_server.held import MOST_OF_CLIENT
from pairing_server.metrics import PINGS
from pairing_server.oidc import ping as rules
from pairing_server.oidc.client_egress import ClientEgress
from pairing_server.oidc.client_policy import policy_of
from pairing_server.oidc.ping import Outcome
from pairing_server.oidc.ping_queue import HEARTBEAT, Ping, PingQueue
from pairing_server.ports import Ports
from pairing_server.registry import RegistryUnavailableError, clients
from pairing_server.registry.client_metadata import DeliveryMode
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.store import StoreUnavailableError
from pairing_server.tokens import mark

#: Before a ping is looked at again whose store was away, or whose wait ended early.
SOON = timedelta(seconds=1)

_log = structlog.get_logger("oidc")


class Pings:
    """Waits for requests to end, and notifies the clients."""

    def __init__(
        self, ports: Ports, approvals: ApprovalFlow, queue: PingQueue, egress: ClientEgress
    ) -> None:
        self._registry = ports.registry
        self._clock = ports.clock
        self._random = ports.random
        self._approvals = approvals
        self._queue = queue
        self._egress = egress
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._expected: Counter[str] = Counter()

    def check_room(self, client_id: str) -> None:
        """Make sure that a client awaits no more at once than there may be held calls of one.

        Each costs a task and a place to listen, and lengthens the list that all clients share.

        Raises:
            TooManyRequests: it does.
        """
        if self._expected[client_id] >= MOST_OF_CLIENT:
            raise TooManyRequests("notifications of one client")

    async def expect(self, ping: Ping) -> None:
        """Notify the client once the request is over, or let another node do it."""
        await self._queue.put(ping)
        self._expected[ping.client_id] += 1
        self._see_to(ping.request).add_done_callback(lambda _: self._heard(ping.client_id))

    def _heard(self, client_id: str) -> None:
        self._expected[client_id] -= 1
        if not self._expected[client_id]:
            del self._expected[client_id]

    async def running(self, _: object) -> AsyncIterator[None]:
        """Say that this node lives, and take over what others left, as long as the server runs."""
        with contextlib.suppress(StoreUnavailableError):
            await self._queue.beat()
        keeping = asyncio.create_task(self._keep())
        yield
        ending = [keeping, *self._tasks.values()]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        with contextlib.suppress(StoreUnavailableError):
            await self._queue.leave()

    async def _keep(self) -> None:
        while True:
            try:
                await self._queue.beat()
                for request in await self._queue.adopt():
                    self._see_to(request)
            except StoreUnavailableError as error:
                _log.warning("pings not looked after", error=repr(error))
            await asyncio.sleep(HEARTBEAT.total_seconds())

    def _see_to(self, request: str) -> asyncio.Task[None]:
        task = self._tasks.get(request)
        if task is None:
            task = self._tasks[request] = asyncio.create_task(self._see_through(request))
            task.add_done_callback(lambda _: self._tasks.pop(request, None))
        return task

    async def _see_through(self, request: str) -> None:
        outcome = None
        while True:
            try:
                if outcome is None:
                    ping = await self._queue.get(request)
                    outcome = Outcome.NEEDLESS if ping is None else await self._settle(ping)
                    PINGS.labels(outcome).inc()
                await self._queue.remove(request)
            except (StoreUnavailableError, RegistryUnavailableError) as error:
                _log.warning("ping waits", request=mark(request), error=repr(error))
                await asyncio.sleep(SOON.total_seconds())
            else:
                return

    async def _settle(self, ping: Ping) -> Outcome:
        """Notify once the request is over, and again where that may help."""
        tries = 0
        while True:
            ended = await self._ended(ping)
            client = await self._registry.read(lambda tx: clients.get(tx, ping.client_id))
            if ended is None or ended.status is Status.REDEEMED or not _awaits(client):
                return Outcome.NEEDLESS
            outcome = await self._send(ping, client)
            tries += 1
            now, lot = self._clock(), self._random(1)[0] / 255
            at = rules.next_try(outcome, tries, lot, now, ping.expires_at)
            if at is None:
                return outcome
            await asyncio.sleep((at - now).total_seconds())

    async def _ended(self, ping: Ping) -> AuthRequest | None:
        while True:
            began = self._clock()
            wait = max(ping.expires_at - began, timedelta(0))
            request = await self._approvals.for_client(
                ping.auth_req_id, ping.client_id, Grant.CIBA, wait
            )
            if request is None or request.status_at(self._clock()) is not Status.PENDING:
                return request
            if self._clock() - began < SOON:
                # The server drains, or the time is not quite over.
                await asyncio.sleep(SOON.total_seconds())

    async def _send(self, ping: Ping, client: Client) -> Outcome:
        url = client.metadata.backchannel_client_notification_endpoint
        call = Call(
            url,
            rules.MAX_ANSWER,
            rules.DEADLINE,
            "POST",
            rules.body(ping.auth_req_id),
            rules.headers(ping.token),
        )
        inside = policy_of(client).private_notification_hosts
        try:
            answer = await self._egress.send(call, {url}, inside=inside)
        except EgressError as error:
            outcome, told = rules.of_reason(error.reason), str(error.reason)
        else:
            outcome, told = rules.of_status(answer.status), str(answer.status)
        if outcome is not Outcome.SENT:
            _log.warning("ping not taken", client=mark(client.id), outcome=outcome, told=told)
        return outcome


def _awaits(client: Client | None) -> TypeGuard[Client]:
    return (
        client is not None
        and client.status is ClientStatus.ACTIVE
        and client.metadata.backchannel_token_delivery_mode is DeliveryMode.PING
    )
