"""Browser sessions: how they begin, change and end."""

from dataclasses import replace

import pytest
from yarl import URL

from clients.card_profile import Holder
from clients.phone import SoftwarePhone
from pairing_server.errors import Unauthenticated
from pairing_server.portal.session import (
    SESSION_LIFETIME,
    BrowserSession,
    BrowserSessions,
    Offer,
)
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest
from pairing_server.uzi.session import Purpose
from tests.house import DATE_OF_BIRTH
from tests.portal.conftest import refused, revoke
from tests.portal.records import CARD, managed
from tests.valkey import run

SESSION = "session"


def cookie(page, name=SESSION):
    return next((one.value for one in page._http.cookie_jar if one.key == name), None)


def with_cookie(page, value):
    page._http.cookie_jar.clear(lambda one: one.key == SESSION)
    page._http.cookie_jar.update_cookies({SESSION: value}, URL(page._base))
    return page


@pytest.fixture
async def page(house):
    return await house.registered()


async def test_a_session_ends_after_its_lifetime(house, page):
    house.ports.clock.advance(SESSION_LIFETIME)

    assert await refused(page.start_pairing()) == (401, "invalid_token")


async def test_a_page_without_a_session_does_nothing(house):
    page = await house.page()

    assert await refused(page.registration(DATE_OF_BIRTH)) == (401, "invalid_token")
    assert await refused(page.start_pairing()) == (401, "invalid_token")
    assert await refused(page.register_organisation()) == (401, "invalid_token")


@pytest.mark.parametrize("value", ["", "x", "a" * 4000, '"\\000"', "\udcff"])
async def test_a_made_up_cookie_opens_nothing(house, value):
    page = with_cookie(await house.page(), "")
    headers = {"Cookie": f"{SESSION}={value}"}

    async with page._http.get(f"{house.base_url}/portal/pairings/x", headers=headers) as answer:
        assert answer.status == 401


async def test_a_login_ends_the_session_before_it(house, page):
    old = cookie(page)
    await page.login(house.agent(), house.register.card(house.holder))

    assert cookie(page) != old
    assert (await page.start_pairing()).id
    stale = with_cookie(page, old)
    assert await refused(stale.start_pairing()) == (401, "invalid_token")


async def test_signing_a_registration_ends_the_session_before_it(house):
    await house.add_organisation()
    page = await house.logged_in()
    old = cookie(page)
    registration = await page.registration(DATE_OF_BIRTH)
    await page.prove(registration.session, house.agent(), house.register.card(house.holder))

    assert cookie(page) != old
    assert await refused(with_cookie(page, old).start_pairing()) == (401, "invalid_token")


async def test_a_chosen_cookie_does_not_become_a_session(house):
    page = with_cookie(await house.page(), "chosen-by-somebody-else")
    await page.login(house.agent(), house.register.card(house.holder))

    assert cookie(page) != "chosen-by-somebody-else"


async def test_the_store_holds_no_cookie(house, page):
    keys = [key.decode() for key in await run(house.store, "KEYS", "*")]

    assert f"browser-session:{digest(cookie(page))}" in keys
    assert [key for key in keys if cookie(page) in key or cookie(page, "browser") in key] == []


async def test_a_signed_registration_is_the_card_holders_alone(house):
    """What one signs in another's browser registers neither there nor for the other."""
    await house.add_organisation()
    page = await house.logged_in()
    registration = await page.registration(DATE_OF_BIRTH)
    other_holder = Holder(uzi_number="900005678", first_names="Piet")
    other = await house.logged_in(other_holder)
    card = house.register.card(house.holder)
    return_uri = await house.agent().prove(registration.session.agent_uri, card)

    assert await refused(other.complete(return_uri)) == (403, "wrong_browser")
    assert await refused(page.complete(return_uri)) == (404, "not_found")
    assert await refused(other.start_pairing()) == (403, "not_registered")


async def test_signing_twice_registers_once(house):
    await house.add_organisation()
    page = await house.logged_in()
    registration = await page.registration(DATE_OF_BIRTH)
    card = house.register.card(house.holder)
    return_uri = await house.agent().prove(registration.session.agent_uri, card)
    await page.complete(return_uri)

    assert await refused(page.complete(return_uri)) == (404, "not_found")
    events = [event["action"] for event in await house.events()]
    assert events.count("PersonRegistered") == 1


async def test_a_revocation_ends_every_session_of_the_person(house, page):
    phone = await house.bind(page)
    elsewhere = await house.logged_in()
    offered = await page.start_pairing()
    await revoke(house, phone)

    for each in (page, elsewhere):
        assert await refused(each.start_pairing()) == (401, "invalid_token")
        assert await refused(each.pairing(offered.id)) == (401, "invalid_token")
        assert await refused(each.confirm(offered.id, "1234")) == (401, "invalid_token")
        assert await refused(each.registration(DATE_OF_BIRTH)) == (401, "invalid_token")
    await page.login(house.agent(), house.register.card(house.holder))
    assert (await page.start_pairing()).id


