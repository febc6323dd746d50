"""A UZI card at the login page: it answers for its holder, in the browser that asked for it."""

from dataclasses import replace
from html import unescape

import jwt
import pytest

from clients.wire import WireError
from pairing_server.settings import AssuranceLevel
from tests.oidc.browser import PAGE, login_page
from tests.oidc.client import BareClient


@pytest.fixture
async def page(house, program):
    return await (await login_page(house, program)).open()


async def asked(page):
    """Ask for a card; what opens the desktop agent."""
    shown = await page.act("card")
    assert shown.status == 200
    (link,) = [each for each in shown.page.all("a") if "data-open" in each.attributes]
    return unescape(link["href"])


async def show(page, uri, holder=None):
    """Show a card to the desktop agent, and come back in the browser; where it goes on."""
    house = page.house
    card = house.register.card(holder or house.holder)
    return_uri = await house.agent().prove(uri, card)
    return (await page.visitor.portal.complete(return_uri))["next"]


async def test_a_card_logs_in_and_the_assertion_says_so(house, page):
    uri = await asked(page)
    assert await page.progress() == "card"
    assert await show(page, uri) == page.path
    status, tokens = await page.exchange((await page.answer())["code"])

    claims = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    assert (status, claims["acr"], claims["amr"]) == (200, AssuranceLevel.HIGH, ["sc", "mfa"])
    assert claims["uzi_number"] == house.holder.uzi_number
    assert (await page.client.userinfo(tokens["access_token"]))[0] == 200
    (event,) = [e for e in await house.events() if e["action"] == "AuthRequestApprovedByCard"]
    assert "signature" in str(event["evidence"])


async def test_the_card_holder_is_told_which_program_and_where(house, page):
    shown = await page.act("card")
    host = house.settings.host
    assert f"Ik log in bij HIS via {host} met mijn UZI-pas." in shown.text


async def test_nothing_of_the_portal_is_opened(house, page):
    """A session of the portal would stay in the workstation's browser."""
    await show(page, await asked(page))

    assert page.visitor.cookie("session") is None
    assert (await page.visitor.get("/portal/details")).status == 401


async def test_another_browser_cannot_finish_it(house, page, program):
    uri = await asked(page)
    return_uri = await house.agent().prove(uri, house.register.card(house.holder))
    other = await (await login_page(house, program)).open()

    with pytest.raises(WireError) as caught:
        await other.visitor.portal.complete(return_uri)
    assert caught.value.error == "wrong_browser"
    assert await page.progress() == "card"


@pytest.mark.parametrize("act", ["qr", "card"])
async def test_a_card_that_comes_after_another_way_was_chosen_logs_nobody_in(page, act):
    uri = await asked(page)
    await page.act(act)

    with pytest.raises(WireError) as caught:
        await show(page, uri)
    assert caught.value.status == 404
    assert await page.progress() in {"scan", "card"}


async def test_a_card_of_nobody_there_is_told_so(house, page):
    stranger = replace(house.holder, uzi_number="900000999", first_names="Bo")
    uri = await asked(page)

    with pytest.raises(WireError) as caught:
        await show(page, uri, stranger)
    assert caught.value.error == "not_known_there"
    assert await page.progress() == "card"


async def test_a_card_for_the_portal_finishes_no_login(house, page):
    session = await page.visitor.portal.start_session("login")
    answer = await page.visitor.portal.prove(
        session, house.agent(), house.register.card(house.holder)
    )
    assert "next" not in answer
    assert await page.progress() == "scan"


async def test_a_level_that_only_a_card_has_is_reached_by_a_card_alone(house, page, phone):
    high = f'{{"id_token": {{"acr": {{"essential": true, "value": "{AssuranceLevel.HIGH}"}}}}}}'
    await page.open(claims=high)
    await page.approve(phone)
    assert (await page.answer())["error"] == "unmet_authentication_requirements"
    await page.open(claims=high)
    await show(page, await asked(page))
    assert "code" in await page.answer()


async def test_a_phone_that_is_lost_ends_no_login_by_card(house, page, phone):
    await show(page, await asked(page))
    await house.phone_status().block(phone.credential_id, "operator:test")
    assert (await page.exchange((await page.answer())["code"]))[0] == 200


async def test_a_second_program_is_asked_for_by_its_own_name(house, page):
    await house.workstation("Laboratorium", redirect_uris=(PAGE,))
    client = BareClient(house, house.client_id, house.client_key)
    other = await (await login_page(house, client)).open()
    assert "Ik log in bij Laboratorium via" in (await other.act("card")).text
