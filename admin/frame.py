"""What all pages of the portal share: who is logged in, the tabs, and the way back to a page."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from admin.access import Act, is_fresh, may_ever
from admin.actor import Role
from admin.refusals import FreshApprovalNeeded
from admin.session import IDLE, Visit
from admin.words import ACTS, ROLES
from pairing_server.clock import Clock
from pairing_server.http import SAFE_METHODS
from pairing_server.languages import N_
from pairing_server.pages.front import Front, Handler

HOME = "/admin/"
LOGIN = "/admin/login"
ORGANISATION = "/admin/organisation"
SYSTEMS = f"{ORGANISATION}/systems"
#: A path of the portal, such as its own pages have; and no path to elsewhere.
_PATH = re.compile(r"/admin/[A-Za-z0-9_\-~./]{0,300}(?:\?[A-Za-z0-9_\-=&%:.]{1,200})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tab:
    """A part of the portal."""

    label: str
    path: str
    act: Act


TABS = (
    Tab(N_("Overview"), HOME, Act.SEE_DASHBOARD),
    Tab(N_("People"), "/admin/people", Act.FIND_PEOPLE),
    Tab(N_("Log"), "/admin/log", Act.SEE_LOG),
    Tab(N_("Organisation"), ORGANISATION, Act.SEE_POLICY),
)


class Frame:
    """Renders a page of the portal."""

    def __init__(self, front: Front, clock: Clock) -> None:
        self._front = front
        self._clock = clock

    def page(self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Handler:
        """Return the handler behind what every page of this server does first."""
        return self._front.page(handler)

    def render(
        self,
        request: web.Request,
        visit: Visit,
        template: str,
        *,
        status: int = 200,
        **context: Any,
    ) -> web.Response:
        """Render a page for who is logged in.

        Args:
            template: One of `admin/templates`.
            context: What it shows.
        """
        now = self._clock()
        actor = visit.actor
        return self._front.render(
            request,
            f"admin/{template}",
            status=status,
            visit=visit,
            role=ROLES[Role(actor.role)],
            tabs=[tab for tab in TABS if may_ever(tab.act, actor)],
            here=_path(request),
            is_fresh=is_fresh(actor, now),
            may={act.value for act in Act if may_ever(act, actor)},
            idle_seconds=int(IDLE.total_seconds()),
            at=now,
            **context,
        )

    def render_outside(
        self, request: web.Request, template: str, *, status: int = 200, **context: Any
    ) -> web.Response:
        """Render a page for whoever is there."""
        return self._front.render(
            request, f"admin/{template}", status=status, visit=None, **context
        )

    def login_path(self, request: web.Request) -> str:
        """Return where somebody logs in who wanted to open a page, and comes back to it."""
        path = request.raw_path
        if path == HOME or not is_path(path):
            return LOGIN
        return f"{LOGIN}?{urlencode({'next': path})}"

    def ask_to_confirm(
        self, request: web.Request, visit: Visit, act: Act, refusal: FreshApprovalNeeded
    ) -> web.Response:
        """Ask who is logged in to confirm an act with phone or card, and come back here."""
        return self.render(
            request,
            visit,
            "confirm.html",
            status=refusal.status if request.method not in SAFE_METHODS else 200,
            act=act.value,
            words=ACTS[act],
            back=_back(request),
        )


def is_path(path: str) -> bool:
    """Tell whether a browser may be sent there after a login: to a page of the portal alone."""
    return _PATH.fullmatch(path) is not None and "//" not in path and "/." not in path


def _path(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return str(resource.url_for(**request.match_info)) if resource is not None else HOME


def _back(request: web.Request) -> str:
    """Return the page to come back to: of a form, the one that has it."""
    path = _path(request)
    if request.method in SAFE_METHODS:
        return request.raw_path if is_path(request.raw_path) else path
    for page in (SYSTEMS, ORGANISATION):
        if path.startswith(f"{page}/"):
            return page
    parts = path.split("/")
    # A form is sent to a path below the page that it stands on.
    person = "/".join(parts[:4])
    return person if path.startswith("/admin/people/") and is_path(person) else HOME
