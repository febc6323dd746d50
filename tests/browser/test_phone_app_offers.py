"""A locum is asked by another practice, and answers with the phone web app."""

import pytest
import pytest_asyncio
from playwright.async_api import expect

from pairing_server.registry.offers import OfferStatus
from tests.browser.handset import HANDSET, LARGE
from tests.phones.test_offers import URA, membership, offer, status

PRACTICE = "Waarneempost"


@pytest_asyncio.fixture(loop_scope="session")
async def page(house):
    await house.add_organisation(URA, PRACTICE)
    return await house.registered()


@pytest_asyncio.fixture(loop_scope="session")
async def pick(house, pick_up, page):
    """Take up a phone that is paired."""

    async def pick(screen=HANDSET):
        handset = await pick_up(house, screen)
        await handset.take_over(await house.bind(page))
        await handset.sees("nothing_asked")
        return handset

    return pick


def banner(handset):
    said = handset.say("offer_banner", count=1, organisation=PRACTICE)
    return handset.page.get_by_role("button", name=said)


async def open_offers(handset):
    await handset.page.reload()
    await banner(handset).click()
    await handset.sees("offers")


@pytest.mark.parametrize("screen", [HANDSET, LARGE], ids=["small", "large"])
async def test_a_locum_accepts_and_logs_in_there(house, pick, screen):
    handset = await pick(screen)
    offered = await offer(house)
    await open_offers(handset)
    shown = handset.page.get_by_role("listitem")
    await expect(shown).to_contain_text(PRACTICE)
    await expect(shown).to_contain_text(handset.say("offer_guest"))
    await expect(shown).to_contain_text("(01.016)")
    await handset.look()

    await handset.choose("accept")

    await handset.sees("offer_accepted")
    await handset.look()
    assert await status(house, offered) is OfferStatus.ACCEPTED
    assert (await membership(house)).valid_until == offered.valid_until
    await handset.choose("close")
    await handset.sees("nothing_asked")
    await expect(banner(handset)).to_have_count(0)
    workstation = await house.workstation(uras=(URA,))
    started = await house.ask(workstation, ura=URA)
    await handset.sees_client("HIS")
    await handset.approve(started.binding_code)
    await handset.sees("end_approved")
    assert (await workstation.poll(started)).claims.sub


async def test_who_declines_is_linked_nowhere(house, pick):
    handset = await pick()
    offered = await offer(house)
    await open_offers(handset)

    await handset.choose("decline")

    await handset.sees("offer_declined")
    assert await status(house, offered) is OfferStatus.DECLINED
    assert await membership(house) is None


async def test_who_does_not_confirm_with_finger_or_face_has_accepted_nothing(house, pick):
    handset = await pick()
    offered = await offer(house)
    await open_offers(handset)
    await handset.unlock(works=False)

    await handset.choose("accept")

    await expect(handset.page.get_by_role("alert")).to_be_visible()
    assert await status(house, offered) is OfferStatus.OPEN
    await handset.unlock(works=True)
    await handset.choose("accept")
    await handset.sees("offer_accepted")


async def test_an_offer_that_is_gone_is_said_to_be_gone(house, pick):
    handset = await pick()
    handset.quiet = True
    await offer(house)
    await open_offers(handset)
    # Another one takes its place.
    newer = await offer(house, role_codes=("01.015",))

    await handset.choose("accept")

    await expect(handset.page.get_by_role("alert")).to_have_text(handset.say("not_there"))
    await expect(handset.page.get_by_role("listitem")).not_to_contain_text("(01.016)")
    assert await status(house, newer) is OfferStatus.OPEN
    await handset.choose("accept")
    await handset.sees("offer_accepted")
    assert (await membership(house)).role_codes == ("01.015",)


async def test_what_the_server_has_signed_for_another_offer_is_not_signed(house, pick):
    handset = await pick()
    offered = await offer(house)

    async def twist(route):
        answer = await route.fetch()
        body = await answer.json()
        body["offers"][0]["details"]["offer"] = "another"
        await route.fulfill(response=answer, json=body)

    await handset.page.route("**/phone/membership-offers", twist)
    await open_offers(handset)

    await handset.choose("accept")

    await expect(handset.page.get_by_role("alert")).to_have_text(handset.say("other_change"))
    assert await status(house, offered) is OfferStatus.OPEN
