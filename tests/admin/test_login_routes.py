"""Logging in to administer: with the phone, for one organisation, in the browser that began."""

import pytest

from admin.session import COOKIE
from pairing_server.registry import organisations
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import another_holder, colleague, give_cookie, query_of, set_role
from tests.pages.visitor import visitor


async def test_who_administers_logs_in_with_the_phone_and_sees_the_overview(head):
    sent = await head.log_in()

    assert (sent.status, sent.location) == (303, "/admin/")
    shown = await head.browser.get("/admin/")
    assert (shown.status, shown.page.heading) == (200, "Overview")
    assert head.house.holder.organisation_name in shown.page.one("header").text
    events = [event["action"] for event in await head.house.events()]
    assert events[-2:] == ["AssertionIssued", "AdministratorLoggedIn"]


async def test_one_organisation_is_not_asked_for(head):
    shown = await head.browser.get("/admin/login")
    (form,) = shown.page.forms("/admin/login")

    assert form.fields == {"ura": head.house.holder.ura, "next": "/admin/"}
    assert not shown.page.all("input", id="ura")


async def test_of_several_the_one_of_last_time_is_there_already(head):
    await head.house.add_organisation("90000777", "Elders")
    await head.log_in()
    shown = await head.browser.get("/admin/login")

    assert shown.page.one("input", id="ura")["value"] == head.house.holder.ura


@pytest.mark.parametrize(
    ("ura", "status", "words"),
    [("1234567", 422, "eight digits"), ("", 422, "eight digits"), ("99999999", 404, "registered")],
)
async def test_what_is_no_organisation_here_is_asked_again(house, ura, status, words):
    await house.add_organisation()
    guest = await visitor(house)

    shown = await guest.post("/admin/login", {"ura": ura})

    assert shown.status == status
    assert words in shown.page.one("p", class_="error").text
    assert "Set-Cookie" not in shown.headers


async def test_who_is_no_administrator_is_told_so_and_gets_no_session(head):
    await set_role(head.house, head.person_id, None)
    shown = await head.log_in()

    assert shown.status == 403
    assert shown.page.heading == "You do not administer this organisation"
    assert head.browser.cookie(COOKIE) is None
    assert (await head.browser.get("/admin/")).status == 303
    (event,) = [
        each for each in await head.house.events() if each["action"] == "AdministratorRefused"
    ]
    assert event["outcome"] == "refused"


async def test_a_page_that_was_wanted_is_come_back_to(head):
    sent = await head.browser.get("/admin/?part=2")
    assert sent.location == "/admin/login?next=%2Fadmin%2F%3Fpart%3D2"
    form = (await head.browser.get(sent.location)).page.forms("/admin/login")[0].fields

    assert (await head.log_in(form["next"])).location == "/admin/?part=2"


@pytest.mark.parametrize(
    "path",
    [
        "https://kwaad.example/",
        "//kwaad.example/",
        "/admin//kwaad.example",
        "/admin/../portal/",
        "/admin/\\kwaad.example",
        "/portal/",
        "/admin/%0d%0aSet-Cookie:x",
    ],
)
async def test_nobody_is_sent_elsewhere_after_a_login(head, path):
    assert (await head.log_in(path)).location == "/admin/"
    shown = await head.browser.get(f"/admin/login?next={path.replace('&', '')}")
    assert shown.page.forms("/admin/login")[0].fields["next"] == "/admin/"


async def test_an_answer_that_another_browser_began_logs_nobody_in(head):
    """Login CSRF: the victim's browser is sent where the attacker's login came back to."""
    attackers = await head.back(await head.begin())
    victim = await visitor(head.house)
    give_cookie(victim, "a" * 43, "admin_login")

    shown = await victim.get(attackers)

    assert shown.status == 404
    assert victim.cookie(COOKIE) is None


async def test_an_answer_without_a_login_logs_nobody_in(head):
    target = await head.back(await head.begin())
    stranger = await visitor(head.house)

    assert (await stranger.get(target)).status == 404
    assert (await head.browser.get("/admin/return?code=x&state=y")).status == 404
    assert (await head.browser.get("/admin/return")).status == 404


async def test_an_answer_opens_one_session_once(head):
    target = await head.back(await head.begin())

    assert (await head.browser.get(target)).status == 303
    assert (await head.browser.get(target)).status == 404


async def test_an_answer_that_names_another_issuer_logs_nobody_in(head):
    target = await head.back(await head.begin())
    elsewhere = target.replace("iss=http", "iss=https")
    assert elsewhere != target

    assert (await head.browser.get(elsewhere)).status == 404
    assert head.browser.cookie(COOKIE) is None


async def test_a_code_of_another_login_is_not_taken(head):
    one = query_of(await head.back(await head.begin()))
    other = query_of(await head.back(await head.begin()))
    mixed = f"/admin/return?code={one['code']}&state={other['state']}&iss={other['iss']}"

    assert (await head.browser.get(mixed)).status == 404


