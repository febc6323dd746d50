"""One's own phones, in a browser without scripts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from clients.card_profile import Holder
from pairing_server.registry import credentials, offers, people, push_health
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.offers import MembershipOffer
from pairing_server.registry.people import MembershipKind
from pairing_server.registry.push_health import PushHealth
from pairing_server.registry.tables import credential as table
from tests.approvals.desk import MeddlingRegistry
from tests.house import house_settings, opened_house
from tests.pages.visitor import visitor
from tests.registry.listings import written_past

MY_PHONES = "/portal/my-phones"
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
ONE = NOON + timedelta(hours=1)


@pytest.fixture
async def phone(house, registered):
    return await house.bind(registered.portal)


async def status(house, phone):
    found = await house.registry.read(lambda tx: credentials.get(tx, phone.credential_id))
    return found.status


def cards(shown):
    return [
        each for each in shown.page.all("section") if "phone-" in each.attributes.get("id", "")
    ]


def offered(shown):
    """What can be done with the phones, by the buttons that say so."""
    return [each["value"] for each in shown.page.all("button") if "value" in each.attributes]


async def act(page, phone, what, **more):
    return await page.post(MY_PHONES, {"phone": phone.credential_id, "act": what, **more})


async def test_a_phone_is_shown_with_its_last_use(house, registered, phone):
    await house.approved(phone, await house.workstation())

    shown = await registered.get(MY_PHONES)

    (card,) = cards(shown)
    assert "software phone" in card.text
    assert "Balie 1 · Polikliniek" in card.text
    assert "Was that you? If not, block this phone." in card.text
    assert "UTC" in shown.page.all("time")[0].text
    assert offered(shown) == ["block", "revoke", "rename"]
    assert shown.page.all("a", href="/portal/start")


@pytest.mark.parametrize(
    ("service", "health", "said"),
    [
        (None, PushHealth(), "Off. Open the app to see what is asked."),
        ("fcm", PushHealth(), "On."),
        ("fcm", PushHealth(last_ok_at=NOON), "On, last sent on"),
        ("fcm", PushHealth(last_ok_at=NOON, last_error_at=ONE, last_error="<503>"), "(<503>)"),
        (None, PushHealth(last_error_at=ONE, last_error="UNREGISTERED"), "(UNREGISTERED)"),
        ("fcm", PushHealth(last_ok_at=ONE, last_error_at=NOON, last_error="503"), "On, last sent"),
    ],
)
async def test_it_is_said_whether_a_phone_is_woken(
    house, registered, phone, service, health, said
):
    def change(tx):
        credentials.set_push(tx, phone.credential_id, service, service and "address")
        push_health.write(tx, {phone.credential_id: health})

    await house.registry.commit(change)

    (card,) = cards(await registered.get(MY_PHONES))

    assert said in card.text
    assert ("switch its notifications off and on" in card.text) is said.startswith("(")


async def test_a_phone_is_lost_and_found(house, registered, phone):
    blocked = await act(registered, phone, "block")
    assert (blocked.status, blocked.location) == (303, MY_PHONES)
    assert await status(house, phone) is CredentialStatus.BLOCKED
    seen = await registered.get(MY_PHONES)
    assert "has been blocked" in seen.page.one("p", class_="said").text
    assert "it opens nothing" in cards(seen)[0].text
    assert offered(seen) == ["unblock", "revoke", "rename"]

    await act(registered, phone, "unblock")

    assert await status(house, phone) is CredentialStatus.ACTIVE
    assert "works again" in (await registered.get(MY_PHONES)).page.one("p", class_="said").text


async def test_a_second_click_shows_how_it_is(house, registered, phone):
    await act(registered, phone, "block")

    again = await act(registered, phone, "block")

    assert (again.status, again.location) == (303, MY_PHONES)
    assert await status(house, phone) is CredentialStatus.BLOCKED


async def test_what_was_done_a_while_ago_is_not_said_as_news(registered, phone, clock):
    await act(registered, phone, "block")
    clock.advance(timedelta(minutes=2))

    assert (await registered.get(MY_PHONES)).page.all("p", class_="said") == []


async def test_no_link_can_say_that_something_was_done(registered, phone):
    shown = await registered.get(f"{MY_PHONES}?said=blocked&done=blocked")

    assert shown.page.all("p", class_="said") == []


async def test_a_key_ends_after_a_second_question(house, registered, phone):
    old = registered.cookie("session")
    asked = await act(registered, phone, "revoke")
    assert (asked.status, asked.page.heading) == (200, "End the key of this phone?")
    assert "the only phone of yours that works" in asked.page.text
    assert offered(asked) == ["revoke", "block"]
    assert await status(house, phone) is CredentialStatus.ACTIVE
    (form, _) = asked.page.forms(MY_PHONES)

    ended = await registered.post(MY_PHONES, {**form.fields, "act": "revoke"})

    assert (ended.status, ended.location) == (303, MY_PHONES)
    assert await status(house, phone) is CredentialStatus.REVOKED
    seen = await registered.get(MY_PHONES)
    assert seen.status == 200
    assert registered.cookie("session") not in (None, old)
    assert "has ended, for good" in seen.page.one("p", class_="said").text
    assert "No phone is paired with you now." in seen.page.text


async def test_the_last_phone_that_works_is_told_as_one(house, registered, phone):
    other = await house.bind(registered.portal)
    last = "the only phone of yours that works"

    assert last not in (await act(registered, phone, "revoke")).page.text
    await act(registered, other, "block")
    assert last in (await act(registered, phone, "revoke")).page.text
    blocked = await act(registered, other, "revoke")
    assert last not in blocked.page.text
    assert offered(blocked) == ["revoke"]


async def test_a_revocation_elsewhere_ends_the_page(house, registered, phone):
    await house.phone_status().revoke(phone.credential_id, "operator:test")

    shown = await registered.get(MY_PHONES)

    assert (shown.status, shown.page.heading) == (401, "You are not logged in")


async def test_a_key_that_may_have_been_copied_is_only_ended(house, registered, phone):
    await house.phone_status().suspect(phone.credential_id)

    shown = await registered.get(MY_PHONES)

    assert "there may be a copy of its key" in cards(shown)[0].text
    assert offered(shown) == ["revoke", "rename"]
    await act(registered, phone, "unblock")
    assert await status(house, phone) is CredentialStatus.BLOCKED


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(days=30), "Its key expires in 30 days. Renew it in the app"),
        (timedelta(hours=1), "Its key expires in 1 day. Renew it in the app"),
        (timedelta(seconds=-1), "Its key has expired. Pair the phone again."),
    ],
)
async def test_a_key_that_ends_is_told_ahead(house, registered, phone, left, said):
    until = int((house.ports.clock() + left).timestamp() * 1000)
    past = sa.update(table).values(expires_at=until)
    await house.registry.commit(lambda tx: written_past(tx, past))

    shown = await registered.get(MY_PHONES)

    assert said in cards(shown)[0].text
    assert ("block" in offered(shown)) is (left > timedelta(0))


async def test_a_phone_gets_another_name(registered, phone):
    renamed = await act(registered, phone, "rename", name="  Dienst   2 ")

    assert (renamed.status, renamed.location) == (303, MY_PHONES)
    shown = await registered.get(MY_PHONES)
    assert shown.page.one("h2", id="name-1").text == "Dienst 2"
    assert "is now called Dienst 2" in shown.page.one("p", class_="said").text


@pytest.mark.parametrize("name", ["", "x" * 41, "a\u202eb"])
async def test_a_name_that_cannot_be_shown_is_asked_again(registered, phone, name):
    shown = await act(registered, phone, "rename", name=name)

    assert shown.status == 422
    field = shown.page.one("input", id="rename-1")
    assert (field["aria-invalid"], field["aria-describedby"]) == ("true", "rename-error")
    assert shown.page.one("p", role="alert").text == "Type a name of 1 to 40 characters."
    assert shown.page.title.startswith("Error: ")
    assert "open" in shown.page.all("details")[0].attributes
    assert [each.device_name for each in await registered.portal.phones()] == ["software phone"]


async def test_a_name_is_text_and_nothing_else(registered, phone):
    await act(registered, phone, "rename", name="<b>%s</b>{{7*7}}")

    shown = await registered.get(MY_PHONES)

    assert shown.page.one("h2", id="name-1").text == "<b>%s</b>{{7*7}}"
    assert shown.page.all("b") == []


@pytest.mark.parametrize("name", ["block", "unblock", "revoke", "rename"])
@pytest.mark.parametrize("more", [{}, {"sure": "yes", "name": "x"}])
async def test_another_persons_phone_is_not_there(house, registered, phone, name, more):
    stranger = await visitor(house)
    stranger.portal = await house.registered(Holder(uzi_number="900005678", first_names="Piet"))

    shown = await act(stranger, phone, name, **more)

    assert (shown.status, shown.page.heading) == (404, "This page is not there")
    assert await status(house, phone) is CredentialStatus.ACTIVE
    assert cards(await stranger.get(MY_PHONES)) == []


@pytest.mark.parametrize(
    "form", [{}, {"act": "block"}, {"phone": "x"}, {"act": "x", "phone": "x"}]
)
async def test_a_form_that_is_not_ours_does_nothing(registered, form):
    assert (await registered.post(MY_PHONES, form)).status == 400


async def test_what_happened_is_told_and_what_is_old_unfolds(house, registered, phone):
    for name in ("block", "unblock") * 5:
        await act(registered, phone, name)

    page = (await registered.get(MY_PHONES)).page

    open_list, earlier = page.all("ol", class_="events")
    items = page.all("li")
    assert len([each for each in items if each.parent is open_list]) == 8
    assert len([each for each in items if each.parent is earlier]) == 3
    assert earlier["start"] == "9"
    assert "Phone paired" in earlier.text


async def test_who_is_not_registered_is_led_to_where_they_register(holder):
    shown = await holder.get(MY_PHONES)

    assert (shown.status, shown.location) == (303, "/portal/details")
    assert not (await holder.get("/portal/details")).page.all("a", href=MY_PHONES)


async def test_who_is_not_logged_in_sees_and_does_nothing(guest):
    assert (await guest.get(MY_PHONES)).status == 401
    assert (await guest.post(MY_PHONES, {"act": "block", "phone": "x"})).status == 401


@pytest.mark.parametrize("path", ["/portal/details", "/portal/start", "/portal/done"])
async def test_my_phones_are_one_click_away(registered, path):
    assert (await registered.get(path)).page.all("a", href=MY_PHONES)


LOCUM = MembershipOffer(
    id="offer-1",
    ura="90009999",
    uzi_number=Holder().uzi_number,
    first_names="J.",
    last_name=Holder().last_name,
    kind=MembershipKind.GUEST,
    role_codes=("01.015",),
    valid_until=datetime(2027, 1, 31, 23, tzinfo=UTC),
    offered_by="person:somebody",
    offered_at=NOON,
    expires_at=NOON + timedelta(days=3650),
)


@pytest.fixture
async def asked(house, registered):
    """A practice asks the card holder to be its guest."""
    await house.add_organisation(LOCUM.ura, "<Waarneempost>")
    await house.registry.commit(lambda tx: offers.add(tx, LOCUM))
    return registered


async def membership(house):
    def read(tx):
        person = people.by_uzi_number(tx, LOCUM.uzi_number)
        return people.membership(tx, person.id, LOCUM.ura)

    return await house.registry.read(read)


async def test_a_membership_that_was_offered_is_shown_with_what_it_is(asked):
    shown = await asked.get(MY_PHONES)

    (sheet,) = [
        each
        for each in shown.page.all("section")
        if "offer" in each.attributes.get("class", "").split()
    ]
    assert "<Waarneempost> asks you to work there as a guest" in sheet.text
    assert "31 January 2027" in sheet.text
    assert "90009999" in sheet.text
    assert offered(shown) == ["accept", "decline"]


async def test_a_membership_begins_when_the_card_holder_accepts_it(house, asked):
    answer = await asked.post(MY_PHONES, {"offer": LOCUM.id, "act": "accept"})

    assert (answer.status, answer.location) == (303, MY_PHONES)
    assert (await membership(house)).valid_until == LOCUM.valid_until
    assert offered(await asked.get(MY_PHONES)) == []
    (event,) = [each for each in await house.events() if each["action"] == "MembershipAccepted"]
    assert '"by":"uzi-pas"' in event["evidence"].replace(" ", "")


async def test_a_membership_that_is_declined_does_not_begin(house, asked):
    await asked.post(MY_PHONES, {"offer": LOCUM.id, "act": "decline"})

    assert await membership(house) is None
    assert offered(await asked.get(MY_PHONES)) == []


async def test_a_membership_is_settled_from_our_own_page_alone(house, asked):
    asked.origin = "https://elsewhere.example"

    answer = await asked.post(MY_PHONES, {"offer": LOCUM.id, "act": "accept"})

    assert answer.status == 403
    assert await membership(house) is None


@pytest.fixture
async def meddled(register, tmp_path, stores, ports):
    registry = MeddlingRegistry(ports.registry)
    settings = house_settings(register, tmp_path)
    async with opened_house(
        settings, replace(stores, registry=registry), ports, register
    ) as opened:
        yield opened, registry


async def test_who_is_signed_out_meanwhile_accepts_nothing(meddled):
    house, registry = meddled
    page = await visitor(house)
    page.portal = await house.registered()
    await house.add_organisation(LOCUM.ura, "Waarneempost")
    await house.registry.commit(lambda tx: offers.add(tx, LOCUM))

    async def sign_out():
        def change(tx):
            person = people.by_uzi_number(tx, LOCUM.uzi_number)
            people.sign_out(tx, person.id, house.ports.clock())

        await house.ports.registry.commit(change)

    registry.before = sign_out
    await page.post(MY_PHONES, {"offer": LOCUM.id, "act": "accept"})

    assert registry.before is None
    assert await membership(house) is None


async def test_an_offer_that_is_gone_leads_to_what_is_left(asked):
    answer = await asked.post(MY_PHONES, {"offer": "unknown", "act": "accept"})

    assert (answer.status, answer.location) == (303, MY_PHONES)


async def test_a_phone_that_opens_one_organisation_alone_is_said_to(house, registered, phone):
    said = "opens one organisation alone"
    assert said not in (await registered.get(MY_PHONES)).text
    limit = sa.update(table).values(only_ura=house.holder.ura)
    await house.registry.commit(lambda tx: tx.run(limit))

    (card,) = cards(await registered.get(MY_PHONES))

    assert said in card.text
