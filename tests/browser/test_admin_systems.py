"""An administrator connects a system that hears over TLS, sees it hear, and takes it away."""

from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from playwright.async_api import expect

from pairing_server.registry import streams
from pairing_server.registry.people import AdministrativeRole
from tests.admin.desk import at_work
from tests.browser.desk import PHONE, Screen
from tests.oidc.endpoint import listening
from tests.signals.story import AUTHORITY, client_calls, listener


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Let the tests say when something is sent, from before the house's own server runs."""
    monkeypatch.setattr("pairing_server.signals.transmitter.EVERY", timedelta(hours=1))


@asynccontextmanager
async def system(house):
    """A system that is registered with where it hears."""
    async with listening(AUTHORITY.context()) as endpoint, client_calls() as calls:
        endpoint.answers[:] = [202]
        yield await listener(house, endpoint, calls)


async def stream_of(house, heard):
    return await house.registry.read(lambda tx: streams.of_client(tx, heard.id))


async def walk(desk, heard):
    await desk.open("/admin/organisation")
    await desk.look("admin-30-organisation")
    await desk.page.locator("#hardware").check()
    await desk.choose("Save which phones")
    await desk.reads("Saved.")
    await expect(desk.page.locator("#hardware")).to_be_checked()
    await desk.choose("Connected systems")
    await desk.sees("Connected systems")
    await desk.look("admin-31-systems")
    await desk.tab_to("Tell this system")
    await desk.page.keyboard.press("Enter")
    await desk.reads("Is told")
    await desk.choose("Send a test event")
    await desk.reads("A test event is on its way: whether it arrived stands here in a moment.")
    while not heard.endpoint.heard:
        await heard.send()
    await desk.open("/admin/organisation/systems")
    await expect(desk.page.get_by_text(desk.say("arrived")).last).to_be_visible()
    await desk.look("admin-32-told")
    await desk.choose("Pause")
    await desk.reads("Paused")
    await desk.choose("Tell it again")
    await desk.reads("Is told")


async def test_a_system_is_connected_tested_paused_and_removed(house, sit_down):
    await house.add_organisation()
    async with system(house) as heard:
        desk = await sit_down(house)
        await desk.take_over((await at_work(house, AdministrativeRole.ADMINISTRATOR)).portal)

        await walk(desk, heard)

        assert heard.told()[0][0] == "verification"
        await desk.page.locator("summary").click()
        await desk.look()
        await desk.choose("Remove")
        await expect(desk.control("Tell this system")).to_be_visible()
        assert await stream_of(house, heard) is None


async def test_a_system_that_does_not_hear_says_why_on_a_small_screen(house, sit_down):
    await house.add_organisation()
    screen = Screen(PHONE.width, PHONE.height, theme="dark", language="en-GB")
    async with system(house) as heard:
        heard.endpoint.answers[:] = [500]
        desk = await sit_down(house, screen)
        await desk.take_over((await at_work(house, AdministrativeRole.ADMINISTRATOR)).portal)
        await desk.open("/admin/organisation/systems")
        await desk.choose("Tell this system")
        await desk.choose("Send a test event")
        while (await stream_of(house, heard)).failing_since is None:
            await heard.send()

        await desk.open("/admin/organisation/systems")

        await desk.reads("Does not hear")
        await expect(desk.page.get_by_text("status_500")).to_be_visible()
        await desk.look()
