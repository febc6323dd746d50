"""Behind which every call of the API stands: whose token it is, and whether the table lets them.

Until a token was shown nothing is looked at: neither path nor method nor body.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aiohttp import web

from admin import machine
from admin.access import Act, Target, check, may_ever
from admin.actor import Actor
from admin.api.call_refusals import ActNotAgreed
from admin.people_refusals import InvalidField
from admin.person_fields import FieldError
from admin.targets import Find, of_organisation
from pairing_server.errors import InvalidRequest, MethodNotAllowed, NotFound
from pairing_server.guard import API_PATHS, CLIENT_PREFIX, check_body
from pairing_server.limits import Limiter
from pairing_server.oidc.client_credentials import MachineCall, MachineTokens
from pairing_server.oidc.client_policy import MachineScope
from pairing_server.oidc.refusals import (
    DpopChallenge,
    DpopProofRefused,
    InsufficientScope,
    MachineTokenNeeded,
)
from pairing_server.openapi import Caller, Operation
from pairing_server.ports import Ports
from pairing_server.registry import Query
from pairing_server.registry.clients import Client

#: Whose the things are that a path names.
ORGANISATION = f"{CLIENT_PREFIX}{{ura}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineVisit:
    """One call of a program that administers, and what it is at this moment."""

    client: Client
    actor: Actor

    def still(self, tx: Query, now: datetime) -> Actor:
        """Return who acts, as they are in this transaction.

        Raises:
            as `admin.machine.still`.
        """
        _ = now
        return machine.still(tx, self.actor)


#: What every call can be refused with.
_OF_ALL = (
    *(MachineTokenNeeded, DpopChallenge, DpopProofRefused),
    *(InsufficientScope, ActNotAgreed, NotFound),
)
Handler = Callable[[web.Request, MachineVisit], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of the API.

    Attributes:
        operation: What the document tells of it, with its handler.
        act: What whoever calls does, as the access table has it.
        find: Reads whose the things are that the path names beside the organisation.
    """

    operation: Operation
    act: Act
    find: Find = of_organisation

    @property
    def handler(self) -> Handler:
        """What answers."""
        handler: Handler = self.operation.handler
        return handler

    @property
    def told(self) -> Operation:
        """The operation with its act, and what every call can be refused with."""
        twice = (InvalidRequest,) if self.operation.query else ()
        said = f"For who may `{self.act.value}`."
        return replace(
            self.operation,
            caller=Caller.MACHINE,
            refusals=(*self.operation.refusals, *twice, *_OF_ALL),
            description=f"{self.operation.description} {said}".strip(),
        )


class ApiGate:
    """Lets calls through, or answers what is to be said of them."""

    def __init__(self, machines: MachineTokens, ports: Ports, limiter: Limiter) -> None:
        self._machines = machines
        self._registry = ports.registry
        self._clock = ports.clock
        self._limiter = limiter

    def routes(self, calls: Sequence[Call]) -> list[web.RouteDef]:
        """Return the routes of calls, each behind its act."""
        return [
            web.route(call.operation.method, call.operation.path, self._guarded(call))
            for call in calls
        ]

    def elsewhere(self) -> web.RouteDef:
        """Return the route of all other paths and methods, of which no stranger is told."""
        return web.route("*", f"{API_PATHS}{{tail:.*}}", self.refuse)

    async def refuse(self, request: web.Request) -> web.StreamResponse:
        """Tell who has a token that there is no such path, or that it takes another method.

        Raises:
            MethodNotAllowed, NotFound: which of both.
            as `opened`.
        """
        await self.opened(request)
        allowed: set[str] = set()
        for resource in request.app.router.resources():
            if resource.canonical != "/admin/api/{tail}":
                allowed |= (await resource.resolve(request))[1]
        if not allowed:
            raise NotFound("no such path")
        refusal = MethodNotAllowed()
        refusal.headers = {"Allow": ",".join(sorted(allowed))}
        raise refusal

    async def opened(self, request: web.Request) -> MachineCall:
        """Return whose call it is.

        Raises:
            TooManyRequests: the client calls too often.
            as `pairing_server.oidc.client_credentials.MachineTokens.call`.
        """
        call = await self._machines.call(request, MachineScope.ADMIN)
        self._limiter.take(call.client.id)
        check_body(request)
        return call

    def _guarded(self, call: Call) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            opened, now = await self.opened(request), self._clock()
            ura = request.match_info["ura"]
            actor = machine.actor_of(opened.client, ura, opened.authenticated_at)
            # What it may not do it may do to nobody, known or not.
            if not may_ever(call.act, actor):
                raise ActNotAgreed(call.act.value)
            machine.check_serves(opened.client, ura)

            def read(tx: Query) -> Target:
                return call.find(tx, actor, request.match_info, now)

            check(call.act, actor, await self._registry.read(read), now)
            try:
                return await call.handler(request, MachineVisit(client=opened.client, actor=actor))
            except FieldError as error:
                raise InvalidField(error.message, field=error.field) from error

        return handle
