"""The login page in a browser: scanned from its pixels, followed, switched, and left."""

import asyncio
import re

import pytest
import pytest_asyncio
from playwright.async_api import expect

from clients.phone import SoftwarePhone
from clients.qr_image import GreyImage, read_png, read_qr
from clients.wire import WireError
from pairing_server.approvals.auth_request import FETCHED_BY
from pairing_server.oidc import browser_login
from pairing_server.qr import code
from tests.browser.desk import Screen
from tests.browser.login_page import code_on, running_program, scanned
from tests.documents import ROOT

EN = "en-GB"
SCAN = "Scan the QR code with your phone"
QUIET_ZONE = 4


@pytest_asyncio.fixture(loop_scope="session")
async def phone(house) -> SoftwarePhone:
    return await house.bind()


@pytest_asyncio.fixture(loop_scope="session")
async def program(house, phone):
    async with running_program(house) as started:
        yield started


async def test_a_person_logs_in_with_what_stands_on_the_screen(house, phone, program, sit_down):
    desk = await sit_down(house)
    attempt = await program.send(desk)
    await desk.sees(SCAN)
    await desk.look()
    request = await scanned(desk, phone)
    await desk.sees("Your phone has scanned the code")
    await desk.look()
    await phone.approve(request)

    answer = await program.back(desk)
    assert answer["state"] == attempt.state
    assert answer["code"]


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_camera_reads_the_code_at_125_percent_on_an_old_monitor(
    house, phone, program, sit_down, theme
):
    """1366x768 at 125 % is 1093x614 to the page; the greys are those of a worn panel."""
    desk = await sit_down(house, Screen(1093, 614, 1.25, theme))
    await program.send(desk)
    await desk.sees(SCAN)
    image = read_png(await desk.page.screenshot())
    # Black and white are 100 of 255 apart, and neither is what it was.
    worn = bytes(70 + value * 100 // 255 for value in image.pixels)

    assert re.search("#l", read_qr(GreyImage(image.width, image.height, worn)))
    # Dark on white in both themes: the quiet zone is the lightest that there is.
    box = await desk.page.locator("[data-picture]").bounding_box()
    at = (int(box["y"] * 1.25) + 3) * image.width + int(box["x"] * 1.25) + 3
    assert image.pixels[at] == 255


async def test_frames_change_each_second_without_a_reload(house, phone, program, sit_down):
    desk = await sit_down(house)
    await program.send(desk)
    path = desk.page.locator("[data-picture] path")
    first = await path.get_attribute("d")
    await expect(path).not_to_have_attribute("d", first)
    second = await path.get_attribute("d")
    await expect(path).not_to_have_attribute("d", second)

    assert await path.get_attribute("d") not in {first, second}
    await scanned(desk, phone)


async def test_the_browser_draws_what_the_server_draws(browser):
    script = (ROOT / "pairing_server/pages/static/qr.js").read_text()
    # In a browser of its own: the page's policy takes no script from here.
    blank = await browser.new_page()
    await blank.evaluate(
        "async text => { const url = URL.createObjectURL(new Blob([text],"
        " { type: 'text/javascript' })); window.qr = await import(url); }",
        script,
    )
    for length in (1, 13, 14, 60, 84, 85, 122, 152, 180, 213, 214, 300, 450, 600):
        text = ("https://login.example.nl/app/#l." + "Aa0-_" * 200)[:length]
        drawn = await blank.evaluate("t => qr.modules(t).map(r => [...r].map(Boolean))", text)
        whole = code.modules(text)
        inner = [row[QUIET_ZONE:-QUIET_ZONE] for row in whole[QUIET_ZONE:-QUIET_ZONE]]
        assert drawn == inner, length
    await blank.close()


async def test_in_a_known_browser_the_code_is_typed_on_the_phone(house, phone, program, sit_down):
    desk = await sit_down(house, Screen(language=EN))
    await program.log_in(desk, phone)
    await program.send(desk)
    await desk.choose("Send it to my phone")
    await desk.look()
    await desk.type("Your user name or UZI number", house.holder.uzi_number)
    await desk.page.keyboard.press("Enter")
    typed = await code_on(desk)
    await desk.look()
    (request,) = await phone.auth_requests()
    await desk.reads("It has arrived on your phone. Check what is asked, and type this code.")
    await phone.approve(request, typed)

    assert "code" in await program.back(desk)


async def test_a_phone_that_does_not_answer_is_said_to_be_offline(house, phone, program, sit_down):
    desk = await sit_down(house, Screen(language=EN))
    await program.log_in(desk, phone)
    await program.send(desk)
    await desk.open(f"{desk.page.url}?way=phone")
    await desk.type("Your user name or UZI number", house.holder.uzi_number)
    await desk.page.keyboard.press("Enter")
    await code_on(desk)
    house.ports.clock.advance(FETCHED_BY)
    await desk.page.reload()

    await desk.reads(
        "Your phone has not answered yet. Open the app on it. If it is offline, connect it, or "
        "log in another way."
    )
    await desk.look()
    await desk.choose("Scan a QR code")
    await phone.approve(await scanned(desk, phone))
    assert "code" in await program.back(desk)


async def deny(house, program, phone, desk):
    await phone.deny(await scanned(desk, phone), "not_me")


async def block(house, program, phone, desk):
    await scanned(desk, phone)
    await house.phone_status().block(phone.credential_id, "operator:test")


async def run_out(house, program, phone, desk):
    house.ports.clock.advance(browser_login.LIFETIME / 2)
    await desk.page.reload()


async def begin_elsewhere(house, program, phone, desk):
    """In another tab of a browser that is known, where a newer login takes the place."""
    await phone.approve(await scanned(desk, phone))
    await program.back(desk)
    await program.send(desk)
    await scanned(desk, phone)
    here, desk.page = desk.page, await desk.context.new_page()
    await program.send(desk)
    await scanned(desk, phone)
    await desk.page.close()
    desk.page = here


@pytest.mark.parametrize(
    ("happens", "heading"),
    [
        (deny, "It was refused on the phone"),
        (block, "This phone is blocked"),
        (run_out, "The time is over"),
        (begin_elsewhere, "You started again"),
    ],
)
async def test_every_end_is_seen_at_once_and_leads_on(
    house, phone, program, sit_down, happens, heading
):
    desk = await sit_down(house)
    await program.send(desk)
    await happens(house, program, phone, desk)
    await desk.sees(heading)
    focused = desk.page.locator("h2:focus")
    assert happens is run_out or await focused.inner_text() == desk.say(heading)
    await desk.look()
    await desk.choose("Try again")

    await desk.sees(SCAN)


async def test_who_cancels_is_back_at_the_program(house, phone, program, sit_down):
    desk = await sit_down(house)
    await program.send(desk)
    await desk.choose("Cancel")

    assert (await program.back(desk))["error"] == "access_denied"


async def test_a_keyboard_is_enough(house, phone, program, sit_down):
    desk = await sit_down(house)
    await program.log_in(desk, phone)
    await program.send(desk)
    await desk.tab_to("Send it to my phone")
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.get_by_label(desk.say("Your user name or UZI number"))).to_be_focused()
    await desk.page.keyboard.type(house.holder.uzi_number)
    await desk.page.keyboard.press("Enter")
    await code_on(desk)
    await desk.tab_to("Scan a QR code")
    await desk.page.keyboard.press("Enter")
    await desk.sees(SCAN)
    await desk.tab_to("Cancel")
    await desk.page.keyboard.press("Enter")

    assert (await program.back(desk))["error"] == "access_denied"


