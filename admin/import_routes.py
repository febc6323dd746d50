"""The pages on which a list of people is looked at and applied, and one is read out."""

import base64
import binascii
from collections.abc import Mapping
from datetime import date
from typing import Any

from aiohttp import web

from admin.access import Act
from admin.csv_table import MAX_BYTES, TableError
from admin.frame import Frame
from admin.gate import Page
from admin.import_flow import ImportFlow, Report
from admin.import_rules import Verdict
from admin.people_refusals import ChangedSinceShown
from admin.session import Visit
from pairing_server.errors import InvalidRequest
from pairing_server.http import MAX_LIST_BYTES, begin_file, form_body, language_of
from pairing_server.languages import N_, Language
from pairing_server.ports import Ports
from pairing_server.registry.people import MembershipKind
from pairing_server.uzi.roles import role_name

IMPORT = "/admin/people/import"
EXPORT = "/admin/people/export"
#: So many lines are shown; what is refused comes first.
SHOWN = 500

WORDS = {
    Verdict.ADD: N_("invited"),
    Verdict.OFFER: N_("asked by UZI number"),
    Verdict.CHANGE: N_("changed"),
    Verdict.UNLINK: N_("unlinked"),
    Verdict.NOTHING: N_("stays as it is"),
    Verdict.REFUSED: N_("refused"),
}
#: What somebody is there, in words.
_KINDS = {MembershipKind.EMPLOYEE: N_("employee"), MembershipKind.GUEST: N_("guest")}


class ImportPages:
    """Choose a list, look, apply, export."""

    def __init__(self, frame: Frame, flow: ImportFlow, ports: Ports) -> None:
        self._frame = frame
        self._flow = flow
        self._clock = ports.clock

    def pages(self) -> list[Page]:
        """Return the pages."""
        act = Act.IMPORT_CSV
        return [
            Page(method="GET", path=IMPORT, act=act, handler=self.show),
            Page(method="POST", path=IMPORT, act=act, handler=self.look),
            Page(method="POST", path=f"{IMPORT}/apply", act=act, handler=self.apply),
            Page(method="POST", path=EXPORT, act=Act.EXPORT_CSV, handler=self.export),
        ]

    async def show(self, request: web.Request, visit: Visit) -> web.Response:
        """Ask for a list."""
        return self._render(request, visit)

    async def look(self, request: web.Request, visit: Visit) -> web.Response:
        """Say what would become of each line."""
        raw = await _uploaded(request)
        try:
            report = await self._flow.look(visit.actor, raw)
        except TableError as error:
            return self._render(request, visit, error=error)
        return self._render(request, visit, report=report, raw=raw)

    async def apply(self, request: web.Request, visit: Visit) -> web.Response:
        """Do what was shown."""
        form = await form_body(request.clone(client_max_size=MAX_LIST_BYTES))
        try:
            raw = base64.b64decode(form.get("list", ""), validate=True)
        except binascii.Error as error:
            raise InvalidRequest("The list is not whole: choose it again.") from error
        try:
            report = await self._flow.apply(visit.actor, raw, form.get("digest", ""))
        except TableError as error:
            return self._render(request, visit, error=error)
        except ChangedSinceShown as refusal:
            fresh = await self._flow.look(visit.actor, raw)
            return self._render(request, visit, report=fresh, raw=raw, changed=refusal)
        return self._render(request, visit, report=report, is_done=True)

    async def export(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """Give the list of people to take away, as it is read."""
        parts = await self._flow.export(visit.actor)
        name = f"people-{visit.actor.ura}-{self._clock().date().isoformat()}.csv"
        response = await begin_file(request, name, "text/csv; charset=utf-8")
        async for part in parts:
            await response.write(part)
        await response.write_eof()
        return response

    def _render(  # noqa: PLR0913  (what the page can be, by name)
        self,
        request: web.Request,
        visit: Visit,
        *,
        report: Report | None = None,
        raw: bytes = b"",
        error: TableError | None = None,
        changed: ChangedSinceShown | None = None,
        is_done: bool = False,
    ) -> web.Response:
        return self._frame.render(
            request,
            visit,
            "import.html",
            status=422 if error is not None else 409 if changed is not None else 200,
            error=error,
            changed=changed,
            is_done=is_done,
            digest="" if report is None else report.digest,
            list=base64.b64encode(raw).decode(),
            counts=[] if report is None else _counts(report),
            lines=[] if report is None else _lines(report, language_of(request)),
            more=0 if report is None else max(0, len(report.planned) - SHOWN),
            can_apply=report is not None and not is_done and _changes(report) > 0,
            has_report=report is not None,
        )


def _changes(report: Report) -> int:
    idle = report.count(Verdict.NOTHING) + report.count(Verdict.REFUSED)
    return len(report.planned) - idle


def _counts(report: Report) -> list[tuple[str, int]]:
    return [(WORDS[verdict], report.count(verdict)) for verdict in Verdict]


def _lines(report: Report, language: Language) -> list[dict[str, Any]]:
    ordered = sorted(report.planned, key=lambda each: each.verdict is not Verdict.REFUSED)
    return [
        {
            "line": each.line,
            "name": each.name,
            "verdict": each.verdict.value,
            "words": WORDS[each.verdict],
            "column": each.column,
            "message": each.message,
            "was": _facts(each.was, language),
            "will_be": _facts(each.will_be, language),
        }
        for each in ordered[:SHOWN]
    ]


def _facts(facts: Mapping[str, Any], language: Language) -> dict[str, Any]:
    day = facts.get("last_day")
    return {
        "name": facts.get("name", ""),
        "roles": [role_name(code, language) for code in facts.get("role_codes", ())],
        "kind": _KINDS[facts["kind"]] if "kind" in facts else "",
        "last_day": day and date.fromisoformat(day),
    }


async def _uploaded(request: web.Request) -> bytes:
    """Return the file of the form, whatever its name."""
    if request.content_type != "multipart/form-data":
        raise InvalidRequest("Choose a list first.")
    found = await request.clone(client_max_size=MAX_LIST_BYTES).post()
    file = found.get("list")
    if not isinstance(file, web.FileField):
        raise InvalidRequest("Choose a list first.")
    with file.file as opened:
        # One byte more than may be, for who reads it to see that it is too large.
        return bytes(opened.read(MAX_BYTES + 1))
