"""Every page of the portal, for every role, of the own and of another organisation."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import web

from admin.access import TABLE, Act, Scope
from admin.actor import Role
from admin.gate import Gate
from admin.targets import of_organisation
from pairing_server.app import make_app
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import at_work
from tests.admin.samples import OTHERS, OWN, furnish
from tests.pages.visitor import visitor

#: What is answered before anybody is somebody: to log in, come back, confirm, leave.
OUTSIDE = {
    ("GET", "/admin/login"),
    ("POST", "/admin/login"),
    ("GET", "/admin/return"),
    ("POST", "/admin/confirm"),
    ("POST", "/admin/logout"),
}
REACHED = 299


@pytest.fixture
def pages(monkeypatch):
    """All pages of the portal, which say that they were reached and do nothing else."""
    found = []
    routes = Gate.routes

    async def reached(request, visit):
        assert visit.actor.person_id
        return web.Response(status=REACHED)

    def stubbed(gate, given):
        found.extend(given)
        return routes(gate, [replace(page, handler=reached) for page in given])

    monkeypatch.setattr(Gate, "routes", stubbed)
    return found


def expected(page, role, *, is_own):
    rule = TABLE[page.act]
    if Role(role.value) not in rule.roles:
        return 403
    names_something = "{" in page.path
    return REACHED if is_own or not names_something else 404


def path_of(page, sample):
    return re.sub(r"{(\w+)}", lambda match: sample[match[1]], page.path)


async def test_the_table_is_what_every_page_does(pages, house):
    await furnish(house)
    wrong = []
    for role in AdministrativeRole:
        browser = await at_work(house, role)
        for page in pages:
            for sample, is_own in ((OWN, True), (OTHERS, False)):
                shown = await browser._send(
                    page.method, path_of(page, sample), {"Origin": house.base_url}
                )
                wanted = expected(page, role, is_own=is_own)
                if shown.status != wanted:
                    wrong.append((role, page.method, page.path, is_own, shown.status, wanted))

    assert pages
    assert wrong == []


async def test_every_dangerous_page_asks_to_confirm_what_was_approved_long_ago(pages, house):
    await furnish(house)
    browser = await at_work(house, AdministrativeRole.ADMINISTRATOR, age=timedelta(minutes=6))
    asked = set()
    for page in pages:
        path = path_of(page, OWN)
        shown = await browser._send(page.method, path, {"Origin": house.base_url})
        if shown.status != REACHED:
            assert shown.page.heading == "Confirm first", page
            asked.add(page.act)

    assert asked == {page.act for page in pages if TABLE[page.act].fresh}


async def test_nobody_reaches_anything_without_a_session(pages, house):
    await furnish(house)
    guest = await visitor(house)
    for page in pages:
        shown = await guest._send(page.method, path_of(page, OWN), {"Origin": house.base_url})
        assert shown.status in (303, 401), page
        assert shown.status == 401 or shown.location.startswith("/admin/login")


async def test_no_form_of_another_site_reaches_anything(pages, house):
    await furnish(house)
    browser = await at_work(house, AdministrativeRole.ADMINISTRATOR)
    for page in (each for each in pages if each.method != "GET"):
        for headers in ({}, {"Origin": "null"}, {"Origin": "https://kwaad.example"}):
            shown = await browser._send(page.method, path_of(page, OWN), headers)
            assert shown.status == 403, page


async def test_no_route_of_the_portal_is_without_a_row(pages, house):
    pages.clear()
    app = make_app(house.settings, house.stores)
    routes = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.method != "HEAD" and route.resource.canonical.startswith("/admin")
    }

    assert routes == OUTSIDE | {(page.method, page.path) for page in pages}
    assert all(page.act in TABLE for page in pages)


async def test_every_page_that_names_something_says_whose_it_is(pages, house):
    make_app(house.settings, house.stores)
    named = [page for page in pages if "{" in page.path]

    assert [page.path for page in named if page.find is of_organisation] == []


async def test_every_page_of_the_portal_can_be_framed_by_nobody(house):
    """Clickjacking."""
    browser = await at_work(house, AdministrativeRole.ADMINISTRATOR)
    for path in ("/admin/", "/admin/login"):
        shown = await browser.get(path)
        policy = shown.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert shown.page.mistakes == []


def test_what_is_not_for_everybody_who_knows_the_person_is_told_apart():
    assert {act: TABLE[act].scope for act in Act if TABLE[act].scope is not Scope.ANY_LINKED} == {
        Act.UNBLOCK_PHONE: Scope.OWN_OR_BLOCKED,
        Act.REVOKE_PHONE: Scope.OWN,
    }
