"""Who was registered by an operator before they came with a card: is this you?"""

import asyncio
import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from clients.card_profile import Holder
from clients.desktop import Card
from clients.test_ca import KeyKind
from clients.wire import WireError
from pairing_server.portal.flow import DENIALS_MEMORY
from pairing_server.registry.tables import membership, notice, person
from tests.house import DATE_OF_BIRTH
from tests.portal.records import add_person, managed

OTHER_DATE = "1980-01-30"
MANAGER = Holder(uzi_number="900004321", first_names="Bea", last_name="Beheerder")
#: Another natural person of the same names: CPS section 7.1.4 gives them another number.
NAMESAKE = Holder(uzi_number="900005678")


async def refused(awaitable):
    with pytest.raises(WireError) as caught:
        await awaitable
    return caught.value.status, caught.value.error


async def rows(house, table):
    return await house.registry.read(lambda tx: tx.all(sa.select(table)))


@pytest.fixture
def card(house):
    return house.register.card(house.holder)


@pytest.fixture
async def page(house):
    await house.add_organisation()
    await add_person(house)
    return await house.logged_in()


async def test_the_record_is_shown_as_it_is_known(house, page):
    registration = await page.registration(DATE_OF_BIRTH)

    assert registration.outcome == "existing"
    assert registration.person == {
        "name": " JAN jansen",
        "first_names": " JAN",
        "last_name": "jansen",
        "user_name": "person-1",
        "uzi_number": None,
        "role_code": "00.000",
        "role": "medewerker",
        "organisation": house.holder.organisation_name,
        "ura": house.holder.ura,
    }


async def test_yes_takes_number_and_role_over_with_the_signature(house, page, card):
    registration = await page.registration(DATE_OF_BIRTH)
    await page.prove(registration.session, house.agent(), card)

    (known,) = await rows(house, person)
    assert (known["id"], known["uzi_number"]) == ("person-1", house.holder.uzi_number)
    assert (known["first_names"], known["user_name"]) == ("Jan", "person-1")
    (member,) = await rows(house, membership)
    # What an operator wrote before there was a card is no role beside that of the card.
    assert (member["role_code"], member["other_role_codes"]) == ("01.015", "[]")
    (event,) = [one for one in await house.events() if one["action"] == "PersonRegistered"]
    kept = json.loads(event["evidence"])
    assert event["object"] == "person:person-1"
    assert kept["statement"].endswith("als gebruiker person-1.")
    assert kept["registered"] == {
        "outcome": "existing",
        "uzi_number": house.holder.uzi_number,
        "user_name": "person-1",
    }
    assert (await page.start_pairing()).id


async def test_nothing_is_taken_over_before_the_signature(house, page):
    await page.registration(DATE_OF_BIRTH)

    (known,) = await rows(house, person)
    assert known["uzi_number"] is None


async def test_no_stops_the_process_and_tells_the_organisation(house, page, card):
    registration = await page.registration(DATE_OF_BIRTH)
    return_uri = await house.agent().prove(registration.session.agent_uri, card)
    await page.deny_registration()

    assert await page.session_status(registration.session) == "refused"
    assert await refused(page.complete(return_uri)) == (404, "not_found")
    assert await refused(page.registration(DATE_OF_BIRTH)) == (401, "invalid_token")
    (known,) = await rows(house, person)
    assert known["uzi_number"] is None
    manager = await managed(house)
    (told,) = await manager.notices()
    assert told.kind == "registration_denied"
    assert told.subject == {
        "card": {"name": "Jan Jansen", "uzi_number": "900001234", "role_code": "01.015"},
        "people": [{"id": "person-1", "name": " JAN jansen", "user_name": "person-1"}],
    }
    assert (told.read_by, told.read_at) == (None, None)


