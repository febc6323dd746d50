"""The phone web app as its holder uses it: paired once, then every login and how each may end."""

import re

import pytest
import pytest_asyncio
import sqlalchemy as sa
from playwright.async_api import expect

from clients.oauth_error import AccessDenied
from pairing_server.registry.tables import membership
from tests.browser.handset import LARGE


@pytest_asyncio.fixture(loop_scope="session")
async def page(house):
    """The portal page of a registered person."""
    return await house.registered()


@pytest_asyncio.fixture(loop_scope="session")
async def handset(house, pick_up, page):
    """A phone that is paired."""
    handset = await pick_up(house)
    await handset.take_over(await house.bind(page))
    return handset


@pytest_asyncio.fixture(loop_scope="session")
async def workstation(house, handset):
    return await house.workstation()


@pytest_asyncio.fixture(loop_scope="session")
async def asked(house, handset, workstation):
    """A login that the phone shows."""
    started = await house.ask(workstation)
    await handset.sees_client("HIS")
    return started


def other_than(code):
    return "000000" if code != "000000" else "111111"


async def reason(workstation, started):
    with pytest.raises(AccessDenied) as refused:
        await workstation.poll(started)
    return refused.value.reason


async def test_a_phone_is_paired_and_approves_a_login(house, pick_up, page):
    handset = await pick_up(house, LARGE)
    await handset.open_app()
    await handset.sees("welcome")
    await handset.look()
    offered = await page.start_pairing()
    await handset.open_app(offered.link)
    await handset.sees("is_this_you")
    await expect(handset.page.get_by_text(house.holder.uzi_number)).to_be_visible()
    await handset.look()
    await handset.choose("yes_me")
    await handset.sees("type_number")
    await handset.look()
    await page.confirm(offered.id, await handset.check_number())
    await handset.sees("paired")
    await handset.look()
    await handset.choose("go_on")
    await handset.sees("nothing_asked")
    await handset.look()

    workstation = await house.workstation()
    started = await house.ask(workstation)
    await handset.sees_client("HIS")
    await handset.look()
    await handset.approve(started.binding_code)
    await handset.sees("end_approved")
    await handset.look()

    assertion = await workstation.poll(started)
    assert assertion.claims.uzi_number == house.holder.uzi_number
    await handset.choose("close")
    await handset.sees("nothing_asked")


async def test_all_that_is_signed_is_shown(house, handset, workstation):
    context = {"workstation_id": "ws-7", "workstation": "Spreekkamer 2", "location": "Vleugel B"}
    await house.ask(workstation, binding_message="Recept 12", request_context=context)
    await handset.sees_client("HIS")

    shown = await handset.page.locator(".asking").inner_text()

    for text in ("Spreekkamer 2", "Vleugel B", "Recept 12", house.holder.organisation_name):
        assert text in shown
    assert re.search(r"\b[12]:\d\d\b", shown)


@pytest_asyncio.fixture(loop_scope="session")
async def offered(house, handset):
    """A login of somebody with two roles, and their choices."""
    two = sa.update(membership).values(other_role_codes='["30.000"]')
    await house.registry.commit(lambda tx: tx.run(two))

    async def ask(workstation):
        started = await house.ask(workstation)
        await handset.sees_client("HIS")
        group = handset.page.get_by_role("group", name=handset.say("role_choose"), exact=True)
        names = ("arts, huisarts 01.015", "verpleegkundige 30.000")
        return started, [group.get_by_role("radio", name=name, exact=True) for name in names]

    return ask


async def test_a_role_is_chosen_by_keyboard(handset, workstation, offered):
    started, (first, second) = await offered(workstation)
    await expect(first).to_be_checked()
    await handset.look()

    await first.focus()
    await handset.page.keyboard.press("ArrowDown")
    await expect(second).to_be_checked()
    await handset.approve(started.binding_code)
    await handset.sees("end_approved")

    assert (await workstation.poll(started)).claims.role_code == "30.000"


async def test_who_chooses_nothing_logs_in_as_shown(handset, workstation, offered):
    started, _ = await offered(workstation)
    await handset.approve(started.binding_code)
    await handset.sees("end_approved")

    assert (await workstation.poll(started)).claims.role_code == "01.015"


async def test_one_role_is_no_choice(handset, asked):
    await expect(handset.page.get_by_role("radio")).to_have_count(0)


async def test_what_would_turn_the_writing_is_shown_as_a_box(house, handset):
    workstation = await house.workstation("HIS \u202ezie ze")
    started = await house.ask(workstation)
    await handset.sees_client("HIS □zie ze")
    await handset.approve(started.binding_code)
    await handset.sees("end_approved")

    assert await workstation.poll(started)


