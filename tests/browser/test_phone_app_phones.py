"""The phone web app as the place where somebody keeps their phones: found, lost, new and old."""

from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import expect

from clients.qr_image import read_png, read_qr
from pairing_server.audit.events import AuthRequestApproved
from pairing_server.clock import to_milliseconds
from pairing_server.keys.flow import PhoneFlow
from pairing_server.phones.unblocking import UnblockingFlow
from pairing_server.registry import credentials, push_health
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.push_health import PushHealth
from pairing_server.registry.tables import credential
from tests.browser.camera import hold_up
from tests.browser.handset import HANDSET, LARGE
from tests.registry.listings import written_past

HOLDER = "Jan Jansen"


@pytest_asyncio.fixture(loop_scope="session")
async def page(house):
    return await house.registered()


@pytest_asyncio.fixture(loop_scope="session")
async def handset(house, pick_up, page, with_camera):
    """A phone that is paired."""
    handset = await pick_up(house, chromium=with_camera)
    await handset.take_over(await house.bind(page))
    return handset


@pytest_asyncio.fixture(loop_scope="session")
async def other(house, handset, page):
    """Another phone of the same person, paired later."""
    return await house.bind(page)


@pytest.fixture
def stored(house):
    async def stored(credential_id):
        return await house.registry.read(lambda tx: credentials.get(tx, credential_id))

    return stored


@pytest.fixture
def expires_in(house, handset):
    """Let the key of the handset end so long from now."""

    async def change(left):
        kept = await handset.kept()
        moment = to_milliseconds(house.ports.clock() + left)
        ends = (
            credential.update()
            .where(credential.c.id == kept["credentialId"])
            .values(expires_at=moment)
        )
        await house.registry.commit(lambda tx: written_past(tx, ends))
        await handset.page.reload()

    return change


async def approve(house, handset, workstation):
    started = await house.ask(workstation)
    await handset.sees_client("HIS")
    await handset.approve(started.binding_code)
    await handset.sees("end_approved")
    await handset.choose("close")
    return await workstation.poll(started)


def card(handset, text):
    return handset.page.get_by_role("listitem").filter(has_text=text).get_by_role("button")


async def test_what_happened_is_listed(house, handset):
    workstation = await house.workstation()
    await approve(house, handset, workstation)
    await house.ask(workstation)
    await handset.choose("decline")
    await handset.choose("close")
    await handset.choose("menu")
    await handset.choose("history")
    await handset.sees("history")
    await expect(handset.page.get_by_role("listitem")).to_have_count(3)
    lines = await handset.page.get_by_role("listitem").all_inner_texts()
    await handset.look()

    for line, kind in zip(lines, ("event_denied", "event_approved", "event_paired"), strict=True):
        assert handset.say(kind) in line
    assert "HIS · Balie 1 · Polikliniek" in lines[1]


async def test_a_phone_that_could_not_be_woken_says_so_and_why(house, handset, other):
    failed = PushHealth(last_error_at=house.ports.clock(), last_error="UNREGISTERED")
    await house.registry.commit(lambda tx: push_health.write(tx, {other.credential_id: failed}))
    await handset.choose("menu")
    await handset.choose("phones")
    await card(handset, "software phone").last.click()
    await handset.look()

    await expect(handset.page.get_by_text("(UNREGISTERED)")).to_be_visible()


async def test_a_phone_gets_a_name(handset, stored):
    await handset.choose("menu")
    await handset.choose("phones")
    await handset.look()
    await card(handset, handset.say("this_phone")).click()
    await handset.look()
    await handset.choose("rename")
    await handset.page.get_by_label(handset.say("name_of_phone")).fill("Diensttelefoon")
    await handset.look()
    await handset.choose("save")
    await handset.sees("phones")

    await expect(card(handset, "Diensttelefoon")).to_be_visible()
    kept = await handset.kept()
    assert (await stored(kept["credentialId"])).device_name == "Diensttelefoon"


async def test_a_phone_becomes_the_first_choice(house, handset, other):
    await handset.choose("menu")
    await handset.choose("phones")
    await card(handset, handset.say("this_phone")).click()
    await handset.choose("make_default")
    await handset.sees("phones")

    await expect(card(handset, handset.say("default_phone"))).to_contain_text(
        handset.say("this_phone")
    )