async def test_a_denial_is_an_event_with_the_signed_login(house, page):
    await page.registration(DATE_OF_BIRTH)
    await page.deny_registration()

    (event,) = [one for one in await house.events() if one["action"] == "RegistrationDenied"]
    kept = json.loads(event["evidence"])
    assert (event["actor"], event["object"]) == ("uzi:900001234", "person:person-1")
    assert (event["ura"], event["outcome"]) == (house.holder.ura, "refused")
    assert kept["purpose"] == "login"
    assert base64.b64decode(kept["signature"])
    assert kept["denied"] == {
        "person": "person-1",
        "user_name": "person-1",
        "uzi_number": "900001234",
    }


async def test_who_denies_twice_at_once_denies_once(house, page):
    await page.registration(DATE_OF_BIRTH)

    ended = await asyncio.gather(
        *(page.deny_registration() for _ in range(8)), return_exceptions=True
    )

    statuses = {error.status for error in ended if error is not None}
    assert None in ended
    assert statuses <= {401, 409, 429}
    assert len(await rows(house, notice)) == 1


@pytest.mark.parametrize("born", [None, OTHER_DATE], ids=["not begun", "new"])
async def test_only_a_record_that_was_shown_is_denied(house, page, born):
    if born:
        assert (await page.registration(born)).outcome == "new"

    assert await refused(page.deny_registration()) == (409, "nothing_offered")
    assert await rows(house, notice) == []


async def test_who_has_signed_has_nothing_left_to_deny(house, page, card):
    registration = await page.registration(DATE_OF_BIRTH)
    await page.prove(registration.session, house.agent(), card)

    assert await refused(page.deny_registration()) == (409, "nothing_offered")


async def test_a_renewed_cards_holder_is_asked_too(house):
    await house.registered()
    issued = house.register.ca.issue(house.holder, datetime.now(UTC), KeyKind.P_256).authentication
    renewed = Card(issued.key, issued.certificate, issued.chain[:-1])
    page = await house.page()
    await page.login(house.agent(), renewed)

    registration = await page.registration(DATE_OF_BIRTH)
    await page.deny_registration()

    assert registration.outcome == "existing"
    assert registration.person["user_name"] == "jan.jansen.900001234"
    assert registration.person["uzi_number"] == house.holder.uzi_number
    (told,) = await rows(house, notice)
    assert told["kind"] == "registration_denied"


@pytest.mark.parametrize("again", [False, True], ids=["once", "twice"])
async def test_another_card_of_the_same_person_adds_its_role(house, again):
    await house.registered()
    nurse = replace(house.holder, role_code="30.000")
    for holder in [nurse, nurse] if again else [nurse]:
        await house.registered(holder)

    (member,) = await rows(house, membership)
    assert (member["role_code"], member["other_role_codes"]) == ("30.000", '["01.015"]')


async def test_a_card_denies_three_times_a_day(house, page):
    for _ in range(3):
        page = await house.logged_in()
        await page.registration(DATE_OF_BIRTH)
        await page.deny_registration()

    page = await house.logged_in()
    assert await refused(page.registration(DATE_OF_BIRTH)) == (429, "too_many_requests")
    assert len(await rows(house, notice)) == 3
    assert timedelta(days=1) == DENIALS_MEMORY


async def test_a_card_that_denied_too_often_meanwhile_is_stopped_all_the_same(house, page):
    pages = [await house.logged_in() for _ in range(4)]
    begun = [await one.registration(DATE_OF_BIRTH) for one in pages]
    for one in pages[:3]:
        await one.deny_registration()

    assert await refused(pages[3].deny_registration()) == (429, "too_many_requests")
    assert await pages[3].session_status(begun[3].session) == "refused"
    assert await refused(pages[3].registration(DATE_OF_BIRTH)) == (401, "invalid_token")
    assert len(await rows(house, notice)) == 3


async def test_what_was_offered_before_is_signed_no_more(house, page, card):
    first = await page.registration(OTHER_DATE)
    await page.registration(DATE_OF_BIRTH)

    signed = page.prove(first.session, house.agent(), card)

    assert await refused(signed) == (404, "not_found")


