"""The phone web app at workstations: a typed code that leads to a login, and "not me" undone."""

from contextlib import aclosing

import pytest_asyncio
from playwright.async_api import expect

from pairing_server.approvals.refusals import NotKnownThere
from pairing_server.approvals.user_code import ALPHABET, TRIES
from pairing_server.languages import Language, translate
from tests.browser.handset import LARGE
from tests.house import WORKSTATION


@pytest_asyncio.fixture(loop_scope="session")
async def handset(house, pick_up):
    handset = await pick_up(house)
    await handset.take_over(await house.bind())
    return handset


@pytest_asyncio.fixture(loop_scope="session")
async def workstation(house):
    """One that does not know who, and whose people may type a code."""
    return await house.workstation("EPD", user_code=True)


async def shows(house, workstation):
    ura = house.holder.ura
    return await workstation.start_for_whoever_scans(request_context=WORKSTATION, ura=ura)


async def open_keypad(handset):
    await handset.choose("menu")
    await handset.choose("type_user_code")
    await handset.sees("type_user_code")


async def test_a_typed_code_leads_to_a_login_that_asks_for_the_second_code(
    house, handset, workstation
):
    started = await shows(house, workstation)
    await open_keypad(handset)
    await handset.type_code(started.user_code.replace("-", "")[:3])
    await handset.look()
    await handset.type_code(started.user_code.replace("-", "")[3:])
    await handset.choose("go_on")
    await handset.sees_client("EPD")
    await handset.approve(started.binding_code)
    await handset.sees("end_approved")

    assert (await workstation.poll(started)).claims.uzi_number == house.holder.uzi_number


async def test_the_keypad_has_the_letters_of_codes_and_the_whole_of_it_is_in_sight(handset):
    await open_keypad(handset)
    keypad = handset.page.get_by_role("group", name=handset.say("keypad_letters"))
    keys = keypad.get_by_role("button")

    assert [text for text in await keys.all_inner_texts() if text] == list(ALPHABET)
    await expect(keypad).to_be_in_viewport(ratio=1)
    await expect(handset.control("go_on")).to_be_in_viewport(ratio=1)


async def test_a_code_that_is_pasted_counts_without_what_stands_between(
    house, handset, workstation
):
    started = await shows(house, workstation)
    await open_keypad(handset)
    await handset.code_field().fill(f" {started.user_code.lower()} ")
    await handset.page.keyboard.press("Enter")

    await handset.sees_client("EPD")


async def test_what_is_no_code_of_a_workstation_is_said_to_be_none_and_then_too_much(handset):
    handset.refusals |= {404, 429}
    await open_keypad(handset)
    await handset.choose("go_on")
    await handset.reads("letters_first", count=8)
    for _ in range(TRIES):
        await handset.code_field().fill("BBBBBBBB")
        await handset.choose("go_on")
        await handset.reads("user_code_unknown")
        await expect(handset.code_field()).to_have_value("")
    await expect(handset.page.get_by_role("button", name="Z", exact=True)).to_be_in_viewport(
        ratio=1
    )
    await handset.look()
    await handset.code_field().fill("BBBBBBBB")
    await handset.choose("go_on")

    await handset.reads("user_code_tries")


async def test_who_scans_may_type_instead(house, pick_up, with_camera):
    handset = await pick_up(house, LARGE, chromium=with_camera)
    await handset.take_over(await house.bind())
    await handset.choose("scan")
    await handset.choose("type_user_code")
    await handset.sees("type_user_code")
    await handset.choose("back")

    await handset.sees("nothing_asked")


async def test_a_phone_that_is_nobodys_is_not_offered_to_type(house, pick_up, with_camera):
    handset = await pick_up(house, LARGE, chromium=with_camera)
    await handset.open_app()
    await handset.choose("scan")
    await expect(handset.page.locator("video")).to_have_js_property("videoWidth", 640)

    await handset.is_gone("type_user_code")


async def test_not_me_is_undone_where_its_workstation_is_listed(house, handset):
    desktop = await house.workstation("HIS")
    await house.ask(desktop)
    await handset.sees_client("HIS")
    await handset.choose("not_me")
    await handset.choose("report")
    await handset.choose("close")
    await handset.choose("menu")
    await handset.choose("workstations")
    place = handset.page.get_by_role("listitem").filter(has_text="Balie 1 · Polikliniek")
    await expect(place).to_contain_text("HIS")
    await expect(place).to_contain_text(handset.say("workstation_never"))
    await handset.look()
    await handset.choose("workstation_open")
    await expect(place.get_by_role("button")).to_have_count(0)
    await expect(handset.page.get_by_role("heading")).to_be_focused()

    assert "PushOpened" in [event["action"] for event in await house.events()]


async def test_where_nobody_has_logged_in_that_is_said(handset):
    await handset.choose("menu")
    await handset.choose("workstations")
    await handset.reads("workstations_empty")


async def test_who_may_not_log_in_there_is_told_why_and_not_that_the_code_is_over(house, handset):
    handset.refusals.add(403)
    await house.add_organisation("90000009", "Elders")
    elsewhere = await house.workstation("EPD", uras=("90000009",))
    started = await elsewhere.start_for_whoever_scans(ura="90000009")
    async with aclosing(elsewhere.frames(started)) as frames:
        await handset.open_app((await anext(frames)).link)
    told = translate(Language.NL, NotKnownThere.description)

    await expect(handset.page.get_by_text(told)).to_be_visible()
    await handset.sees("not_yet")