async def test_a_request_that_changes_under_way_is_not_approved(house, handset, workstation):
    async def meddle(route):
        answer = await route.fetch()
        body = await answer.json()
        for request in body["auth_requests"]:
            request["location"] = "Polikliniek 2"
        await route.fulfill(response=answer, json=body)

    handset.refusals.add(400)
    await handset.context.route("**/phone/auth-requests", meddle)
    await handset.page.reload()
    await handset.sees("nothing_asked")
    started = await house.ask(workstation)
    await handset.sees_client("HIS")
    await handset.approve(started.binding_code)

    await handset.reads("wrong_signature")
    await handset.context.unroute_all(behavior="ignoreErrors")


async def test_a_login_is_declined(handset, workstation, asked):
    await handset.choose("decline")
    await handset.sees("end_denied")
    await handset.look()

    assert await reason(workstation, asked) == "denied"


async def test_declining_is_as_large_as_approving(handset, asked):
    decline = await handset.control("decline").bounding_box()
    approve = await handset.control("approve").bounding_box()

    assert (decline["width"], decline["height"]) == (approve["width"], approve["height"])
    assert decline["y"] == approve["y"]


async def test_whoever_did_not_ask_reports_it(handset, workstation, asked):
    await handset.choose("not_me")
    await handset.sees("not_me_title")
    await handset.look()
    await handset.choose("report")
    await handset.sees("end_not_me")
    await handset.look()

    assert await reason(workstation, asked) == "not_me"


async def test_a_report_is_thought_better_of(handset, asked):
    await handset.choose("not_me")
    await handset.choose("back_to_request")

    await handset.sees_client("HIS")


async def test_what_opens_by_itself_takes_no_thumb_on_its_way(house, handset, workstation):
    await handset.page.evaluate(
        """() => {
          window.under = new Promise(done => new MutationObserver(() => {
            const button = document.querySelector(".request .refuse");
            if (!button) return;
            const { x, y, width, height } = button.getBoundingClientRect();
            const under = document.elementFromPoint(x + width / 2, y + height / 2);
            done(under?.closest("button") ?? null);
          }).observe(document.getElementById("main"), { childList: true, subtree: true }));
        }"""
    )
    await house.ask(workstation)
    await handset.sees_client("HIS")

    assert await handset.page.evaluate("window.under") is None
    await handset.choose("decline")
    await handset.sees("end_denied")


async def test_a_request_that_comes_meanwhile_is_told_of_beside(house, handset, workstation):
    await handset.choose("menu")
    await handset.choose("history")
    await house.ask(workstation)
    await handset.look()
    await handset.page.get_by_role("button", name=handset.say("new_request")).click()

    await handset.sees_client("HIS")


async def test_no_cookie_of_the_portal_rides_on_a_call(house, handset, workstation):
    url = house.base_url
    await handset.context.add_cookies([{"name": "session", "value": "x", "url": url}])
    async with handset.page.expect_request("**/phone/credential") as asked:
        await handset.page.reload()

    assert "cookie" not in await (await asked.value).all_headers()


async def test_three_wrong_codes_end_it(handset, workstation, asked):
    handset.refusals.add(422)
    wrong = other_than(asked.binding_code)
    await handset.approve(wrong)
    await handset.reads("wrong_code", count=2)
    await handset.look()
    await handset.approve(wrong)
    await handset.reads("wrong_code", count=1)
    await handset.approve(wrong)
    await handset.sees("end_wrong_code")
    await handset.look()

    assert await reason(workstation, asked) == "wrong_code"


async def test_a_wrong_code_is_followed_by_the_right_one(handset, workstation, asked):
    handset.refusals.add(422)
    await handset.approve(other_than(asked.binding_code))
    await handset.reads("wrong_code", count=2)
    await handset.approve(asked.binding_code)
    await handset.sees("end_approved")

    assert await workstation.poll(asked)


async def test_a_code_that_is_not_all_there_is_asked_for(handset, asked):
    await handset.approve(asked.binding_code[:4])

    await handset.reads("code_first", count=6)
    await expect(handset.code_field()).to_be_focused()


async def test_a_digit_is_taken_back(handset, workstation, asked):
    await handset.type_code("9")
    await handset.choose_label("erase")
    await handset.approve(asked.binding_code)

    await handset.sees("end_approved")


async def test_a_keyboard_types_the_code_and_enter_approves(handset, workstation, asked):
    await handset.page.keyboard.type(asked.binding_code)
    await handset.page.keyboard.press("Enter")

    await handset.sees("end_approved")


