"""Where the way through option 2A forks, stops, or is left: each page says what to do next."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
import pytest_asyncio
from playwright.async_api import Error, expect

from clients.card_profile import Holder
from clients.phone import SoftwarePhone
from clients.wire import WireError
from pairing_server.portal.birth_date import BirthDates
from pairing_server.portal.session import SESSION_LIFETIME
from pairing_server.qr.pairing import PAIRING_LIFETIME
from pairing_server.registry import people
from pairing_server.registry.tables import credential, person
from pairing_server.uzi.session import SESSION_LIFETIME as CARD_LIFETIME
from tests.browser.desk import Screen
from tests.house import DATE_OF_BIRTH
from tests.portal.records import MEMBERSHIP, PERSON

REVOKED = Holder(uzi_number="900009999")


@pytest.fixture
def revoked(register):
    """A holder whose card is on the list."""
    serial = register.card(REVOKED).certificate.serial_number
    crl = register.crl_dir / "Z.crl"
    kept = crl.read_bytes()
    crl.write_bytes(register.ca.issuing("Z").revocation_list(datetime.now(UTC), [serial]))
    yield REVOKED
    crl.write_bytes(kept)


@pytest_asyncio.fixture(loop_scope="session")
async def desk(house, sit_down):
    """A desk in an organisation that is registered."""
    await house.add_organisation()
    return await sit_down(house)


@pytest_asyncio.fixture(loop_scope="session")
async def registered(house, sit_down):
    """A desk at which a registered person has logged in."""
    desk = await sit_down(house)
    await desk.take_over(await house.registered())
    await desk.open("/portal/start")
    return desk


async def scanned(desk):
    """Start a pairing and scan it."""
    await desk.choose("Start")
    phone = SoftwarePhone(desk.house.http)
    return phone, await phone.scan(await desk.scan())


async def proved(desk):
    """Start a pairing, and make the key on the phone."""
    phone, offer = await scanned(desk)
    await phone.prove(offer)
    await desk.sees("Type the number on your phone")
    return phone, offer


async def known_by_an_operator(house):
    """Add a record of the holder without a UZI number."""
    births = BirthDates(house.stores.birth_date_key)
    digest = births.digest(PERSON.id, date.fromisoformat(DATE_OF_BIRTH))

    def change(tx):
        people.add_person(tx, replace(PERSON, birth_digest=digest))
        people.put_membership(tx, MEMBERSHIP)

    await house.registry.commit(change)


async def rows(house, table):
    return await house.registry.read(lambda tx: tx.all(table.select()))


async def test_a_person_who_is_known_says_so_and_their_card_is_added(house, desk):
    await known_by_an_operator(house)
    await desk.log_in()
    await desk.save()
    await desk.sees("Is this you?")
    await desk.look()

    await desk.choose("Yes, this is me")
    await desk.sees("Sign with your UZI card")
    await desk.show_card()
    await desk.sees("Pair your phone")

    (known,) = await rows(house, person)
    assert (known["id"], known["uzi_number"]) == (PERSON.id, house.holder.uzi_number)


async def test_a_person_who_is_not_the_one_that_is_known_stops(house, desk):
    await known_by_an_operator(house)
    await desk.log_in()
    await desk.save()

    await desk.choose("No, this is somebody else")
    await desk.sees("Your organisation has been told")
    await desk.look()

    (known,) = await rows(house, person)
    assert known["uzi_number"] is None
    desk.refusals.add(401)
    await desk.open("/portal/details")
    await desk.sees("You are not logged in")
    await desk.look()


async def test_an_organisation_that_is_unknown_can_be_registered_first(house, sit_down):
    desk = await sit_down(house)
    desk.refusals.add(403)
    await desk.open("/")
    await desk.choose("Log in with UZI-pas")
    await desk.show_card()
    await desk.sees("Your organisation is not registered here yet")
    await desk.look()

    await desk.choose("Register the organisation")
    await desk.sees("Register an organisation")
    await desk.look()
    await desk.choose("Start with UZI card")
    await desk.show_card()
    await desk.sees("Register this organisation?")
    await desk.look()
    await desk.choose("Register organisation")
    await desk.sees("The organisation is registered")
    await desk.look()
    await desk.choose("Go on to your details")
    await desk.save()

    await desk.sees("Sign with your UZI card")


async def test_a_revoked_card_gets_no_further(revoked, house, desk):
    house.holder = revoked
    await desk.open("/")
    await desk.choose("Log in with UZI-pas")
    with pytest.raises(WireError) as refused:
        await desk.show_card()

    await desk.sees("That did not succeed")
    await desk.look()

    assert refused.value.error == "card_revoked"
    await expect(desk.control("Open ZORG-ID Desktop")).to_have_count(0)
    await desk.choose_behind_the_question("Try again")
    await desk.sees("Waiting for your card")


async def test_a_card_that_is_not_shown_in_time_is_asked_for_again(desk, clock):
    await desk.open("/")
    await desk.choose("Log in with UZI-pas")
    clock.advance(CARD_LIFETIME)

    await desk.sees("The time is over")
    await desk.look()
    await desk.choose_behind_the_question("Try again")

    await desk.sees("Waiting for your card")


async def test_a_date_that_is_none_is_asked_for_again(desk):
    desk.refusals.add(422)
    await desk.log_in()
    await desk.save("1980-13-31")
    await desk.reads("Fill in numbers: the day as 31, the month as 12, the year as 1980.")
    await desk.save("1980-02-30")
    await desk.reads("That day is not in the calendar: check day and month.")
    await desk.look()

    focused = desk.page.locator("input:focus")
    assert await focused.get_attribute("aria-describedby") == "birth-error"
    await desk.save("1880-01-31")
    await desk.reads("Check the year of the date of birth.")


async def test_a_wrong_check_number_is_asked_for_again_and_the_third_ends_it(house, registered):
    desk = registered
    desk.refusals.add(422)
    _, offer = await proved(desk)
    wrong = "0000" if offer.check_number != "0000" else "1111"

    await desk.type("The four digits on the screen of your phone", wrong[:3])
    await desk.choose("Pair this phone")
    await desk.reads("Type the four digits that stand on your phone.")
    await desk.look()
    for _ in range(3):
        await desk.type("The four digits on the screen of your phone", wrong)
        await desk.choose("Pair this phone")
    await desk.sees("This phone was not paired")
    await desk.look()

    assert await rows(house, credential) == []
    await desk.choose("New QR code")
    await desk.sees("Scan the QR code with your phone")


async def test_a_pairing_that_nobody_finished_ends_with_a_new_code(registered, clock):
    desk = registered
    await scanned(desk)
    clock.advance(PAIRING_LIFETIME)

    await desk.sees("The time is over")
    await desk.look()
    await desk.choose("New QR code")

    await desk.sees("Scan the QR code with your phone")


async def test_a_page_whose_session_is_over_leads_to_the_start(registered, clock):
    desk = registered
    desk.refusals.add(401)
    await desk.choose("Start")
    clock.advance(SESSION_LIFETIME)

    await desk.sees("You are not logged in")
    await desk.choose("Log in")

    await desk.sees("Your phone becomes your login key")


async def test_a_login_is_finished_in_no_other_browser(house, desk, sit_down):
    other = await sit_down(house)
    other.refusals.add(403)
    await other.open("/")
    await other.choose("Log in with UZI-pas")
    await other.sees("Waiting for your card")
    await desk.open("/")
    await desk.choose("Log in with UZI-pas")

    return_uri = await desk.agent(await desk.agent_uri())
    await other.open(return_uri)

    await other.reads(
        "This login was started in another browser and is now closed: start again here."
    )
    await other.look()
    await desk.sees("That did not succeed")
    assert [each["name"] for each in await other.context.cookies()] == ["browser"]


async def test_a_return_link_is_good_once(desk):
    desk.refusals.add(404)
    await desk.open("/")
    await desk.choose("Log in with UZI-pas")
    return_uri = await desk.agent(await desk.agent_uri())
    await desk.come_back(return_uri)

    await desk.open("about:blank")
    await desk.open(return_uri)

    await desk.sees("That did not succeed")


async def test_who_logs_out_leaves_nothing_behind(registered):
    desk = registered
    await desk.choose("Log out")
    await desk.sees("You have been logged out")
    await desk.look()

    desk.refusals.add(401)
    await desk.page.go_back()
    await desk.sees("You are not logged in")


async def test_the_language_is_switched_and_stays(desk):
    await desk.open("/")
    await desk.page.get_by_role("link", name="English").click()
    desk.screen = Screen(language="en")
    await desk.sees("Your phone becomes your login key")

    await desk.open("/portal/organisation")

    await desk.sees("Register an organisation")
    await expect(desk.page.locator("html")).to_have_attribute("lang", "en")


async def test_without_scripts_the_pages_say_so(house, sit_down):
    await house.add_organisation()
    desk = await sit_down(house, java_script_enabled=False)
    await desk.open("/")
    await desk.choose("Log in with UZI-pas")
    assert await without_scripts(desk) == desk.say(
        "Without JavaScript this page cannot follow what your card does, nor finish the login. "
        "Allow JavaScript for this site, or ask your IT department."
    )

    await desk.open(await desk.agent(await desk.agent_uri()))

    assert (await without_scripts(desk)).startswith(
        desk.say(
            "Without JavaScript the login cannot be finished here. "
            "Allow JavaScript for this site and start again."
        )
    )


async def test_without_scripts_a_phone_is_paired_all_the_same(house, sit_down):
    desk = await sit_down(house, java_script_enabled=False)
    await desk.take_over(await house.registered())
    await desk.open("/portal/start")
    phone, offer = await scanned(desk)
    await desk.page.locator("noscript button").click()
    await desk.sees("The code has been scanned")
    await phone.prove(offer)
    await desk.page.locator("noscript button").click()
    await desk.type("The four digits on the screen of your phone", offer.check_number)
    await desk.choose("Pair this phone")

    await desk.sees("Your phone is your login key")


async def without_scripts(desk):
    """Return what only a browser without scripts shows, which Playwright's own words leave out."""
    return await desk.page.locator("noscript").inner_text()


