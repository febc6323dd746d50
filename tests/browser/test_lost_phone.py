"""The lost phone, as its holder lives it at the portal: blocked, refused, found, and its end."""

import pytest
import pytest_asyncio
from playwright.async_api import expect

from clients.wire import WireError
from tests.browser.desk import PHONE, Screen

NAME = "software phone"


async def refusal(phone):
    with pytest.raises(WireError) as caught:
        await phone.auth_requests()
    return caught.value.error


@pytest_asyncio.fixture(loop_scope="session")
async def paired(house):
    """Somebody's phone that has logged them in, and a workstation."""
    phone, workstation = await house.bind(), await house.workstation()
    await workstation.poll(await house.approved(phone, workstation))
    return phone, workstation


async def test_a_lost_phone_is_blocked_refused_found_and_unblocked(house, sit_down, paired):
    phone, workstation = paired
    desk = await sit_down(house)
    await desk.log_in()
    # One click after the login.
    await desk.page.get_by_role("banner").get_by_role("link", name=desk.say("My phones")).click()
    await desk.sees("My phones")
    await expect(desk.page.get_by_text("Balie 1 · Polikliniek").first).to_be_visible()
    await desk.look("10-phones")

    await desk.choose("Block now")
    await desk.reads("%(phone)s has been blocked: it opens nothing any more.", phone=NAME)
    await desk.look("11-blocked")
    assert await refusal(phone) == "phone_blocked"
    with pytest.raises(WireError):
        await house.ask(workstation)

    await desk.choose("Unblock")
    await desk.reads("%(phone)s works again.", phone=NAME)
    assertion = await workstation.poll(await house.approved(phone, workstation))
    assert assertion.claims.uzi_number == house.holder.uzi_number


async def test_a_key_ends_for_good_after_a_second_question(house, sit_down, paired):
    phone, _ = paired
    desk, elsewhere = await sit_down(house), await sit_down(house)
    await desk.log_in()
    await elsewhere.take_over(await house.logged_in())
    await elsewhere.open("/portal/my-phones")
    await desk.open("/portal/my-phones")

    await desk.choose("End its key")
    await desk.sees("End the key of this phone?")
    await desk.reads("It is the only phone of yours that works.")
    await desk.look("12-end-key")
    await desk.choose("No, go back")
    assert await phone.auth_requests() == []
    await desk.choose("End its key")
    await desk.choose("End its key for good")

    await desk.reads("The key of %(phone)s has ended, for good.", phone=NAME)
    await desk.reads("No phone is paired with you now.")
    await desk.look()
    assert await refusal(phone) == "invalid_token"
    elsewhere.refusals.add(401)
    await elsewhere.open("/portal/my-phones")
    await elsewhere.sees("You are not logged in")


async def test_a_phone_is_renamed_on_a_small_screen_in_the_dark(house, sit_down, paired):
    desk = await sit_down(house, Screen(PHONE.width, PHONE.height, theme="dark", language="en-GB"))
    await desk.take_over(await house.logged_in())
    await desk.open("/portal/my-phones")
    await desk.page.get_by_text("Details and name", exact=True).click()
    await desk.type("Name of this phone", "   ")
    desk.refusals.add(422)
    await desk.choose("Rename")
    await desk.reads("Type a name of 1 to 40 characters.")
    await desk.look()
    await desk.type("Name of this phone", "Dienst 2")
    await desk.choose("Rename")

    await desk.reads("The phone is now called %(phone)s.", phone="Dienst 2")
    assert [each.device_name for each in await paired[0].credentials()] == ["Dienst 2"]


async def test_times_are_those_of_who_reads_them(house, sit_down, paired):
    desk = await sit_down(house)
    await desk.take_over(await house.logged_in())
    await desk.open("/portal/my-phones")

    shown = desk.page.locator("time").first
    stamp = await shown.get_attribute("datetime")
    local = await desk.page.evaluate(
        """stamp => new Date(stamp).toLocaleTimeString("nl-NL",
          { hour: "2-digit", minute: "2-digit", timeZone: "Europe/Amsterdam" })""",
        stamp,
    )
    await expect(shown).to_contain_text(local)
    await expect(shown).not_to_contain_text("UTC")
