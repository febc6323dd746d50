"""The login page's own steps: who logs in is who was asked for, and races have one winner."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta

import jwt
import pytest

from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.approvals.scan import ScanFlow
from pairing_server.errors import Conflict
from pairing_server.keys.policy import server_policy
from pairing_server.oidc.authorization import AuthorizationFlow
from pairing_server.oidc.browser_login import Progress
from pairing_server.oidc.browser_logins import BrowserLogins, View
from pairing_server.oidc.known_people import KnownPeople
from pairing_server.oidc.refusals import InvalidGrant
from pairing_server.ports import Ports
from pairing_server.push.dispatch import Dispatch
from pairing_server.qr.login import LoginQrFlow
from pairing_server.qr.rotating import parse
from tests.doubles import StalledStore
from tests.oidc.browser import PAGE, login_page
from tests.oidc.client import BareClient
from tests.oidc.flows import issuer


@pytest.fixture
async def page(house, program):
    return await (await login_page(house, program)).open()


def flow_on(house, stores, store):
    """The server's own steps, on a Store that does what a test wants."""
    ports = house.ports
    ports = Ports(ports.registry, store, ports.clock, ports.random)
    policy = server_policy(house.settings)
    approvals = ApprovalFlow(ports, Dispatch(ports, {}), house.rp(), policy)
    issued_by = issuer(ports, approvals, stores, house.settings)
    return BrowserLogins(
        ports,
        approvals,
        AuthorizationFlow(ports, approvals, issued_by, base_url=house.base_url),
        issued_by,
        LoginQrFlow(ports, ScanFlow(ports), base_url=house.base_url),
        KnownPeople(ports, policy),
    )


async def test_a_tab_that_went_another_way_meanwhile_keeps_the_other_from_finishing(
    house, page, phone, stores
):
    """The code would be for an approval that the page does not show any more."""
    await page.approve(phone)
    store = StalledStore(house.store, lambda: page.act("qr"))
    with pytest.raises(Conflict):
        await flow_on(house, stores, store).finish(await page.record())

    assert store.stalled


async def test_a_finish_between_another_way_and_its_writing_wins(house, page, phone, stores):
    await page.approve(phone)
    login = await page.record()
    sent = []

    async def finish():
        sent.append(await page.answer())

    store = StalledStore(house.store, finish)
    with pytest.raises(Conflict):
        await flow_on(house, stores, store).show_qr(login)

    assert store.stalled
    assert "code" in sent[0]
    assert await page.progress() == "finished"


async def test_a_revocation_between_approval_and_code_leaves_nothing(house, page, phone, stores):
    """The block comes after the page has seen the approval, and before the code is written."""
    await page.approve(phone)

    async def block():
        await house.phone_status().block(phone.credential_id, "operator:test")

    store = StalledStore(house.store, block)
    uri = await flow_on(house, stores, store).finish(await page.record())

    assert store.stalled
    code = uri.partition("code=")[2].partition("&")[0]
    assert (await page.exchange(code))[1]["error"] in {"invalid_grant", "access_denied"}


async def hinted(page, phone):
    tokens = await page.tokens(phone)
    return tokens["id_token"]


async def test_who_logs_in_is_who_the_program_insists_on(house, page, phone, another_phone):
    hint = await hinted(page, phone)
    sub = jwt.decode(hint, options={"verify_signature": False})["sub"]
    claims = f'{{"id_token": {{"sub": {{"value": "{sub}"}}}}}}'
    for insisted in ({"id_token_hint": hint}, {"claims": claims}):
        await page.open(**insisted)
        await page.approve(another_phone)
        assert (await page.answer())["error"] == "login_required"
        await page.open(**insisted)
        await page.approve(phone)
        assert "code" in await page.answer()


@pytest.fixture
async def another_phone(house):
    colleague = replace(house.holder, uzi_number="900000777", first_names="Bo")
    return await house.bind(await house.registered(colleague))


async def test_a_hint_of_another_client_is_refused(house, page, phone):
    hint = await hinted(page, phone)
    claims = jwt.decode(hint, options={"verify_signature": False})
    foreign = await house.stores.keys.sign({**claims, "aud": "other"})
    for token in (foreign, hint[:-4] + "AAAA", "x"):
        shown = await page.authorize(id_token_hint=token)
        assert "error=invalid_request" in shown.location


async def test_single_claims_are_told_where_they_were_asked_for(house, page, phone):
    claims = '{"id_token": {"name": null}, "userinfo": {"role_code": null}}'
    await page.open(scope="openid", claims=claims)
    tokens = await page.tokens(phone)
    told = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    _, info = await page.client.userinfo(tokens["access_token"])

    holder = house.holder
    assert told["name"] == f"{holder.first_names} {holder.last_name}"
    assert "role_code" not in told
    assert set(info) == {"sub", "role_code"}


async def test_under_the_nl_gov_profile_no_amr_is_told(house, phone):
    await house.workstation(redirect_uris=(PAGE,), profile="nl-gov")
    client = BareClient(house, house.client_id, house.client_key)
    page = await (await login_page(house, client)).open()
    tokens = await page.tokens(phone)
    told = jwt.decode(tokens["id_token"], options={"verify_signature": False})

    assert "amr" not in told
    assert told["acr"].startswith("http://eidas.europa.eu/LoA/")
    assert told["exp"] - told["iat"] <= 300


async def test_the_code_of_another_grant_is_not_this_ones(house, page, phone, program):
    """An approval at the login page is redeemed by its code alone."""
    await page.approve(phone)
    login = await page.record()
    form = {
        "grant_type": "urn:openid:params:grant-type:ciba",
        "auth_req_id": login.auth_req_id,
    }
    assert (await program.post("/token", form))[1]["error"] == InvalidGrant.code


async def test_the_first_frame_is_one_that_a_phone_takes(house, page, phone, stores):
    view = await flow_on(house, stores, house.store).look(await page.record())

    assert parse(view.link).t == 0
    assert await phone.scan_login(view.link)


async def test_a_server_that_stops_ends_the_stream(house, page, stores):
    flow = flow_on(house, stores, house.store)
    async with aclosing(flow.watch(await page.record())) as news, asyncio.timeout(20):
        first = await anext(news)
        flow.drain()
        rest = [each async for each in news]

    assert isinstance(first, View)
    assert len(rest) <= 1


async def test_a_page_that_waits_hears_that_it_still_does(house, page, stores):
    flow = flow_on(house, stores, house.store)
    heard = []
    async with aclosing(flow.watch(await page.record())) as news, asyncio.timeout(20):
        async for each in news:
            if isinstance(each, View):
                heard.append(each.progress)
                house.ports.clock.advance(timedelta(seconds=20))
            if len(heard) == 3:
                break
    assert heard == [Progress.SCAN] * 3
