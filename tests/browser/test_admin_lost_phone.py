"""The lost phone at three in the morning, in a real browser: found, blocked, recorded, settled."""

import asyncio
import re
from contextlib import suppress
from datetime import timedelta

import pytest_asyncio
from playwright.async_api import expect

from clients.card_profile import Holder
from clients.pairing import Device
from clients.wire import WireError
from pairing_server.registry import organisations
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import ELSEWHERE, employ, id_of, set_role
from tests.approvals.desk import Desk as Workstation
from tests.approvals.desk import held
from tests.browser.desk import PHONE, Screen
from tests.browser.login_page import scanned

BEA = {"uzi_number": "900004321", "first_names": "Bea", "last_name": "Beheerder"}


@pytest_asyncio.fixture(loop_scope="session")
async def night(house):
    """Somebody whose phone is gone, and an administrator with a phone of her own."""
    return await called(house)


async def called(house):
    holder = house.holder
    phone = await house.bind(await house.registered(), device=Device("ios", "iPhone 16"))
    desk = Workstation(house, phone, await house.workstation(), house.client_id)
    await desk.approved()
    await employ(house, await id_of(house, holder), ura=ELSEWHERE)
    place = {"ura": holder.ura, "organisation_name": holder.organisation_name}
    bea = Holder(**BEA, **place)
    key = await house.bind(await house.registered(bea), device=Device("android", "Pixel 9"))
    await set_role(house, await id_of(house, bea), AdministrativeRole.ADMINISTRATOR)
    earns = {"synced": "substantial"}
    await house.registry.commit(lambda tx: organisations.set_key_policy(tx, holder.ura, earns))
    return desk, key


async def approve(desk, key):
    """Scan the login page's code, and approve; a slow machine reads one that is over already."""
    await desk.sees("Scan the QR code with your phone")
    for _ in range(5):
        with suppress(WireError):
            return await key.approve(await scanned(desk, key))
    raise AssertionError("no code could be scanned in time")


async def log_in(desk, house, key):
    await desk.open("/admin/")
    await desk.sees("Log in to administer")
    await desk.look("admin-01-login")
    if await desk.page.get_by_label(desk.say("URA number of your organisation")).count():
        await desk.type("URA number of your organisation", house.holder.ura)
    await desk.choose("Go on to log in")
    await approve(desk, key)
    await desk.sees("Overview")
    await desk.look("admin-02-overview")


async def find(desk):
    """Press "/", type a part of the name, and Enter: no mouse."""
    await desk.page.keyboard.press("/")
    await expect(desk.page.locator("[data-search]")).to_be_focused()
    await desk.page.keyboard.type(desk.house.holder.last_name.lower())
    await desk.page.keyboard.press("Enter")
    await desk.page.wait_for_url(re.compile("/admin/people/"))


async def ask_after(desk, moment):
    field = desk.page.locator("#lost")
    shown = await desk.page.evaluate(
        "at => { const t = new Date(at); t.setMinutes(t.getMinutes() - t.getTimezoneOffset());"
        " return t.toISOString().slice(0, 16); }",
        moment.isoformat(),
    )
    await field.fill(shown)
    await desk.choose("Was it used after that?")


async def walk(desk, house, workstation, key, clock):
    """Go through the procedure, from the call to the end of the key."""
    await log_in(desk, house, key)
    await find(desk)
    await desk.reads("Block at all organisations")
    await desk.look("admin-03-person")
    await ask_after(desk, clock() + timedelta(minutes=1))
    await desk.reads("Not used after the loss. Block it; when it is found, unblock it.")
    await ask_after(desk, clock() - timedelta(minutes=30))
    await desk.reads("Used after the loss: somebody logged in with it. Revoke it.")
    await desk.look("admin-04-used")
    await block(desk, workstation)
    await desk.look("admin-05-blocked")
    await desk.choose("Record to print")
    await desk.sees("Record of a lost phone")
    await desk.look("admin-06-record")
    await desk.choose("Back")
    await unblock(desk, workstation)
    clock.advance(timedelta(minutes=6))
    await revoke(desk, key)


async def block(desk, workstation):
    started, _ = await workstation.ask()
    waiting = await held(workstation.outcome(started, wait=20))
    await desk.choose("Block at all organisations")
    async with asyncio.timeout(5):
        assert await waiting == "revoked"
    await desk.reads(
        "%(phone)s is blocked: it opens nothing, at any organisation.", phone="iPhone 16"
    )


async def unblock(desk, workstation):
    await desk.choose("It was found: unblock")
    await desk.sees("Unblock a phone")
    await desk.look("admin-07-unblock")
    code = await desk.page.locator(".code").inner_text()
    await workstation.phone.unblock(code.replace(" ", ""))
    await desk.choose("See whether it works again")
    await desk.reads("%(phone)s works again.", phone="iPhone 16")


async def revoke(desk, key):
    desk.refusals.add(401)
    await desk.choose("Revoke for good")
    await desk.sees("Confirm first")
    await desk.look("admin-08-confirm")
    await desk.choose("Confirm with phone or card")
    await approve(desk, key)
    await desk.reads("Revoke for good")
    await desk.choose("Revoke for good")
    await desk.reads(
        "%(phone)s is revoked, for good. Its holder pairs a phone anew.", phone="iPhone 16"
    )
    await desk.look("admin-09-revoked")


async def test_a_lost_phone_is_blocked_recorded_found_and_ended(house, sit_down, night, clock):
    workstation, key = night
    desk = await sit_down(house)
    desk.refusals.add(401)

    await walk(desk, house, workstation, key, clock)


async def test_the_service_desk_blocks_on_a_small_screen_in_the_dark(house, sit_down, night):
    workstation, key = night
    bea = await id_of(house, Holder(**BEA))
    await set_role(house, bea, AdministrativeRole.SERVICE_DESK)
    desk = await sit_down(house, Screen(PHONE.width, PHONE.height, theme="dark", language="en-GB"))
    await log_in(desk, house, key)

    await desk.page.locator("[data-search]").fill(house.holder.uzi_number)
    await desk.choose("Find")
    await desk.reads("Block at all organisations")
    await expect(desk.control("Revoke for good")).to_have_count(0)
    await block(desk, workstation)

    await expect(desk.control("It was found: unblock")).to_have_count(0)
    await desk.look()
