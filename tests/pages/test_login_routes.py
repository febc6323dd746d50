"""The login page on the wire: whose it is, what it shows, how it is left, and what remains."""

import asyncio
import re
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from pairing_server.approvals.auth_request import DEFAULT_LIFETIME, FETCHED_BY
from pairing_server.oidc import browser_login
from pairing_server.pages.login_routes import MOST_TABS, PERSON_COOKIE, WORKSTATION_COOKIE
from pairing_server.registry.client_metadata import ClientMetadata
from tests.oidc.browser import BYE, PAGE, answer_in, login_page
from tests.oidc.client import BareClient


@pytest.fixture
async def phone(house):
    return await house.bind()


@pytest.fixture
async def program(house, phone):
    await house.workstation(
        "Huisartsenprogramma",
        redirect_uris=(PAGE,),
        metadata=ClientMetadata(post_logout_redirect_uris=(BYE,)),
    )
    return BareClient(house, house.client_id, house.client_key)


@pytest.fixture
async def page(house, program):
    return await (await login_page(house, program)).open()


@pytest.fixture
async def known(house, page, phone):
    """A browser in which the phone's person has logged in before."""
    await page.tokens(phone)
    return await page.open()


#: What the page's own policy allows by its hash, and no other page has.
INLINE = "<style> {}"


def secrets_of(record):
    return (record.auth_req_id, record.code, record.place.browser)


async def test_the_page_says_where_one_logs_in_and_shows_a_code(page):
    shown = await page.look()

    assert shown.page.heading == "Log in to Huisartsenprogramma"
    assert shown.page.mistakes == [INLINE]
    assert 'role="img"' in shown.text


async def test_no_secret_is_in_the_page_or_in_what_it_hears(page):
    record = await page.record()
    heard = []
    async with page.news() as news:
        async for each in news:
            heard.append(str(each))
            if len(heard) == 3:
                break
    text = (await page.look()).text + "".join(heard)

    assert [each for each in secrets_of(record) if each in text] == []


async def test_the_first_paint_waits_for_no_other_request(page):
    shown = await page.look()

    head = shown.text.partition("<body>")[0]
    assert "<style>" in head
    assert 'rel="stylesheet"' not in shown.text
    assert re.findall(r"<script(?! type=\"module\")", shown.text) == []
    (policy,) = [
        each for each in shown.headers["Content-Security-Policy"].split("; ") if "style" in each
    ]
    assert policy.startswith("style-src 'sha256-")
    assert "unsafe" not in shown.headers["Content-Security-Policy"]


async def test_a_page_is_of_the_browser_that_began_it(house, page):
    """What fixes a session: a link to a login that somebody else has begun."""
    other = await login_page(house, page.client)
    other.path = page.path
    assert (await other.look()).status == 404
    assert (await other.act("qr")).status == 404
    assert (await other.act("cancel")).status == 404
    async with other.visitor.portal._http.get(f"{house.base_url}{page.path}/events") as stream:
        assert stream.status == 404
    # Also one with a login of its own.
    own = await (await login_page(house, page.client)).open()
    own.path = page.path
    shown = await own.look()
    assert (shown.status, shown.page.heading) == (404, "This login is not there any more")


async def test_one_login_is_followed_in_a_few_tabs_and_then_by_coming_back(house, page):
    """Or one stranger's page would have every stream that its client may have."""
    url = f"{house.base_url}{page.path}/events"
    async with AsyncExitStack() as tabs, asyncio.timeout(20):
        for _ in range(MOST_TABS):
            stream = await tabs.enter_async_context(page.visitor.portal._http.get(url))
            assert await stream.content.readline() == b"event: progress\n"
        async with page.visitor.portal._http.get(url) as last:
            assert (await last.text()).count("event: ") == 1
        assert not stream.content.at_eof()


async def test_whoever_approves_logs_in_the_browser_that_began_it_and_no_other(house, page, phone):
    other = await (await login_page(house, page.client)).open()
    await page.approve(phone)

    assert await other.progress() == "scan"
    assert "code" in await page.answer()


async def test_acts_come_from_the_page_alone(page):
    """Login CSRF: another site makes the browser cancel, or ask somebody."""
    before = await page.record()
    for origin in ("https://evil.example", None, "null"):
        page.visitor.origin = origin
        for act in ("cancel", "qr", "send", "card", "forget"):
            assert (await page.act(act, name="x")).status == 403
    assert await page.record() == before


async def test_a_login_is_followed_to_its_end(page, phone):
    async with page.news() as news:
        heard = [await anext(news), await anext(news)]
        await page.approve(phone)
        heard += [each async for each in news if each[0] == "progress"]

    assert [name for name, _ in heard[:2]] == ["progress", "frame"]
    told = [said["progress"] for name, said in heard if name == "progress"]
    assert told == ["scan", "taken", "approved"]
    assert heard[0][1]["code"] == ""


