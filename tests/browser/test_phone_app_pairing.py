"""How a pairing in the phone web app may go otherwise than to its end."""

import asyncio

import pytest
import pytest_asyncio
from playwright.async_api import expect

from clients.phone import SoftwarePhone
from pairing_server.qr.pairing import PAIRING_LIFETIME
from pairing_server.registry.tables import credential

NOBODYS = f"/app/#p.{'i' * 22}.{'s' * 43}"


@pytest_asyncio.fixture(loop_scope="session")
async def page(house):
    return await house.registered()


@pytest_asyncio.fixture(loop_scope="session")
async def handset(house, pick_up):
    """A phone that is switched on, and that no other refusal surprises."""
    handset = await pick_up(house)
    handset.refusals |= {404, 409, 410}
    return handset


@pytest.fixture
def bound(house):
    """List the credentials that are bound."""

    async def bound():
        return await house.registry.read(lambda tx: tx.all(credential.select()))

    return bound


async def shown(handset, page):
    """Open a pairing, to the number."""
    offered = await page.start_pairing()
    await handset.open_app(offered.link)
    await handset.choose("yes_me")
    await handset.sees("type_number")
    return offered


async def test_the_address_has_no_secret_any_more_when_the_first_call_goes_out(handset, page):
    seen = []
    handset.page.on(
        "request",
        lambda request: seen.append((request.url, handset.page.url)),
    )
    offered = await page.start_pairing()
    await handset.open_app(offered.link)
    await handset.sees("is_this_you")

    secret = offered.link.rpartition(".")[2]
    assert handset.page.url.endswith("/app/")
    calls = [(url, at) for url, at in seen if "/phone/" in url]
    assert calls
    for url, at in calls:
        assert secret not in url
        assert secret not in at
    assert secret not in await handset.page.evaluate("JSON.stringify(history.state)")


async def test_whoever_is_not_the_one_that_is_shown_stops(handset, page, bound):
    offered = await page.start_pairing()
    await handset.open_app(offered.link)
    await handset.choose("no_not_me")
    await handset.sees("not_you")
    await handset.look()
    await handset.choose("close")

    await handset.sees("welcome")
    assert await bound() == []
    assert await handset.keys() == []


async def test_a_code_that_another_phone_scanned_first_is_said_to_be_used(house, handset, page):
    offered = await page.start_pairing()
    await SoftwarePhone(house.http).scan(offered.link)
    await handset.open_app(offered.link)

    await handset.sees("link_used")
    await handset.look()


async def test_a_code_of_nobody_looks_the_same(handset):
    await handset.open_app(NOBODYS)

    await handset.sees("link_used")


async def test_a_code_that_is_over_says_to_ask_for_a_new_one(handset, page, clock):
    offered = await page.start_pairing()
    clock.advance(PAIRING_LIFETIME)
    await handset.open_app(offered.link)

    await handset.sees("pairing_expired")


async def test_a_number_that_nobody_types_runs_out(handset, page, clock):
    await shown(handset, page)
    clock.advance(PAIRING_LIFETIME)
    await handset.page.reload()

    await handset.sees("pairing_expired")


async def test_three_wrong_numbers_at_the_page_end_it_on_the_phone(handset, page, bound):
    offered = await shown(handset, page)
    number = await handset.check_number()
    for _ in range(3):
        with pytest.raises(Exception, match="wrong_check_number"):
            await page.confirm(offered.id, "0000" if number != "0000" else "1111")

    await handset.sees("pairing_refused")
    await handset.look()
    assert await bound() == []


async def test_a_finger_that_is_not_known_makes_no_key(handset, page):
    offered = await page.start_pairing()
    await handset.unlock(works=False)
    await handset.open_app(offered.link)
    await handset.choose("yes_me")
    await handset.reads("key_cancelled")
    await handset.look()
    await handset.unlock(works=True)
    await handset.choose("yes_me")

    await handset.sees("type_number")


