"""An organisation settles its people in a browser: face to face, by number, by list."""

from playwright.async_api import expect

from clients.phone import SoftwarePhone
from clients.qr_image import read_png, read_qr
from pairing_server.registry import members, people
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import at_work, employ
from tests.browser.desk import PHONE

NEW = "/admin/people/new"
HEADER = "first_names;last_name;date_of_birth;role_codes;kind\r\n"


async def at_desk(house, sit_down, role=AdministrativeRole.OPERATOR, **options):
    """Sit down where an administrator has logged in."""
    await house.add_organisation()
    desk = await sit_down(house, **options)
    await desk.take_over((await at_work(house, role)).portal)
    return desk


async def fill(desk, form, **typed):
    for name, text in typed.items():
        field = desk.page.locator(f"#{form}-{name}")
        if await field.evaluate("each => each.localName") == "select":
            await field.select_option(text)
        else:
            await field.fill(text)


async def register(desk):
    await fill(
        desk,
        "register",
        first_names="Piet",
        last_name="Pieters",
        date_of_birth="31-01-1980",
        document_kind="passport",
        document_ending="AB12",
        role_codes="01.015",
    )
    await desk.choose("Register")


async def test_operator_and_employee_pair_a_phone_at_one_screen(house, sit_down):
    desk = await at_desk(house, sit_down)
    await desk.open(NEW)
    await desk.sees("A new person")
    await desk.look("people-1-new")
    await register(desk)
    await desk.sees("Pair the phone now")
    await desk.look("people-2-ready")
    await desk.choose("Show the QR code")
    await desk.sees("Let the person scan this with their phone")
    await desk.look("people-3-qr")
    phone = SoftwarePhone(house.http)
    offer = await phone.scan(read_qr(read_png(await desk.page.screenshot())))
    await desk.sees("The code has been scanned")
    await phone.prove(offer)
    await desk.sees("Type the number on the person\u2019s phone")
    await desk.look("people-4-number")
    await desk.type("The four digits on the screen of the person\u2019s phone", offer.check_number)
    await desk.choose("Pair this phone")
    await desk.sees("The phone is paired")
    await desk.look("people-5-paired")

    assert await phone.wait_paired(offer)


async def test_what_is_wrong_is_said_beside_the_field_and_can_be_read(house, sit_down):
    desk = await at_desk(house, sit_down, screen=PHONE)
    desk.refusals.add(422)
    await desk.open(NEW)
    await fill(desk, "register", first_names="Piet", last_name="999993653")

    await desk.choose("Register")

    await expect(desk.page.locator("#register-last_name")).to_be_focused()
    await desk.reads("This looks like a BSN, which may not be kept here: remove it.")
    await expect(desk.page.locator("#register-last_name")).to_have_value("")
    await expect(desk.page.locator("#register-first_names")).to_have_value("Piet")
    await desk.look("people-6-wrong")


async def test_the_page_of_a_membership_can_be_read_and_changes_it(house, sit_down):
    desk = await at_desk(house, sit_down, AdministrativeRole.ADMINISTRATOR)
    await employ(house, "nina")
    await desk.open("/admin/people/nina/membership")
    await desk.look("people-7-membership")
    await fill(desk, "roles", role_codes="01.016 01.015", valid_until="31-12-2099")
    await desk.choose("Save")
    await desk.reads("Done.")

    held = await house.registry.read(lambda tx: people.membership(tx, "nina", house.holder.ura))
    assert held.role_codes == ("01.016", "01.015")
    await fill(desk, "contact", address="nina@example.nl")
    await desk.choose("Save the address")
    await expect(desk.page.locator("#contact-address")).to_have_value("nina@example.nl")
    await desk.reads("Done.")


#: Words that stand below the tile that they belong to.
STICKING_OUT = """() => [...document.querySelectorAll(".tiles li")]
    .filter(tile => tile.scrollHeight > tile.clientHeight).map(tile => tile.innerText)"""


async def test_a_list_is_looked_at_and_applied(house, sit_down):
    desk = await at_desk(house, sit_down)
    raw = HEADER + "Piet;Pieters;5-5-1985;01.015;\r\nJan;;5-5-1985;01.015;\r\n"
    await desk.open("/admin/people/import")
    await desk.look("people-8-import")
    await desk.page.locator("#list").set_input_files(
        {"name": "people.csv", "mimeType": "text/csv", "buffer": raw.encode()}
    )
    await desk.choose("Look")
    await desk.reads("Nothing has been done yet. Refused lines are left out.")
    await desk.look("people-9-report")
    assert await desk.page.evaluate(STICKING_OUT) == []
    await desk.choose("Apply exactly this")
    await desk.reads("Applied, as it was shown.")

    held = await house.registry.read(lambda tx: members.of_organisation(tx, house.holder.ura))
    assert "Piet Pieters" in [each.person.name for each in held]


async def test_what_was_asked_waits_where_it_can_be_withdrawn(house, sit_down):
    desk = await at_desk(house, sit_down)
    await desk.open(NEW)
    await fill(
        desk,
        "offer",
        uzi_number="911111111",
        first_names="Gea",
        last_name="Gast",
        role_codes="01.015",
        valid_until="31-12-2027",
    )
    await desk.choose("Ask")
    await desk.sees("What waits for an answer")
    await desk.look("people-10-offers")
    await desk.choose("Withdraw")

    await desk.reads("Nobody was asked who has not answered.")
