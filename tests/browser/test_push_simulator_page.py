"""The simulator's page in a browser: what arrives is shown as text, at any width."""

import json
import re

import pytest
import pytest_asyncio

from clients.push_simulator import Arrival
from clients.push_simulator.page import ArrivalPage

PAYLOAD = {
    "aps": {"alert": {"body": "Er is een inlogverzoek"}, "interruption-level": "time-sensitive"},
    "id": "<img src=x onerror=alert(1)>",
    "kind": "request",
    "tag": "t" * 22,
}
HEADERS = {"apns-priority": "10", "apns-collapse-id": "t" * 22, "apns-expiration": "1795718827"}


def arrival(*, is_taken=True):
    return Arrival("apns", "f00d", HEADERS, json.dumps(PAYLOAD).encode(), is_taken)


@pytest_asyncio.fixture(loop_scope="session")
async def shown(browser):
    """Open the page at a width, with two arrivals on it."""
    async with ArrivalPage(lambda _: {"endpoint": "https://localhost/push/1"}).running() as served:
        contexts = []

        async def show(width):
            context = await browser.new_context(viewport={"width": width, "height": 800})
            contexts.append(context)
            page = await context.new_page()
            await page.goto(served.url)
            served.note(arrival())
            served.note(arrival(is_taken=False))
            await page.locator("#arrivals tr").nth(1).wait_for()
            return page

        yield show
        for context in contexts:
            await context.close()


async def test_an_arrival_is_told_by_its_line_and_the_newest_is_first(shown):
    page = await shown(1366)
    newest, oldest = await page.locator("#arrivals tr").all()

    assert await newest.locator(".outcome").inner_text() == "refused"
    assert await oldest.locator(".outcome").inner_text() == "taken"
    assert await oldest.locator(".line").inner_text() == "Er is een inlogverzoek"
    assert "<img src=x" in await oldest.locator(".gets").inner_text()
    assert await page.locator("img").count() == 0
    moments = await oldest.locator("time").all_inner_texts()
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", moment) for moment in moments)
    assert len(moments) == 2


@pytest.mark.parametrize("width", [320, 360, 1366])
async def test_nothing_stands_beside_the_screen(shown, width):
    page = await shown(width)
    await page.get_by_role("button", name="Make a subscription").click()
    await page.locator("#command").wait_for()

    assert await page.evaluate("document.documentElement.scrollWidth") <= width