async def reload(page):
    """Load a page again; the link to the agent, which it opens by itself, may abort that."""
    try:
        await page.reload()
    except Error as error:
        if "ERR_ABORTED" not in error.message:
            raise
        await page.reload()


async def test_a_page_that_is_loaded_again_does_no_harm(house, desk):
    await desk.open("/")
    await reload(desk.page)
    await desk.choose("Log in with UZI-pas")
    await desk.sees("Waiting for your card")
    await reload(desk.page)
    await desk.show_card()
    await desk.sees("Check your details")
    await reload(desk.page)
    await desk.save()
    await desk.sees("Sign with your UZI card")
    await reload(desk.page)
    await desk.show_card()
    await desk.sees("Pair your phone")
    await reload(desk.page)
    await desk.choose("Start")
    await desk.sees("Scan the QR code with your phone")
    await reload(desk.page)
    phone = SoftwarePhone(house.http)
    offer = await phone.scan(await desk.scan())
    await desk.sees("The code has been scanned")
    await phone.prove(offer)
    await desk.sees("Type the number on your phone")
    await desk.type("The four digits on the screen of your phone", offer.check_number)
    await desk.choose("Pair this phone")
    await desk.sees("Your phone is your login key")
    await reload(desk.page)

    await desk.sees("Your phone is your login key")
    assert len(await rows(house, person)) == 1
    assert len(await rows(house, credential)) == 1


async def test_going_back_does_no_harm(house, desk):
    await desk.register()
    await desk.choose("Start")
    await desk.sees("Scan the QR code with your phone")
    await desk.page.go_back()
    await desk.sees("Pair your phone")
    await desk.choose("Start")
    phone = SoftwarePhone(house.http)
    offer = await phone.scan(await desk.scan())
    await phone.prove(offer)
    await desk.sees("Type the number on your phone")
    await desk.type("The four digits on the screen of your phone", offer.check_number)
    await desk.choose("Pair this phone")
    await desk.sees("Your phone is your login key")

    assert await phone.wait_paired(offer)
    assert len(await rows(house, credential)) == 1


async def test_a_page_for_who_is_logged_in_says_so_to_others(desk):
    desk.refusals.add(401)
    await desk.open("/portal/start")

    await desk.sees("You are not logged in")
