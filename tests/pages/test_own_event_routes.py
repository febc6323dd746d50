"""All that the log has of a card holder, in a browser without scripts."""

import pytest

from pairing_server.audit.events import AuthRequestApproved
from tests.pages.visitor import visitor

MY_EVENTS = "/portal/my-events"


@pytest.fixture
async def phone(house, registered):
    return await house.bind(registered.portal)


async def test_a_card_holder_reads_all_that_is_logged_of_them(house, registered, phone):
    await house.approved(phone, await house.workstation())
    mine = await registered.get("/portal/my-phones")
    assert f'href="{MY_EVENTS}"' in mine.text

    shown = await registered.get(MY_EVENTS)

    assert shown.page.mistakes == []
    events = [each.text for each in shown.page.all("li") if "UTC" in each.text]
    assert "A login was approved on the phone · software phone" in " ".join(events[0].split())
    assert "Balie 1" in events[0]
    assert any("A UZI card was proven" in each for each in events)
    registered.language = "nl"
    assert "Een telefoon is gekoppeld" in (await registered.get(MY_EVENTS)).text


async def test_pages_follow_each_other(house, registered, phone):
    (approved,) = [each for each in await house.events() if each["action"] == "AuthenticatorBound"]
    event = AuthRequestApproved(actor=approved["actor"], object="auth-request:r")
    await house.registry.commit(lambda tx: [tx.record(event) for _ in range(60)])

    first = await registered.get(MY_EVENTS)
    links = first.page.all("a")
    older = next(each["href"] for each in links if each.attributes.get("rel") == "next")
    second = await registered.get(older)

    assert second.page.mistakes == []
    assert "A phone was paired" not in first.text
    assert "A phone was paired" in second.text
    assert f'href="{MY_EVENTS}"' in second.text


async def test_another_persons_events_are_not_among_them(house, registered, phone):
    event = AuthRequestApproved(
        actor="person:other", object="auth-request:r", ura=house.holder.ura
    )
    await house.registry.commit(lambda tx: tx.record(event))

    assert "A login was approved" not in (await registered.get(MY_EVENTS)).text


async def test_a_page_that_no_page_led_to_is_refused(registered):
    assert (await registered.get(f"{MY_EVENTS}?before=x")).status == 400


async def test_who_has_shown_no_card_reads_nothing(house):
    guest = await visitor(house)

    assert (await guest.get(MY_EVENTS)).status == 401