async def test_a_record_with_another_number_is_another_person(house):
    await house.add_organisation()
    await add_person(house, uzi_number=NAMESAKE.uzi_number)
    page = await house.logged_in()

    registration = await page.registration(DATE_OF_BIRTH)
    await page.prove(registration.session, house.agent(), house.register.card(house.holder))

    assert registration.outcome == "new"
    assert {one["uzi_number"] for one in await rows(house, person)} == {
        NAMESAKE.uzi_number,
        house.holder.uzi_number,
    }


async def test_a_record_without_a_date_of_birth_is_nobodys(house):
    await house.add_organisation()
    await add_person(house, birth_digest=None)
    page = await house.logged_in()

    assert (await page.registration(DATE_OF_BIRTH)).outcome == "new"


async def test_of_two_records_none_is_offered_and_the_organisation_is_told_once(house, page):
    await add_person(house, "person-2")

    for _ in range(2):
        refusal = await refused(page.registration(DATE_OF_BIRTH))
        assert refusal == (409, "several_records")
    (told,) = await rows(house, notice)
    assert told["kind"] == "several_records"
    told_of = json.loads(told["subject"])["people"]
    assert [one["id"] for one in told_of] == ["person-1", "person-2"]


async def test_five_dates_of_a_namesake_are_tried(house, page):
    """Else who has the same name could try dates until the record is offered."""
    outcomes = [(await page.registration(OTHER_DATE)).outcome for _ in range(5)]

    assert outcomes == ["new"] * 5
    assert await refused(page.registration(DATE_OF_BIRTH)) == (429, "too_many_requests")


async def test_who_is_taken_over_by_another_meanwhile_is_not_taken_over_again(house, page, card):
    registration = await page.registration(DATE_OF_BIRTH)
    other = await house.logged_in(NAMESAKE)
    theirs = await other.registration(DATE_OF_BIRTH)
    await other.prove(theirs.session, house.agent(), house.register.card(NAMESAKE))

    signed = page.prove(registration.session, house.agent(), card)

    assert await refused(signed) == (409, "changed_meanwhile")
    (known,) = await rows(house, person)
    assert known["uzi_number"] == NAMESAKE.uzi_number


async def test_a_user_name_that_is_taken_is_said(house):
    await house.add_organisation()
    await add_person(house, last_name="Ander", user_name="jan.jansen.900001234")
    page = await house.logged_in()
    registration = await page.registration(DATE_OF_BIRTH)

    signed = page.prove(registration.session, house.agent(), house.register.card(house.holder))

    assert await refused(signed) == (409, "changed_meanwhile")


async def test_a_notice_is_read_once_by_who_manages(house, page):
    await page.registration(DATE_OF_BIRTH)
    await page.deny_registration()
    manager = await managed(house)
    (told,) = await manager.notices()

    await manager.read_notice(told.id)
    await manager.read_notice(told.id)

    (read,) = await manager.notices()
    assert read.read_by.startswith("person:")
    assert read.read_at is not None
    events = [one["action"] for one in await house.events()]
    assert events.count("NoticeRead") == 1
    assert await refused(manager.read_notice("unknown")) == (404, "not_found")


async def test_others_read_no_notices(house, page):
    assert await refused(page.notices()) == (403, "not_an_administrator")
    assert await refused(page.read_notice("x")) == (403, "not_an_administrator")
    stranger = await house.page()
    assert await refused(stranger.notices()) == (401, "invalid_token")


@pytest.mark.parametrize("path", ["/portal/registration/denial", "/portal/notices/x/read"])
async def test_another_site_denies_and_reads_nothing(house, page, path):
    await page.registration(DATE_OF_BIRTH)

    async with page._http.post(house.base_url + path) as answer:
        assert answer.status == 403
        assert (await answer.json())["error"] == "cross_site"
    assert await rows(house, notice) == []


async def test_a_denial_ends_the_browsers_cookie(house, page):
    await page.registration(DATE_OF_BIRTH)
    origin = {"Origin": house.base_url}

    async with page._http.post(
        f"{house.base_url}/portal/registration/denial", headers=origin
    ) as answer:
        assert answer.status == 204
        assert 'session=""' in answer.headers["Set-Cookie"]