async def test_a_revocation_ends_a_session_that_was_opened_before_the_registration(house):
    await house.add_organisation()
    early = await house.logged_in(purpose="register-organisation")
    phone = await house.bind()
    assert await refused(early.register_organisation()) == (409, "organisation_exists")
    await revoke(house, phone)

    assert await refused(early.register_organisation()) == (401, "invalid_token")


async def test_a_revocation_ends_no_session_of_another_person(house, page):
    phone = await house.bind(page)
    colleague = await house.registered(Holder(uzi_number="900005678", first_names="Piet"))
    await revoke(house, phone)

    assert (await colleague.start_pairing()).id


async def test_a_block_ends_no_session(house, page):
    """Who lost a phone blocks it at this page, and finds it again."""
    phone = await house.bind(page)
    await house.phone_status().block(phone.credential_id, "operator:test")

    assert (await page.start_pairing()).id


async def test_a_revocation_between_the_session_and_the_commit_binds_no_phone(meddled):
    house, registry = meddled
    page = await house.registered()
    old = await house.bind(page)
    offered = await page.start_pairing()
    phone = SoftwarePhone(house.http)
    offer = await phone.scan(offered.link)
    await phone.prove(offer, None)
    registry.before = lambda: revoke(house, old)

    assert await refused(page.confirm(offered.id, offer.check_number)) == (401, "invalid_token")
    assert registry.before is None
    assert [each["action"] for each in await house.events()].count("AuthenticatorBound") == 1


async def test_a_revocation_between_the_session_and_the_commit_reads_no_notice(meddled):
    house, registry = meddled
    administrator = await managed(house)
    phone = await house.bind(administrator)
    await house.phone_status().suspect(phone.credential_id)
    (notice,) = await administrator.notices()
    registry.before = lambda: revoke(house, phone)

    assert await refused(administrator.read_notice(notice.id)) == (401, "invalid_token")
    assert "NoticeRead" not in [each["action"] for each in await house.events()]


async def test_a_revocation_between_the_session_and_the_commit_registers_no_organisation(meddled):
    house, registry = meddled
    phone = await house.bind()
    elsewhere = replace(house.holder, ura="90009999")
    page = await house.logged_in(elsewhere, purpose="register-organisation")
    registry.before = lambda: revoke(house, phone)

    assert await refused(page.register_organisation()) == (401, "invalid_token")
    assert "OrganisationRegistered" not in [each["action"] for each in await house.events()]


OFFER = Offer(signing="signing", person_id="p", user_name="jan", is_known=True)


@pytest.fixture
async def opened(ports):
    """Sessions without HTTP, and one of them."""
    session = BrowserSession(
        id="s",
        purpose=Purpose.LOGIN,
        card=CARD,
        person_id=None,
        statement={},
        expires_at=ports.clock() + SESSION_LIFETIME,
    )
    shelf = Shelf(ports.store, "browser-session", BrowserSession)
    await shelf.create(session.id, session, SESSION_LIFETIME)
    return BrowserSessions(ports), session, shelf


async def test_an_offer_takes_the_place_of_the_one_before(opened):
    sessions, session, shelf = opened
    newer = replace(OFFER, signing="newer")

    assert await sessions.note_offer(session, OFFER) is None
    assert await sessions.note_offer(session, newer) == OFFER
    assert (await shelf.get(session.id)).value.offer == newer


async def test_what_was_denied_stays_denied(opened):
    sessions, session, _ = opened
    await sessions.note_offer(session, OFFER)
    denied = replace(OFFER, is_denied=True)

    assert await sessions.deny_offer(session) == denied
    assert await sessions.deny_offer(session) == denied
    with pytest.raises(Unauthenticated):
        await sessions.note_offer(session, OFFER)


async def test_nothing_is_denied_but_a_known_record(opened):
    sessions, session, _ = opened

    assert await sessions.deny_offer(session) is None
    await sessions.note_offer(session, replace(OFFER, is_known=False))
    assert await sessions.deny_offer(session) is None
    await sessions.note_offer(session, OFFER)
    assert await sessions.deny_offer(session)


async def test_a_session_that_has_ended_is_offered_and_denies_nothing(opened):
    sessions, session, _ = opened
    await sessions.end(session)

    with pytest.raises(Unauthenticated):
        await sessions.note_offer(session, OFFER)
    assert await sessions.deny_offer(session) is None
