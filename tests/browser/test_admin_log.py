"""The log in a real browser: filters, a person, one event, an export; also without a script."""

from datetime import timedelta

import pytest_asyncio
from playwright.async_api import expect

from pairing_server.audit.checkpoint import verifier
from pairing_server.audit.csv_form import csv_lines
from pairing_server.audit.events import AuthRequestApproved
from pairing_server.audit.export import verify_lines
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import ELSEWHERE, at_work, employ, id_of
from tests.approvals.desk import Desk as Workstation
from tests.browser.desk import PHONE, Screen


@pytest_asyncio.fixture(loop_scope="session")
async def ward(house):
    """Somebody who approved logins here, and one at another organisation."""
    phone = await house.bind(await house.registered())
    desk = Workstation(house, phone, await house.workstation(), house.client_id)
    await desk.approved()
    await desk.approved()
    person = await id_of(house, house.holder)
    await employ(house, person, ura=ELSEWHERE)
    used = AuthRequestApproved(
        actor=f"person:{person}",
        object="auth-request:r",
        ura=ELSEWHERE,
        evidence={"credential": phone.credential_id, "signed": {"workstation": "Geheim"}},
    )
    await house.registry.commit(lambda tx: tx.record(used))
    return person


@pytest_asyncio.fixture(loop_scope="session")
async def jwks(house):
    async with house.http.get(f"{house.base_url}/jwks.json") as answer:
        return (await answer.json())["keys"]


async def rows(desk):
    return desk.page.locator("tbody tr")


async def walk(desk, house):
    """From the whole log to one event of one person."""
    await desk.open("/admin/log")
    await desk.sees("Log")
    await desk.look("admin-20-log")
    await desk.type("UZI number or user name", house.holder.uzi_number)
    await desk.choose("Show this person")
    name = f"{house.holder.first_names} {house.holder.last_name}"
    await desk.reads("Person: %(value)s", value=name)
    await desk.look("admin-21-person")
    label = desk.say("What")
    await desk.page.get_by_label(label, exact=True).select_option("AuthRequestApproved")
    await desk.choose("Show")
    await expect(await rows(desk)).to_have_count(3)
    await desk.reads("At another organisation")
    await desk.look("admin-22-filtered")
    await expect(desk.page.get_by_text("Geheim")).to_have_count(0)
    await desk.page.locator("tbody a").first.click()
    await desk.sees("A login was approved on the phone")
    await desk.reads("Hash of this event")
    await desk.look("admin-23-event")


async def test_an_administrator_finds_an_event_and_exports_what_is_shown(
    house, sit_down, ward, jwks
):
    desk = await sit_down(house)
    await desk.take_over((await at_work(house, AdministrativeRole.ADMINISTRATOR)).portal)
    await walk(desk, house)

    await desk.page.go_back()
    async with desk.page.expect_download() as coming:
        await desk.page.get_by_role("button", name="CSV").click()
    file = await (await coming.value).path()

    with file.open(encoding="utf-8", newline="") as stream:
        assert verify_lines(csv_lines(stream), verifier(jwks)) == []
    text = file.read_text(encoding="utf-8")
    assert text.count("\nevent,") == 2
    assert desk.say("A login was approved on the phone") in text
    assert ELSEWHERE not in text


async def test_an_operator_on_a_small_screen_in_the_dark_takes_a_filter_away(
    house, sit_down, ward
):
    screen = Screen(PHONE.width, PHONE.height, theme="dark", language="en-GB")
    desk = await sit_down(house, screen)
    await desk.take_over((await at_work(house, AdministrativeRole.OPERATOR)).portal)
    day = (house.ports.clock() - timedelta(days=3)).date().isoformat()
    await desk.open(f"/admin/log?person={ward}&kind=logins&until={day}")
    await desk.reads("There are no such events.")
    await desk.look()

    await desk.page.get_by_role("link", name=desk.say("Up to %(value)s", value=day)).click()

    await expect(await rows(desk)).not_to_have_count(0)
    await expect(desk.page.get_by_role("button", name="CSV")).to_have_count(0)