async def test_no_link_from_elsewhere_begins_a_login_to_the_portal(head):
    """Only this process hands in requests of the portal: nobody is led into one."""
    await head.log_in()
    shown = await head.browser.get(
        "/authorize?client_id=pairing-server-admin&response_type=code&scope=openid"
        f"&redirect_uri={head.house.base_url}/admin/return&state=x"
        "&code_challenge=" + "a" * 43 + "&code_challenge_method=S256"
    )

    assert shown.status == 303
    assert query_of(shown.location)["error"] == "invalid_request"


async def test_a_login_gives_a_new_cookie_and_the_old_one_opens_nothing(head):
    """Session fixation, and a cookie that was taken before."""
    give_cookie(head.browser, "f" * 43)
    await head.log_in()
    first = head.browser.cookie(COOKIE)
    assert first != "f" * 43

    await head.log_in()

    assert head.browser.cookie(COOKIE) != first
    thief = await visitor(head.house)
    give_cookie(thief, first)
    assert (await thief.get("/admin/")).location == "/admin/login"


async def test_who_logs_out_leaves_a_cookie_that_opens_nothing(head):
    await head.log_in()
    cookie = head.browser.cookie(COOKIE)

    sent = await head.browser.post("/admin/logout")

    assert sent.location == "/admin/login"
    assert head.browser.cookie(COOKIE) in (None, "")
    give_cookie(head.browser, cookie)
    assert (await head.browser.get("/admin/")).status == 303
    assert (await head.house.events())[-1]["action"] == "AdministratorLoggedOut"


async def test_who_says_no_on_the_phone_is_not_logged_in(head):
    page = await head.begin()
    sent = await page.act("cancel")
    shown = await head.browser.get(sent.location.removeprefix(head.house.base_url))

    assert (shown.status, shown.page.heading) == (403, "You were not logged in")


async def test_a_key_that_is_copied_to_a_cloud_does_not_administer(head):
    ura = head.house.holder.ura
    await head.house.registry.commit(
        lambda tx: organisations.set_key_policy(tx, ura, {"synced": "low"})
    )
    shown = await head.log_in()

    assert (shown.status, shown.page.heading) == (403, "This phone is not enough")
    assert head.browser.cookie(COOKIE) is None


async def test_a_confirmation_names_the_act_on_the_phone_and_makes_the_approval_new(head):
    await head.log_in("/admin/")
    before = head.browser.cookie(COOKIE)
    form = {"act": "revoke_phone", "next": "/admin/people/abc"}
    page = await head.opened(await head.browser.post("/admin/confirm", form))
    request = await head.phone.get(await head.phone.scan_login(await page.link()))

    assert request.message == "To confirm: Revoke a phone"
    await head.phone.approve(request)
    target = (await page.look()).location.removeprefix(head.house.base_url)
    sent = await head.browser.get(target)
    assert sent.location == "/admin/people/abc"
    assert head.browser.cookie(COOKIE) != before
    assert '"confirms":"revoke_phone"' in (await head.house.events())[-1]["evidence"]


async def test_another_person_confirms_nothing_and_is_not_logged_in(head):
    other = await colleague(head.house, another_holder(head.house))
    await head.log_in()
    before = head.browser.cookie(COOKIE)

    shown = await head.confirm("revoke_phone", "/admin/", phone=other.phone)

    assert (shown.status, shown.page.heading) == (403, "Somebody else confirmed")
    assert head.browser.cookie(COOKIE) == before
    assert (await head.browser.get("/admin/")).status == 200
    assert (await head.house.events())[-1]["action"] == "AdministratorRefused"


async def test_only_acts_are_confirmed_and_only_by_who_is_logged_in(head):
    assert (await head.browser.post("/admin/confirm", {"act": "revoke_phone"})).status == 401
    await head.log_in()
    assert (await head.browser.post("/admin/confirm", {"act": "all_power"})).status == 400


@pytest.mark.parametrize("path", ["/admin/login", "/admin/confirm", "/admin/logout"])
@pytest.mark.parametrize("origin", [None, "null", "https://kwaad.example"])
async def test_a_form_of_another_site_does_nothing(head, path, origin):
    await head.log_in()
    before = await head.house.events()
    head.browser.origin = origin

    refused = await head.browser.post(path, {"ura": head.house.holder.ura, "act": "revoke_phone"})

    assert refused.status == 403
    assert "Set-Cookie" not in refused.headers
    assert await head.house.events() == before
    assert (await head.browser.get("/admin/")).status == 200


async def test_the_service_desk_logs_in_too(house):
    desk = await colleague(house, role=AdministrativeRole.SERVICE_DESK)

    assert (await desk.log_in()).status == 303
    shown = await desk.browser.get("/admin/")
    assert "Service desk" in shown.page.one("header").text
