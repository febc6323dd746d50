"""The calls that read the log: page by page, one event, and all of it signed."""

from collections.abc import Mapping
from urllib.parse import urlencode

from aiohttp import web

from admin import log_rules as rules
from admin.access import Act
from admin.api.calling import read_query
from admin.api.conditions import PAGING, read_listing
from admin.api.gate import ORGANISATION, Call, MachineVisit
from admin.api.log_bodies import EntryTold, EventsTold, entry_told, event_told
from admin.log_flow import LogFlow, chunks, of_event
from admin.log_rules import Wanted
from admin.people_refusals import InvalidField
from admin.refusals import ExportsRun
from pairing_server.audit.export import json_line
from pairing_server.audit.kinds import KINDS, Group
from pairing_server.audit.search import Place
from pairing_server.errors import InvalidRequest
from pairing_server.http import answer, begin_stream
from pairing_server.openapi import Filter, Operation

LOG = f"{ORGANISATION}/log"
_DAY = {"type": "string", "format": "date"}
_NAMED = {"type": "string", "pattern": r"^[A-Za-z0-9_\-~.]{1,1400}$"}
_FILTERS = {
    "person": Filter("Whose events, by their id.", _NAMED),
    "phone": Filter("Of which phone, by its id.", _NAMED),
    "workstation": Filter("At which workstation.", {"type": "string", "maxLength": 200}),
    "kind": Filter(
        "The name of an event, or of a group of them.",
        {"type": "string", "enum": sorted({*KINDS, *(each.value for each in Group)})},
    ),
    "since": Filter("The first day, UTC.", _DAY),
    "until": Filter("The last day.", _DAY),
}


class LogCalls:
    """List, read, export."""

    def __init__(self, flow: LogFlow, source: str, base_url: str) -> None:
        self._flow = flow
        self._source = source
        self._base_url = base_url

    def calls(self) -> list[Call]:
        """Describe the calls."""
        return [
            Call(
                act=Act.SEE_LOG,
                operation=Operation(
                    "GET",
                    LOG,
                    self.show,
                    query={**_FILTERS, **PAGING},
                    responses={200: EventsTold},
                    told={"Link": "Where the next page is, `rel=next` (RFC 8288), if any."},
                    refusals=(InvalidField,),
                    description="That it was looked at, and for what, is an event in it.",
                ),
            ),
            Call(
                act=Act.EXPORT_LOG,
                operation=Operation(
                    "GET",
                    f"{LOG}/export",
                    self.export,
                    query=_FILTERS,
                    responses={200: str},
                    media="application/jsonl",
                    refusals=(InvalidField, ExportsRun),
                    description="JSON Lines with the chain's hashes, signed checkpoints and the "
                    "keys: `pairing-server audit verify` takes it. That it was made stands in it.",
                ),
            ),
            Call(
                act=Act.SEE_LOG,
                find=of_event,
                operation=Operation(
                    "GET", f"{LOG}/events/{{event}}", self.event, responses={200: EntryTold}
                ),
            ),
        ]

    async def show(self, request: web.Request, visit: MachineVisit) -> web.Response:
        """List events, the newest first."""
        query = read_query(request, (*_FILTERS, *PAGING))
        asked, wanted = read_listing(query), _wanted(query)
        before = _before(asked.cursor)
        view = await self._flow.view(visit.actor, wanted, before, asked.limit)
        headers = {}
        if view.following is not None:
            paged = {"limit": str(asked.limit), "cursor": str(view.following)}
            following = urlencode({**wanted.given, **paged})
            headers["Link"] = f'<{self._base_url}{request.path}?{following}>; rel="next"'
        return answer(EventsTold(events=tuple(map(event_told, view.found))), headers=headers)

    async def event(self, request: web.Request, visit: MachineVisit) -> web.Response:
        """Tell of one event in full."""
        entry, names = await self._flow.event(visit.actor, request.match_info["event"])
        return answer(entry_told(entry, names, self._source))

    async def export(self, request: web.Request, visit: MachineVisit) -> web.StreamResponse:
        """Send all that is looked for, as it is read."""
        with self._flow.exporting(visit.actor):
            return await self._export(request, visit)

    async def _export(self, request: web.Request, visit: MachineVisit) -> web.StreamResponse:
        query = read_query(request, _FILTERS)
        lines = await self._flow.export(visit.actor, _wanted(query), "json")
        response = await begin_stream(request, "application/jsonl")
        async for chunk in chunks(lines):
            text = "".join(f"{json_line(line)}\n" for line in chunk)
            await response.write(text.encode())
        await response.write_eof()
        return response


def _wanted(query: Mapping[str, str]) -> Wanted:
    try:
        return rules.wanted(query)
    except InvalidRequest as error:
        raise InvalidField("Name a kind and days that there are.", field="query") from error


def _before(cursor: str) -> Place:
    try:
        return rules.before({"before": cursor})
    except InvalidRequest as error:
        raise InvalidField("Send a cursor as it was given, or none.", field="cursor") from error