async def test_what_was_opened_by_its_link_is_typed(page, phone):
    """Any page can open a link: the code shows that the person is here."""
    identifier = await phone.scan_login(await page.link(), via="link")
    told = await page.until("type")

    assert re.fullmatch(r"\d{6}", told["code"])
    assert told["code"][:3] in (await page.look()).text
    await phone.approve(await phone.get(identifier), told["code"])
    assert "code" in await page.answer()


@pytest.mark.parametrize("reason", ["not_me", "other"])
async def test_a_refusal_is_told_and_another_try_is_the_same_login(page, phone, reason):
    request = await phone.get(await phone.scan_login(await page.link()))
    await phone.answer(request.id, {"decision": "deny", "reason": reason})
    assert await page.progress() == "denied"

    assert (await page.act("qr")).location == page.path
    assert await page.progress() == "scan"
    await page.approve(phone)
    assert (await page.answer())["state"] == page.attempt.state


async def test_three_wrong_codes_are_told(page, phone):
    identifier = await phone.scan_login(await page.link(), via="link")
    code = (await page.until("type"))["code"]
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for number in range(3):
        request = await phone.get(identifier)
        with pytest.raises(Exception, match="wrong_code"):
            await phone.approve(request, f"{(int(wrong) + number) % 10**6:06}")

    assert await page.progress() == "wrong_code"


async def test_a_code_that_nobody_scans_runs_out(house, page):
    house.ports.clock.advance(browser_login.LIFETIME / 2)
    assert await page.progress() == "expired"
    await page.act("qr")
    assert await page.progress() == "scan"
    house.ports.clock.advance(browser_login.LIFETIME)
    assert (await page.act("qr")).status == 404


async def test_a_block_is_told_and_nothing_is_opened(house, page, phone):
    await page.approve(phone)
    await house.phone_status().block(phone.credential_id, "operator:test")

    assert await page.progress() == "revoked"
    await page.act("qr")
    assert await page.progress() == "scan"


async def test_two_tabs_of_one_login_take_one_answer_to_the_program(page, phone):
    await page.approve(phone)
    shown = await asyncio.gather(*(page.look() for _ in range(4)))

    sent = [each for each in shown if each.status == 303]
    assert len(sent) == 1
    assert [each.status for each in shown if each not in sent] == [200, 200, 200]
    assert await page.progress() == "finished"
    assert (await page.act("qr")).status == 409
    assert (await page.act("cancel")).status == 409


async def test_two_logins_of_one_browser_do_not_touch_each_other(house, page, phone):
    other = replace(page, attempt=type(page.attempt)())
    await other.open()
    await page.approve(phone)

    assert await other.progress() == "scan"
    assert (await page.answer())["state"] == page.attempt.state
    await other.approve(phone)
    assert (await other.answer())["state"] == other.attempt.state


async def test_who_cancels_goes_back_without_a_login(page, phone):
    link = await page.link()
    answer = answer_in(await page.act("cancel"))

    assert (answer["error"], answer["state"]) == ("access_denied", page.attempt.state)
    with pytest.raises(Exception, match=r"not_found|conflict|expired"):
        await phone.approve(await phone.get(await phone.scan_login(link)))
    assert await page.progress() == "finished"


async def test_the_form_may_lead_to_the_program_alone(page):
    shown = await page.look()
    (policy,) = [
        each for each in shown.headers["Content-Security-Policy"].split("; ") if "form" in each
    ]
    assert policy == "form-action 'self' http://localhost:8099"


async def test_a_push_is_offered_only_where_somebody_has_logged_in(page, known):
    assert known.visitor.cookie(WORKSTATION_COOKIE)
    assert "?way=phone" in (await known.look()).text


async def test_a_browser_that_is_new_here_sends_nobody_a_push(house, program, phone):
    page = await (await login_page(house, program)).open()

    assert "?way=phone" not in (await page.look()).text
    await page.act("send", name=house.holder.uzi_number)
    assert await phone.auth_requests() == []
    assert await page.progress() == "sent"


@pytest.mark.parametrize("name", ["900001234", "nobody", "900009999"])
async def test_who_may_not_be_asked_gets_the_same_page(house, known, name):
    house.ports.clock.advance(DEFAULT_LIFETIME)
    await known.act("send", name="x" if name == "900001234" else name)
    shown = await known.look()
    assert "Type this code on your phone" in shown.text
    house.ports.clock.advance(FETCHED_BY)
    assert await known.progress() == "offline"


async def test_in_a_known_browser_a_phone_is_asked_and_the_code_is_typed(house, known, phone):
    await known.act("send", name=house.holder.uzi_number)
    assert await known.progress() == "sent"
    (request,) = await phone.auth_requests()
    told = await known.until("arrived")
    assert (request.code_length, len(told["code"])) == (6, 6)
    await phone.approve(request, told["code"])

    assert "code" in await known.answer()


