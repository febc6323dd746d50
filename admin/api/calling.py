"""How a call is done that changes something: once by its key, or only to what was read."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, TypeVar

from aiohttp import web

from admin.api.conditional import Answer, AnsweredBefore, Once, Unchanged
from admin.api.conditions import check_known, fingerprint, read_key, read_match
from admin.api.gate import MachineVisit
from admin.api.people_bodies import MadeTold
from admin.people_refusals import InvalidField
from admin.within import Within
from pairing_server.clock import Clock
from pairing_server.http import answer, etags, query_form
from pairing_server.registry import Transaction

T = TypeVar("T")


async def once(
    request: web.Request,
    visit: MachineVisit,
    clock: Clock,
    body: Any,
    act: Callable[[Within], Awaitable[T]],
    told: Callable[[T], Answer],
) -> web.Response:
    """Do an act once for its `Idempotency-Key`, and answer again what was answered.

    Args:
        body: What was read of the call's body.
        told: Says what is answered, of what the act returns: nothing but identifiers.

    Raises:
        KeyNeeded, KeyReused: see there.
        what the act raises, after which the key is as new.
    """
    key = read_key(request.headers.getall("Idempotency-Key", []))
    sent = fingerprint(request.method, request.path, body)
    try:
        said = told(await act(Once(visit.client.id, key, sent, told, clock())))
    except AnsweredBefore as before:
        said = before.answer
    headers = {} if said.location is None else {"Location": said.location}
    return answer(None if said.id is None else MadeTold(id=said.id), said.status, headers)


def unchanged(request: web.Request, read: Callable[[Transaction], str | None]) -> Unchanged:
    """Return what does an act only to what `If-Match` names; see `Unchanged`.

    Raises:
        MatchNeeded: it names nothing.
    """
    return Unchanged(read_match(request.headers.getall("If-Match", [])), read)


def tagged(request: web.Request, body: Any, tag: str) -> web.Response:
    """Answer what the caller wants to read, or that they know it (RFC 9110 section 13.1.2)."""
    headers = {"ETag": tag}
    if request.method == "GET" and etags(request) & {tag, "*"}:
        return answer(status=304, headers=headers)
    return answer(body, headers=headers)


def read_query(request: web.Request, known: Collection[str]) -> Mapping[str, str]:
    """Read what a list is filtered by, and pass over nothing.

    Raises:
        InvalidField: there is no such filter, or it says nothing.
        InvalidRequest: one stands there twice.
    """
    query = query_form(request)
    check_known(request.query, known)
    for name in request.query:
        if name not in query:
            raise InvalidField("Say what to filter by, or leave it out.", field=name)
    return query