async def test_a_lost_phone_is_blocked_from_another(handset, other, stored):
    await handset.choose("menu")
    await handset.choose("phones")
    await card(handset, "software phone").last.click()
    await handset.choose("block")
    await handset.sees("block_title")
    await handset.look()
    await handset.choose("block")
    await handset.sees("phones")
    await expect(card(handset, handset.say("state_blocked"))).to_have_count(1)

    assert (await stored(other.credential_id)).status is CredentialStatus.BLOCKED


async def test_a_phone_ends_the_key_of_another(handset, other, stored):
    await handset.choose("menu")
    await handset.choose("phones")
    await card(handset, "software phone").last.click()
    await handset.choose("revoke")
    await handset.sees("revoke_title")
    await handset.choose("revoke")
    await handset.sees("phones")

    assert (await stored(other.credential_id)).status is CredentialStatus.REVOKED
    await expect(handset.page.get_by_role("listitem")).to_have_count(1)


async def test_a_phone_blocks_itself_and_the_administrators_code_undoes_it(house, handset, stored):
    handset.refusals |= {403, 404, 422}
    await handset.choose("menu")
    await handset.choose("phones")
    await card(handset, handset.say("this_phone")).click()
    await handset.choose("block")
    await handset.reads("block_itself")
    await handset.choose("block")
    await handset.sees("blocked")
    await handset.choose("unblock")
    await handset.sees("unblock")
    await handset.look()
    await handset.type_code("123456")
    await handset.choose("use_key")
    await handset.reads("unblock_nothing")

    kept = await handset.kept()
    statuses = house.phone_status()
    phones = PhoneFlow(house.ports, house.rp(), statuses)
    offer = await UnblockingFlow(house.ports, phones, statuses).offer(
        kept["credentialId"], "operator:test"
    )
    await handset.page.keyboard.press("Backspace")
    await handset.page.keyboard.type("0" if offer.code[-1] != "0" else "1")
    await handset.choose("use_key")
    await handset.reads("wrong_code", count=2)
    await handset.type_code(offer.code)
    await handset.choose("use_key")

    await handset.sees("nothing_asked")
    assert (await stored(kept["credentialId"])).status is CredentialStatus.ACTIVE


async def test_another_change_than_was_chosen_is_not_signed(handset, other, stored):
    async def meddle(route):
        answer = await route.fetch()
        body = await answer.json()
        body["details"] |= {"credential": other.credential_id}
        await route.fulfill(response=answer, json=body)

    await handset.context.route("**/phone/changes", meddle)
    await handset.choose("menu")
    await handset.choose("phones")
    await card(handset, handset.say("this_phone")).click()
    await handset.choose("block")
    await handset.choose("block")

    await handset.reads("other_change")
    assert (await stored(other.credential_id)).status is CredentialStatus.ACTIVE


async def test_a_phone_that_was_added_is_told_of_until_it_is_read(handset, other):
    await handset.page.reload()
    banner = handset.page.get_by_role("button", name="software phone")
    await handset.look()
    await banner.click()
    await handset.sees("notices")
    await handset.look()
    await handset.choose("notices_seen")
    await handset.sees("nothing_asked")
    async with handset.page.expect_response("**/phone/notices"):
        await handset.page.reload()

    await expect(banner).to_have_count(0)


async def test_a_key_that_ends_soon_is_renewed_and_opens_what_the_old_one_did(
    house, handset, expires_in, stored
):
    workstation = await house.workstation()
    await expires_in(timedelta(days=30, hours=12))
    before = await handset.kept()
    await handset.page.get_by_role("button", name=handset.say("renew_banner", count=30)).click()
    await handset.sees("renew_title")
    await handset.look()
    await handset.choose("renew_make")
    await handset.sees("renew_confirm")
    await handset.look()
    await handset.choose("use_key")
    await handset.sees("renewed")
    await handset.look()
    await handset.choose("close")

    after = await handset.kept()
    assert after["credentialId"] != before["credentialId"]
    assert after["token"] == before["token"]
    assert (await stored(before["credentialId"])).status is CredentialStatus.REVOKED
    assert await approve(house, handset, workstation)
    await expect(handset.page.locator(".banner")).to_have_count(0)


async def test_a_key_that_ends_later_is_no_reason_for_a_banner(handset, expires_in):
    await expires_in(timedelta(days=61, hours=12))
    await handset.settled()

    await expect(handset.page.locator(".banner")).to_have_count(0)


async def test_a_key_that_has_expired_says_how_to_go_on(handset, expires_in):
    handset.refusals.add(403)
    await expires_in(timedelta(seconds=-1))
    await handset.sees("expired")
    await handset.look()

    await expect(handset.page.get_by_text(HOLDER)).to_be_visible()