async def test_another_program_does_not_know_the_person_there(house, known, phone):
    await house.workstation("Other", redirect_uris=(PAGE,))
    known.client = BareClient(house, house.client_id, house.client_key)
    await known.open()
    await known.act("send", name=house.holder.uzi_number)

    assert await phone.auth_requests() == []


async def test_switching_ends_what_was_asked_and_keeps_the_login(house, known, phone):
    before = await known.record()
    await known.act("send", name=house.holder.uzi_number)
    assert len(await phone.auth_requests()) == 1
    await known.act("qr")

    assert await phone.auth_requests() == []
    after = await known.record()
    assert after.request == before.request
    assert after.auth_req_id != before.auth_req_id
    await known.approve(phone)
    assert (await known.answer())["state"] == known.attempt.state


async def test_nobody_is_asked_without_a_name(known):
    shown = await known.act("send", name=" ")
    assert (shown.status, 'aria-invalid="true"' in shown.text) == (422, True)


async def test_who_the_program_expects_is_filled_in_and_no_one_else(house, page, phone, known):
    await known.open(login_hint=f"uzi:{house.holder.uzi_number}")
    shown = await known.visitor.get(f"{known.path}?way=phone")
    assert f'value="{house.holder.uzi_number}"' in shown.text
    await known.open()
    assert house.holder.uzi_number not in (await known.visitor.get(f"{known.path}?way=phone")).text


async def remembered(house, known, phone):
    await known.act("send", name=house.holder.uzi_number, remember="yes")
    (request,) = await phone.auth_requests()
    await phone.approve(request, (await known.until("arrived"))["code"])
    await known.answer()
    return await known.open()


async def test_nothing_of_the_last_person_remains(house, known):
    shown = await known.look()
    holder = house.holder

    for each in (holder.last_name, holder.uzi_number, holder.first_names):
        assert each not in shown.text
    assert known.visitor.cookie(PERSON_COOKIE) is None


async def test_who_wants_it_is_remembered_and_asked_by_one_button(house, known, phone):
    page = await remembered(house, known, phone)
    assert house.holder.last_name in (await page.look()).text
    await page.act("again")

    (request,) = await phone.auth_requests()
    await phone.approve(request, (await page.until("arrived"))["code"])
    assert "code" in await page.answer()


async def test_not_me_clears_the_name_and_ends_what_was_asked(house, known, phone):
    page = await remembered(house, known, phone)
    await page.act("again")
    assert len(await phone.auth_requests()) == 1
    await page.act("forget")

    assert await phone.auth_requests() == []
    assert page.visitor.cookie(PERSON_COOKIE) is None
    assert house.holder.last_name not in (await page.look()).text
    await page.act("again")
    assert await phone.auth_requests() == []


async def test_somebody_else_who_logs_in_is_not_taken_for_who_is_remembered(house, known, phone):
    page = await remembered(house, known, phone)
    colleague = replace(house.holder, uzi_number="900000777", first_names="Bo")
    other = await house.bind(await house.registered(colleague))
    await page.approve(other)
    await page.answer()
    await page.open()

    assert page.visitor.cookie(PERSON_COOKIE) is None
    assert house.holder.last_name not in (await page.look()).text


@pytest.mark.parametrize("name", [WORKSTATION_COOKIE, PERSON_COOKIE])
async def test_a_browser_cannot_say_itself_where_or_who_it_is(house, program, phone, name):
    page = await login_page(house, program)
    jar = page.visitor.portal._http.cookie_jar
    jar.update_cookies({name: "browser:made-up.AAAA"})
    await page.open()

    record = await page.record()
    assert record.place.workstation_id != "browser:made-up"
    assert "?way=phone" not in (await page.look()).text


async def test_the_phone_shows_browser_place_and_that_it_is_new(page, phone, known):
    assert (await phone.auth_requests()) == []
    first = await (await login_page(page.house, page.client)).open()
    request = await phone.get(await phone.scan_login(await first.link()))
    again = await phone.get(await phone.scan_login(await known.link()))

    assert (request.location, again.location) == ("127.0.0.1", "127.0.0.1")
    assert request.workstation
    assert request.message == "This computer has not been used here before."
    assert again.message == ""


async def test_the_language_is_chosen_on_the_same_page(page):
    shown = await page.visitor.get(f"{page.path}?language=nl")

    assert (shown.status, shown.location) == (303, page.path)
    assert (await page.look()).page.heading == "Inloggen bij Huisartsenprogramma"


async def test_without_a_script_the_page_loads_again_while_it_waits(page, phone):
    assert (
        '<noscript><meta http-equiv="refresh" content="3"></noscript>' in (await page.look()).text
    )
    request = await phone.get(await phone.scan_login(await page.link()))
    await phone.deny(request)
    assert "http-equiv" not in (await page.look()).text


async def test_an_act_that_is_none_is_refused(page):
    assert (await page.act("other")).status == 404