async def test_a_finger_that_is_not_known_approves_nothing(handset, workstation, asked):
    await handset.unlock(works=False)
    await handset.approve(asked.binding_code)
    await handset.reads("key_not_used")
    await handset.unlock(works=True)
    await handset.choose("approve")
    await handset.sees("end_approved")

    assert await workstation.poll(asked)


async def test_a_request_runs_out_by_the_servers_time(house, handset, workstation):
    await handset.page.clock.install(time=0)
    await handset.page.clock.resume()
    await house.ask(workstation, requested_expiry="4")
    await handset.sees_client("HIS")
    await expect(handset.page.get_by_role("timer")).to_have_text(re.compile("^0:0[0-4]$"))
    await handset.sees("end_expired")
    await handset.look()


async def test_a_newer_request_takes_the_place_of_the_one_that_is_shown(
    house, handset, workstation, asked
):
    newer = await house.ask(workstation)
    await handset.sees("end_superseded")
    await handset.look()
    await handset.choose("close")
    await handset.sees_client("HIS")
    await handset.approve(newer.binding_code)
    await handset.sees("end_approved")

    assert await workstation.poll(newer)


async def test_two_requests_are_chosen_from(house, handset, workstation):
    for number in ("1", "2"):
        context = {"workstation_id": number, "workstation": f"Balie {number}", "location": ""}
        await house.ask(workstation, request_context=context)
    await handset.sees_client("HIS")
    await handset.page.go_back()
    await handset.sees("asked", count=2)
    await handset.look()

    await handset.page.get_by_role("button", name="Balie 2").click()

    await expect(handset.page.locator(".asking")).to_contain_text("Balie 2")


async def test_a_request_that_another_phone_answers_is_over(house, handset, page, workstation):
    other = await house.bind(page)
    started = await house.ask(workstation)
    await handset.sees_client("HIS")
    (request,) = await other.auth_requests()
    await other.approve(request, started.binding_code)

    await handset.sees("end_approved")


async def test_a_block_in_the_middle_stops_it_and_is_undone(house, handset, workstation, asked):
    handset.refusals |= {403}
    status = house.phone_status()
    credential = (await handset.kept())["credentialId"]
    await status.block(credential, "operator:test")
    await handset.sees("blocked")
    await handset.look()
    await expect(handset.page.get_by_text("Jan Jansen")).to_be_visible()
    await status.unblock(credential, "operator:test")
    await handset.choose("look_again")

    await handset.sees("nothing_asked")
    assert await reason(workstation, asked) == "revoked"


async def test_a_revoked_phone_says_whose_it_was_and_how_to_pair_again(house, handset):
    handset.refusals |= {401, 400}
    credential = (await handset.kept())["credentialId"]
    await house.phone_status().revoke(credential, "operator:test")
    await handset.page.reload()
    await handset.sees("unbound")
    await handset.look()
    await expect(handset.page.get_by_text("Jan Jansen")).to_be_visible()

    await handset.choose("recover")
    await handset.choose("use_key")

    await handset.reads("key_unknown")


async def test_a_phone_that_lost_what_it_kept_is_known_by_its_key(house, pick_up, page):
    handset = await pick_up(house)
    await handset.pair(page)
    await handset.forget()
    await handset.open_app()
    await handset.sees("welcome")
    await handset.choose("paired_before")
    await handset.sees("recover")
    await handset.look()
    await handset.choose("use_key")
    await handset.sees("nothing_asked")

    workstation = await house.workstation()
    started = await house.ask(workstation)
    await handset.sees_client("HIS")
    await handset.approve(started.binding_code)
    await handset.sees("end_approved")
    assert await workstation.poll(started)


async def test_a_phone_lets_go_of_its_key(house, handset):
    handset.refusals.add(401)
    token = (await handset.kept())["token"]
    await handset.choose("menu")
    await handset.look()
    await handset.choose("unbind")
    await handset.sees("unbind_title")
    await handset.look()
    await handset.choose("unbind_yes")
    await handset.sees("unbound")

    kept = await handset.kept()
    assert "token" not in kept
    assert await handset.keys() == []
    assert kept["identity"]["name"] == "Jan Jansen"
    await handset.is_gone("recover")
    headers = {"Authorization": f"Bearer {token}"}
    async with house.http.get(f"{house.base_url}/phone/credential", headers=headers) as answer:
        assert answer.status == 401


async def test_the_language_is_switched_and_stays(handset):
    await handset.choose("menu")
    await handset.page.get_by_label("English").check()
    handset.screen, handset._words = LARGE, {}
    await handset.sees("menu")
    await expect(handset.page.get_by_text("physician, general practitioner")).to_be_visible()
    await handset.page.reload()

    await handset.sees("nothing_asked")
    await expect(handset.page.locator("html")).to_have_attribute("lang", "en")
