"""Option 2A as a card holder walks it: from the landing page to the phone that logs them in."""

from playwright.async_api import expect

from clients.phone import SoftwarePhone
from tests.browser.desk import Screen
from tests.house import DATE_OF_BIRTH


async def test_a_card_holder_pairs_a_phone_and_logs_in_with_it(house, sit_down, reader):
    await house.add_organisation()
    desk = await sit_down(house)
    desk.agent = reader

    phone = await walk(desk)

    workstation = await house.workstation()
    assertion = await workstation.poll(await house.approved(phone, workstation))
    assert assertion.claims.uzi_number == house.holder.uzi_number


async def test_it_goes_as_well_in_english_in_a_narrow_window(house, sit_down):
    await house.add_organisation()
    desk = await sit_down(house, Screen(360, 640, language="en-GB"))
    desk.looks = False

    phone = await walk(desk)

    assert phone.credential_id


async def test_a_keyboard_is_enough(house, sit_down):
    await house.add_organisation()
    desk = await sit_down(house)
    await desk.open("/")
    await desk.tab_to("Log in with UZI-pas")
    await desk.page.keyboard.press("Enter")
    await desk.sees("Waiting for your card")
    await desk.show_card()
    for label, typed in (("Day", "31"), ("Month", "1"), ("Year", "1980")):
        await desk.tab_to(label)
        await desk.page.keyboard.type(typed)
    await desk.page.keyboard.press("Enter")
    await desk.sees("Sign with your UZI card")
    await desk.show_card()
    await desk.tab_to("Start")
    await desk.page.keyboard.press("Enter")
    await desk.sees("Scan the QR code with your phone")
    phone = SoftwarePhone(house.http)
    offer = await phone.scan(await desk.scan())
    await phone.prove(offer)
    await desk.sees("Type the number on your phone")
    await desk.page.keyboard.type(offer.check_number)
    await desk.page.keyboard.press("Enter")
    await desk.sees("Your phone is your login key")
    await desk.tab_to("Log out")
    await desk.page.keyboard.press("Enter")

    await desk.sees("You have been logged out")
    assert await phone.wait_paired(offer)


async def walk(desk):
    """Pair a phone at a desk, and look at every page on the way."""
    await desk.open("/")
    await desk.sees("Your phone becomes your login key")
    await desk.look("1-landing")
    await desk.choose("Log in with UZI-pas")
    await desk.sees("Waiting for your card")
    await desk.look("2-card")
    left = desk.page
    await desk.show_card()
    await desk.sees("Check your details")
    await desk.look("3-details")
    await expect(left.get_by_role("link", name=desk.say("Go on in this tab"))).to_be_visible()
    await desk.save(DATE_OF_BIRTH)
    await desk.sees("Sign with your UZI card")
    await desk.look("4-sign")
    await desk.show_card()
    await desk.sees("Pair your phone")
    await desk.look("5-start")
    await desk.choose("Start")
    await desk.sees("Scan the QR code with your phone")
    await desk.look("6-qr")
    if desk.screen.width < desk.screen.height:
        await desk.page.get_by_role("img").scroll_into_view_if_needed()
    phone = SoftwarePhone(desk.house.http)
    offer = await phone.scan(await desk.scan())
    await desk.sees("The code has been scanned")
    await desk.look("7-scanned")
    await phone.prove(offer)
    await desk.sees("Type the number on your phone")
    await desk.look("8-number")
    await desk.type("The four digits on the screen of your phone", offer.check_number)
    await desk.choose("Pair this phone")
    await desk.sees("Your phone is your login key")
    await desk.look("9-done")
    await phone.wait_paired(offer)
    return phone
