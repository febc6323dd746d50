"""The page keeps its cookie, sends its origin, and finishes its own sessions alone."""

import json

import pytest

from clients.desktop import Card, DesktopAgent
from clients.portal import PortalPage
from clients.wire import WireError


@pytest.fixture(scope="module")
def card(card_file):
    return Card.from_pkcs12(card_file, "1234")


@pytest.fixture
async def page(stand_in):
    async with PortalPage(stand_in.base) as page:
        yield page


async def test_another_browser_cannot_complete(http, page, stand_in, card):
    session = await page.start_session("login")
    return_uri = await DesktopAgent(http, [stand_in.base]).prove(session.agent_uri, card)
    async with PortalPage(stand_in.base) as other:
        await other.start_session("login")
        with pytest.raises(WireError) as refused:
            await other.complete(return_uri)
    assert refused.value.status == 403


async def test_a_page_opens_return_uris_of_its_own_server_alone(page):
    with pytest.raises(ValueError, match="return URI"):
        await page.complete("https://evil.example/uzi/return#a.b")


async def test_the_page_sends_its_origin_and_keeps_its_cookie(page, stand_in):
    await page.start_session("login")
    await page.registration("1980-01-31")
    headers = stand_in.seen[-1][2]
    assert headers["Origin"] == stand_in.base
    assert headers["Cookie"].startswith("browser=")
    assert json.dumps(stand_in.seen).count('"Cookie"') == 1