async def test_on_a_shared_workstation_nothing_of_the_last_person_remains(
    house, phone, program, sit_down
):
    desk = await sit_down(house)
    await program.log_in(desk, phone)
    await program.send(desk)
    text = await desk.page.content()

    for each in (house.holder.last_name, house.holder.uzi_number):
        assert each not in text
    await desk.page.go_back()
    assert house.holder.last_name not in await desk.page.content()


async def test_it_works_without_a_script(house, phone, program, sit_down):
    desk = await sit_down(house, java_script_enabled=False)
    desk.looks = False
    await program.send(desk)
    await phone.approve(await scanned(desk, phone))

    # The page loads itself again, and finds that it may go.
    assert "code" in await program.back(desk)


async def test_a_card_logs_in(house, phone, program, sit_down):
    desk = await sit_down(house)
    await program.send(desk)
    await desk.choose("Log in with UZI-pas")
    await desk.sees("Waiting for your card")
    await desk.look()
    first = desk.page
    return_uri = await desk.agent(await desk.agent_uri())
    desk.page = await desk.context.new_page()
    desk.refusals.add(409)
    await desk.page.goto(return_uri)
    # Whichever tab is faster goes back to the program.
    done = [asyncio.create_task(_is_back(page)) for page in (first, desk.page)]
    await asyncio.wait(done, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    assert [task for task in done if task.done() and not task.exception()]
    for task in done:
        task.cancel()


async def _is_back(page):
    await page.wait_for_url(re.compile("/cb"), timeout=10_000)


async def test_what_a_photograph_says_is_dead_after_four_seconds(house, phone, program, sit_down):
    desk = await sit_down(house)
    await program.send(desk)
    link = await desk.scan()
    house.ports.clock.advance(4 * FETCHED_BY)

    with pytest.raises(WireError):
        await phone.scan_login(link)
