"""The log's pages: the list with its filters, one event in full, and the export."""

import json
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from admin import log_rules as rules
from admin import log_words as words
from admin.access import Act
from admin.frame import Frame
from admin.gate import Page
from admin.log_flow import LogFlow, chunks, of_event
from admin.log_rules import Wanted
from admin.session import Visit
from pairing_server.audit.csv_form import csv_head, csv_line
from pairing_server.audit.export import Line, json_line
from pairing_server.audit.kinds import GROUPS, choices, told
from pairing_server.audit.nen7513 import nen7513
from pairing_server.audit.search import NEWEST
from pairing_server.errors import InvalidRequest
from pairing_server.http import begin_file, form_body, language_of, query_form
from pairing_server.languages import Language
from pairing_server.pages.front import see_other
from pairing_server.ports import Ports
from pairing_server.registry import Query, people

PATH = "/admin/log"
#: The forms of an export: how it is called, and what it is.
JSON, CSV, NEN = "json", "csv", "nen7513"
_FORMS = {
    JSON: ("log.jsonl", "application/jsonl"),
    CSV: ("log.csv", "text/csv; charset=utf-8"),
    NEN: ("log-nen7513.jsonl", "application/jsonl"),
}


class LogPages:
    """What an organisation's administrators and operators see of its log."""

    def __init__(self, frame: Frame, flow: LogFlow, ports: Ports, source: str) -> None:
        self._frame = frame
        self._flow = flow
        self._registry = ports.registry
        self._source = source

    def pages(self) -> list[Page]:
        """Return the pages."""
        return [
            Page(method="GET", path=PATH, act=Act.SEE_LOG, handler=self.show),
            Page(method="POST", path=f"{PATH}/person", act=Act.SEE_LOG, handler=self.find),
            Page(
                method="GET",
                path=f"{PATH}/events/{{event}}",
                act=Act.SEE_LOG,
                handler=self.event,
                find=of_event,
            ),
            Page(method="POST", path=f"{PATH}/export", act=Act.EXPORT_LOG, handler=self.export),
        ]

    async def show(self, request: web.Request, visit: Visit) -> web.Response:
        """Show a page of the log."""
        query = query_form(request)
        seen, before = rules.wanted(query), rules.before(query)
        view, language = await self._flow.view(visit.actor, seen, before), language_of(request)
        return self._frame.render(
            request,
            visit,
            "log.html",
            seen=seen,
            rows=words.rows(view, language),
            chips=words.chips(view, language),
            kinds=choices(language),
            groups=[(group.value, name) for group, name in GROUPS.items()],
            phones=view.phones,
            following=seen.query(view.following) if view.following else "",
            newest=seen.query() if before != NEWEST else "",
            is_first=before == NEWEST,
        )

    async def find(self, request: web.Request, visit: Visit) -> web.Response:
        """Look for a person's events: the number or user name goes no further than here."""
        form = await form_body(request)
        named, ura = form.get("named", "").strip(), visit.actor.ura

        def read(tx: Query) -> str | None:
            person = people.by_uzi_number(tx, named) or people.by_user_name(tx, named)
            linked = person and people.membership(tx, person.id, ura)
            return person.id if person is not None and linked else None

        person = await self._registry.read(read) if named and "\0" not in named else None
        if person is None:
            return self._frame.render(request, visit, "log_nobody.html", status=404)
        return see_other(PATH + Wanted(person=person).query())

    async def event(self, request: web.Request, visit: Visit) -> web.Response:
        """Show one event, field for field."""
        entry, names = await self._flow.event(visit.actor, request.match_info["event"])
        language = language_of(request)
        evidence: dict[str, Any] = json.loads(entry.facts.evidence)
        return self._frame.render(
            request,
            visit,
            "log_event.html",
            what=told(entry.facts.action, evidence, language),
            outcome=words.outcome(entry, language),
            who=words.who(entry.facts.actor, names, language),
            event=nen7513(entry, self._source, names),
            entry=entry,
            evidence=json.dumps(evidence, indent=2, ensure_ascii=False, sort_keys=True),
        )

    async def export(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """Send all that is looked for, as it is read."""
        with self._flow.exporting(visit.actor):
            return await self._export(request, visit)

    async def _export(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        form = await form_body(request)
        kind = form.get("form", "")
        if kind not in _FORMS:
            raise InvalidRequest("Choose a kind and days that there are, and search again.")
        wanted, name = rules.wanted(form), _FORMS[kind]
        if kind == NEN:
            texts = await self._nen7513(visit, wanted)
        else:
            lines = chunks(await self._flow.export(visit.actor, wanted, kind))
            texts = _csv(lines, language_of(request)) if kind == CSV else _json(lines)
        response = await begin_file(request, *name)
        async for text in texts:
            await response.write(text.encode())
        await response.write_eof()
        return response

    async def _nen7513(self, visit: Visit, wanted: Wanted) -> AsyncIterator[str]:
        pages = await self._flow.export_events(visit.actor, wanted, NEN)
        return (
            "".join(json_line(nen7513(entry, self._source, names)) + "\n" for entry in entries)
            async for entries, names in pages
        )


async def _json(lines: AsyncIterator[list[Line]]) -> AsyncIterator[str]:
    async for chunk in lines:
        yield "".join(json_line(line) + "\n" for line in chunk)


async def _csv(lines: AsyncIterator[list[Line]], language: Language) -> AsyncIterator[str]:
    yield csv_head()
    async for chunk in lines:
        yield "".join(csv_line(line, lambda each: _said(each, language)) for line in chunk)


def _said(line: Line, language: Language) -> str:
    evidence: dict[str, Any] = json.loads(line["evidence"])
    return told(line["action"], evidence, language)