async def test_a_phone_that_forgets_its_page_goes_on_where_it_was(handset, page):
    offered = await page.start_pairing()
    await handset.open_app(offered.link)
    await handset.sees("is_this_you")
    await handset.page.reload()
    await handset.choose("yes_me")
    await handset.sees("type_number")
    number = await handset.check_number()
    await handset.page.reload()
    await handset.sees("type_number")
    assert await handset.check_number() == number
    await page.confirm(offered.id, number)

    await handset.sees("paired")


async def test_a_key_whose_answer_is_lost_is_handed_in_again(handset, page):
    handset.quiet = True
    lost = []

    async def lose(route):
        answer = await route.fetch()
        lost.append(route.request.post_data)
        if len(lost) == 1:
            await route.abort()
        else:
            await route.fulfill(response=answer)

    await handset.context.route("**/credential", lose)
    offered = await page.start_pairing()
    await handset.open_app(offered.link)
    await handset.choose("yes_me")
    await handset.reads("no_answer")
    await handset.choose("yes_me")
    await handset.sees("type_number")
    await page.confirm(offered.id, await handset.check_number())

    await handset.sees("paired")
    assert len(await handset.keys()) == 1
    assert lost[0] == lost[1]


async def test_a_phone_without_a_network_tries_again(handset, page):
    handset.quiet = True
    offered = await page.start_pairing()
    await handset.context.route("**/scan", lambda route: route.abort())
    await handset.open_app(offered.link)
    await handset.sees("not_yet")
    await handset.look()
    await handset.context.unroute("**/scan")
    await handset.choose("try_again")

    await handset.sees("is_this_you")


async def test_a_phone_that_is_paired_asks_before_it_is_paired_anew(house, handset, page, bound):
    await handset.take_over(await house.bind(page))
    before = await handset.kept()
    offered = await page.start_pairing()
    await handset.page.evaluate("link => location.assign(link)", offered.link)
    await handset.sees("paired_already")
    await handset.look()
    await handset.choose("pair_anew")
    await handset.choose("yes_me")
    await handset.sees("type_number")
    await page.confirm(offered.id, await handset.check_number())
    await handset.sees("paired")
    await handset.choose("go_on")
    await handset.sees("nothing_asked")

    after = await handset.kept()
    assert after["credentialId"] != before["credentialId"]
    assert len(await bound()) == 2


async def test_a_pairing_that_is_not_meant_leaves_the_phone_as_it_is(house, handset, page):
    await handset.take_over(await house.bind(page))
    before = await handset.kept()
    offered = await page.start_pairing()
    await handset.page.evaluate("link => location.assign(link)", offered.link)
    await handset.sees("paired_already")
    await handset.choose("cancel")
    await handset.sees("nothing_asked")

    assert (await handset.kept())["token"] == before["token"]


async def test_a_key_for_another_name_is_not_made(handset, page):
    async def widen(route):
        answer = await route.fetch()
        body = await answer.json()
        body["public_key"]["rp"]["id"] = "example"
        await route.fulfill(response=answer, json=body)

    await handset.context.route("**/scan", widen)
    offered = await page.start_pairing()
    await handset.open_app(offered.link)
    await handset.choose("yes_me")

    await handset.reads("key_unsupported")
    assert await handset.keys() == []


async def test_a_browser_that_holds_no_keys_says_what_is_needed(handset):
    await handset.context.add_init_script("delete window.PublicKeyCredential")
    await handset.open_app()

    await handset.sees("unsupported")
    await handset.look()


async def test_without_scripts_the_app_says_so(house, sit_down):
    desk = await sit_down(house, java_script_enabled=False)
    desk.wrong.clear()
    await desk.page.goto("/app/")

    words = await desk.page.locator("noscript").inner_text()

    assert "JavaScript" in words
    desk.wrong.clear()


async def test_who_speaks_english_is_answered_in_english(handset, page):
    await handset.open_app()
    await handset.choose("other_language")
    await asyncio.sleep(0)

    heading = handset.page.get_by_role("heading", name="Your phone as your login key")
    await expect(heading).to_be_visible()
    await expect(handset.page.locator("html")).to_have_attribute("lang", "en")
