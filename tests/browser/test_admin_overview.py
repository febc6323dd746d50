"""The overview in a real browser: calm, or what is wrong and the list behind it."""

from datetime import timedelta
from random import Random

from playwright.async_api import expect

from pairing_server.audit.events import (
    AuthRequestApproved,
    AuthRequestDenied,
    WorkstationFirstUsed,
)
from pairing_server.clock import wire_time
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.people import AdministrativeRole
from pairing_server.signals.security_event import SUPPORTED
from tests.admin.desk import at_work, employ
from tests.admin.test_dashboard_routes import add_phone, connect, fail_to_wake
from tests.browser.desk import PHONE, Screen
from tests.oidc.test_key_certificates import EC_KEYS, certified, public

DAY = timedelta(days=1)
#: How busy the hours of a day are, from midnight on, UTC.
BUSY = (1, 0, 1, 0, 1, 3, 9, 14, 12, 11, 10, 9, 12, 11, 9, 7, 4, 3, 3, 2, 2, 4, 2, 1)


def login(kind, **evidence):
    return kind(
        actor="person:anna",
        object="auth-request:r",
        ura=evidence.pop("ura"),
        evidence={"shown": {"workstation": "Balie 2", "location": "Polikliniek"}, **evidence},
    )


async def lived(house, clock, days=9):
    """Let an organisation live for some days, up to now."""
    chance, ura = Random(7), house.holder.ura  # noqa: S311  (the same picture each time)
    clock.advance(-days * DAY)

    async def record(*events):
        await house.registry.commit(lambda tx: [tx.record(each) for each in events])

    for _ in range(days * 24):
        clock.advance(timedelta(hours=1))
        now = clock()
        logins = round(BUSY[now.hour] * chance.uniform(0.7, 1.2))
        took = [min(int(chance.lognormvariate(2.2, 0.6)), 200) for _ in range(logins)]
        signed = [{"requested_at": wire_time(now - timedelta(seconds=each))} for each in took]
        await record(*(login(AuthRequestApproved, ura=ura, signed=each) for each in signed))
        if chance.random() < 0.12:
            await record(login(AuthRequestDenied, ura=ura))
        if chance.random() < 0.05:
            await record(login(WorkstationFirstUsed, ura=ura))


async def ail(house):
    """Let things be wrong."""
    now = house.ports.clock()
    await employ(house, "anna")
    await employ(house, "carla")
    lost = {"status": CredentialStatus.BLOCKED, "status_at": now - 3 * DAY}
    await add_phone(house, "anna", 1, name="iPhone van Anna", **lost)
    await add_phone(house, "carla", 1, expires_at=now + 12 * DAY)
    await add_phone(house, "anna", 2, expires_at=now + 5 * DAY)
    await fail_to_wake(house, await add_phone(house, "carla", 2))
    heard = {"events_requested": SUPPORTED, "heard_at": now - timedelta(minutes=4)}
    away = {"failing_since": now - DAY, "attempts": 31, "last_error": "timeout"}
    late = heard | away | {"heard_at": now - DAY}
    await connect(house, "lab", house.holder.ura, public(EC_KEYS[1]), **late)
    await connect(house, "his", house.holder.ura, certified(EC_KEYS[0], now + 12 * DAY), **heard)
    for _ in range(9):
        event = login(AuthRequestDenied, ura=house.holder.ura)
        await house.registry.commit(lambda tx, event=event: tx.record(event))


async def test_what_is_wrong_leads_to_the_list_behind_it(house, sit_down, clock):
    await house.add_organisation()
    await lived(house, clock)
    await ail(house)
    desk = await sit_down(house)
    await desk.take_over((await at_work(house, AdministrativeRole.ADMINISTRATOR)).portal)

    await walk(desk)


async def walk(desk):
    await desk.open("/admin/")
    await expect(desk.page.locator(".verdict.wrong")).to_be_visible()
    await desk.look("admin-10-wrong")
    await desk.page.locator(".figures summary").first.click()
    await expect(desk.page.locator(".numbers").first.get_by_role("row")).to_have_count(25)
    await desk.look()
    await desk.page.locator(".tiles a").first.focus()
    await desk.page.keyboard.press("Enter")
    await desk.sees("Phones that are blocked")
    await desk.look("admin-11-phones")
    await desk.choose("Cannot be woken")
    await desk.sees("Phones that cannot be woken")
    await desk.look("admin-12-unreachable")
    await desk.open("/admin/")
    await desk.page.get_by_role(
        "link", name=desk.say("Systems whose certificate expires within 30 days")
    ).click()
    await desk.sees("Connected systems")
    await expect(desk.page.get_by_text(desk.say("within 30 days"))).to_be_visible()
    await desk.look("admin-33-certificates")


async def test_where_nothing_is_wrong_it_says_so_on_a_small_screen_in_the_dark(house, sit_down):
    await house.add_organisation()
    screen = Screen(PHONE.width, PHONE.height, theme="dark", language="en-GB")
    desk = await sit_down(house, screen)
    await desk.take_over((await at_work(house, AdministrativeRole.SERVICE_DESK)).portal)

    await desk.open("/admin/")

    await desk.reads("Nothing needs attention.")
    await expect(desk.page.locator(".verdict.wrong")).to_have_count(0)
    await desk.look()


async def test_hours_are_those_of_the_readers_clock(house, sit_down, clock):
    await house.add_organisation()
    desk = await sit_down(house)
    await desk.take_over((await at_work(house, AdministrativeRole.OPERATOR)).portal)
    await desk.open("/admin/")

    first = desk.page.locator("[data-hour]").first
    at = await first.get_attribute("data-hour")
    there = await desk.page.evaluate("at => new Date(at).getHours()", at)

    await expect(first).to_have_text(f"{there:02}")
    await desk.reads("hours in your time")
