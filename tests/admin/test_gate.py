"""Every page and call, for every role, of the own and of another organisation."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import web

from admin.access import TABLE, Act, Scope, of_machines
from admin.actor import Role
from admin.api.gate import ApiGate
from admin.gate import Gate
from admin.targets import of_organisation
from pairing_server.app import make_app
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import at_work
from tests.admin.machine import program
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
#: What is answered of the API before it is known whose the call is: its document, and a 401.
OF_STRANGERS = {("GET", "/admin/api/openapi.json"), ("*", "/admin/api/{tail}")}
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


@pytest.fixture
def calls(monkeypatch):
    """All calls of the API, which say that they were reached and do nothing else."""
    found = []
    routes = ApiGate.routes

    async def reached(request, visit):
        assert visit.actor.client_id == visit.client.id
        return web.Response(status=REACHED)

    def stubbed(gate, given):
        found[:] = given
        operations = (replace(call.operation, handler=reached) for call in given)
        return routes(
            gate,
            [replace(call, operation=each) for call, each in zip(given, operations, strict=True)],
        )

    monkeypatch.setattr(ApiGate, "routes", stubbed)
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


async def answered(calls, who, sample):
    """Return with which statuses a program is answered: what it was registered for, and else."""
    own, other = set(), set()
    for call in calls:
        operation = call.operation
        said = await who.call(operation.method, path_of(operation, sample))
        (own if call.act in who.acts else other).add(said.status)
    return own, other


async def test_the_table_is_what_every_call_of_a_program_does(calls, house):
    await furnish(house)
    make_app(house.settings, house.stores)
    acts = sorted({call.act for call in calls})
    for act in acts:
        who = await program(house, act.value)

        assert await answered(calls, who, OWN) == ({REACHED}, {403})
        assert await answered(calls, who, OTHERS) == ({404}, {403})
        # Another organisation's people under the own one's name.
        mixed = {**OTHERS, "ura": who.ura}
        assert (await answered(named_by(calls), who, mixed))[0] <= {404}

    assert set(acts) <= set(of_machines())


def named_by(calls):
    """Return what names more than the organisation."""
    return [call for call in calls if call.operation.path.count("{") > 1]


@pytest.mark.parametrize("role", AdministrativeRole)
async def test_no_persons_session_opens_the_api(calls, house, role):
    await furnish(house)
    browser = await at_work(house, role)
    for call in calls:
        shown = await browser._send(
            call.operation.method, path_of(call.operation, OWN), {"Origin": house.base_url}
        )
        assert shown.status == 401, call.operation.path


async def test_no_stranger_is_told_of_a_call_whatever_they_send(calls, house):
    """Neither the path, nor the method, nor the body's length or type is looked at before."""
    await furnish(house)
    strange = [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Encoding": "gzip"},
        {"Authorization": "Bearer " + "A" * 43},
        {"Authorization": "Basic abc"},
        {"DPoP": "x"},
    ]
    bodies = [None, b"{", b"x" * 70_000]
    paths = [path_of(call.operation, sample) for call in calls for sample in (OWN, OTHERS)]
    paths += ["/admin/api/", "/admin/api/organisations", "/admin/api/nothing", "/admin/api/a/b/c"]
    statuses = set()
    for number, path in enumerate(dict.fromkeys(paths)):
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            headers = strange[number % len(strange)]
            body = None if method in ("GET", "HEAD", "TRACE") else bodies[number % len(bodies)]
            async with house.http.request(
                method, house.base_url + path, headers=headers, data=body
            ) as answer:
                statuses.add(answer.status)
                assert answer.headers["WWW-Authenticate"].startswith("Bearer ")

    assert statuses == {401}


async def test_who_has_a_token_is_told_of_other_methods_and_paths(house):
    who = await program(house)

    nothing = await who.call("GET", "/admin/api/nothing")
    other = await who.call("PATCH", "/people")
    assert (nothing.status, nothing.error) == (404, "not_found")
    assert (other.status, other.error) == (405, "method_not_allowed")
    assert other.headers["Allow"] == "GET,HEAD,POST"


async def test_no_route_of_the_portal_is_without_a_row(pages, calls, house):
    pages.clear()
    app = make_app(house.settings, house.stores)
    routes = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.method != "HEAD" and route.resource.canonical.startswith("/admin")
    }

    told = {(call.operation.method, call.operation.path) for call in calls}
    assert routes == OUTSIDE | OF_STRANGERS | told | {(page.method, page.path) for page in pages}
    assert all(each.act in TABLE for each in (*pages, *calls))


async def test_every_page_that_names_something_says_whose_it_is(pages, house):
    make_app(house.settings, house.stores)
    named = [page for page in pages if "{" in page.path]

    assert [page.path for page in named if page.find is of_organisation] == []


async def test_every_call_that_names_something_says_whose_it_is(calls, house):
    make_app(house.settings, house.stores)

    assert calls
    assert [c.operation.path for c in named_by(calls) if c.find is of_organisation] == []


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