@pytest.fixture
def hand_over(house, pick_up, handset, film):
    """Bring a new phone to where the old one has scanned it and its holder made the key."""

    async def begin(ending="old_key_ends", *, looks=False):
        new = await pick_up(house, LARGE)
        new.looks = handset.looks = looks
        await new.open_app()
        await new.choose("have_old_phone")
        await new.sees("new_phone")
        await new.look()
        link = read_qr(read_png(await new.page.screenshot()))
        code = (await new.page.locator(".number span").last.inner_text()).replace(" ", "")
        hold_up(film, link)
        await handset.choose("menu")
        await handset.choose("add_phone")
        await handset.sees("transfer_title")
        await handset.page.get_by_label(handset.say(ending)).check()
        await handset.look()
        await new.sees("is_this_you")
        await expect(new.page.get_by_text(HOLDER)).to_be_visible()
        await new.look()
        await new.choose("yes_me")
        await new.sees("type_on_old")
        await new.look()
        await expect(handset.code_field()).to_be_attached()
        await expect(handset.page.get_by_text(handset.say(ending))).to_be_visible()
        await handset.look()
        return new, code

    return begin


async def test_a_new_phone_takes_the_place_of_the_old_one(house, handset, hand_over, stored):
    handset.refusals.add(401)
    before = await handset.kept()
    new, code = await hand_over(looks=True)
    await handset.approve(code)
    await handset.sees("transfer_done")
    await new.sees("paired")
    await new.choose("go_on")
    await new.sees("nothing_asked")
    await handset.choose("close")
    await handset.sees("unbound")

    assert (await stored(before["credentialId"])).status is CredentialStatus.REVOKED
    assert await approve(house, new, await house.workstation())


async def test_a_new_phone_comes_beside_the_old_one(house, handset, hand_over, stored):
    before = await handset.kept()
    new, code = await hand_over("old_key_stays")
    await handset.approve(code)
    await handset.sees("transfer_done")
    await new.sees("paired")
    await handset.choose("close")
    await handset.sees("nothing_asked")

    assert (await stored(before["credentialId"])).status is CredentialStatus.ACTIVE


async def test_three_wrong_codes_add_no_phone(handset, hand_over):
    handset.refusals.add(422)
    new, code = await hand_over()
    wrong = "000000" if code != "000000" else "111111"
    for left in (2, 1):
        await handset.approve(wrong)
        await handset.reads("wrong_code", count=left)
    await handset.approve(wrong)

    await handset.sees("transfer_refused")
    await new.sees("transfer_refused")
    new.looks = True
    await new.look()


async def test_who_has_no_new_phone_in_hand_declines(handset, hand_over):
    new, _ = await hand_over()
    await handset.choose("decline")

    await handset.sees("transfer_refused")
    await new.sees("transfer_refused")


async def test_a_new_phone_that_forgets_its_page_goes_on_where_it_was(handset, hand_over):
    handset.refusals.add(401)
    new, code = await hand_over()
    await new.page.reload()
    await new.sees("type_on_old")
    await handset.approve(code)

    await new.sees("paired")


async def test_a_transfer_that_was_opened_as_a_link_is_to_be_scanned(house, pick_up, handset):
    new = await pick_up(house, HANDSET)
    await new.open_app()
    await new.choose("have_old_phone")
    await new.sees("new_phone")
    sent = []
    handset.page.on("request", lambda request: sent.append(request.url))
    await handset.page.evaluate("link => location.assign(link)", f"/app/#t.{'i' * 22}.{'s' * 43}")

    await handset.sees("transfer_scan")
    await handset.look()
    assert not [url for url in sent if "/transfers/" in url]


async def test_all_that_is_logged_is_listed_page_by_page(house, handset):
    workstation = await house.workstation()
    await approve(house, handset, workstation)
    approved = [each for each in await house.events() if each["action"] == "AuthRequestApproved"]
    person = approved[0]["actor"]
    event = AuthRequestApproved(actor=person, object="auth-request:r", ura=house.holder.ura)
    await house.registry.commit(lambda tx: [tx.record(event) for _ in range(60)])
    await handset.choose("menu")
    await handset.choose("history")
    await handset.choose("events")
    await handset.sees("events")
    lines = handset.page.get_by_role("listitem")
    await expect(lines).to_have_count(50)
    await handset.choose("events_earlier")
    await expect(lines.last).to_contain_text("UZI")
    await handset.look("events")

    assert await lines.count() > 60
    assert await handset.page.get_by_text(handset.say("events_earlier")).count() == 0
