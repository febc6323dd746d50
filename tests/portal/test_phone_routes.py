"""The JSON of a card holder's own phones, and from where it is taken."""

import pytest
import sqlalchemy as sa

from pairing_server.portal.session import SESSION_LIFETIME
from pairing_server.registry import credentials, push_health
from pairing_server.registry.push_health import PushHealth
from pairing_server.registry.tables import credential as table
from tests.portal.conftest import refused
from tests.registry.listings import written_past

SESSION = "session"


def cookie(page):
    return next((one.value for one in page._http.cookie_jar if one.key == SESSION), None)


@pytest.fixture
async def page(house):
    return await house.registered()


@pytest.fixture
async def phone(house, page):
    return await house.bind(page)


async def test_a_phone_is_listed_with_its_last_use(house, page, phone):
    await house.approved(phone, await house.workstation())
    await page.rename_phone(phone.credential_id, "Dienst 2")

    async with page._http.get(house.base_url + "/portal/phones") as answer:
        (seen,) = (await answer.json())["phones"]

    kept = await house.registry.read(lambda tx: credentials.get(tx, phone.credential_id))
    assert seen.pop("bound_at") < seen.pop("last_used_at") < seen.pop("expires_at")
    assert seen == {
        "credential_id": phone.credential_id,
        "device_name": "Dienst 2",
        "platform": "other",
        "model": kept.model,
        "status": "active",
        "is_default": False,
        "last_used_workstation": "Balie 1",
        "last_used_location": "Polikliniek",
        "last_used_organisation": house.holder.organisation_name,
        "push": None,
        "push_health": {"last_ok_at": None, "last_error_at": None, "last_error": ""},
        "can_unblock": False,
    }
    assert answer.headers["Cache-Control"] == "no-store"


async def test_it_is_told_how_a_phone_is_woken_and_what_went_wrong(house, page, phone):
    await phone.register_push({"service": "fcm", "token": "t"})
    failed = PushHealth(last_error_at=house.ports.clock(), last_error="UNREGISTERED")
    await house.registry.commit(lambda tx: push_health.write(tx, {phone.credential_id: failed}))

    (seen,) = await page.phones()

    assert (seen.push, seen.push_health.last_error) == ("fcm", "UNREGISTERED")
    assert (seen.push_health.last_ok_at, seen.push_health.last_error_at is None) == (None, False)


async def test_the_chosen_phone_is_told(page, phone):
    await phone.make_default(phone.credential_id)

    assert [each.is_default for each in await page.phones()] == [True]


async def test_a_phone_whose_key_is_too_old_is_told_as_one(house, page, phone):
    past = sa.update(table).values(expires_at=0)
    await house.registry.commit(lambda tx: written_past(tx, past))

    assert [each.status for each in await page.phones()] == ["expired"]


async def test_what_happened_is_told_newest_first(house, page, phone):
    await house.approved(phone, await house.workstation())
    await page.block_phone(phone.credential_id)
    await page.unblock_phone(phone.credential_id)

    told = await page.history()

    assert [each.kind for each in told] == ["unblocked", "blocked", "approved", "paired"]
    assert (told[2].workstation, told[2].client) == ("Balie 1", "HIS")
    assert {each.credential_id for each in told} == {phone.credential_id}


@pytest.mark.parametrize("name", ["", "   ", "x" * 41, "a\u202eb", "a\nb", 7, None])
async def test_a_name_that_cannot_be_shown_is_refused(page, phone, name):
    told = await refused(page.rename_phone(phone.credential_id, name))

    assert told == (400, "invalid_request")
    assert [each.device_name for each in await page.phones()] == ["software phone"]


CALLS = ("block", "unblock", "revoke", "rename")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("headers", [{}, {"Origin": "https://kwaad.example"}])
async def test_another_sites_page_does_nothing(house, page, phone, call, headers):
    before = await house.events()
    path = f"{house.base_url}/portal/phones/{phone.credential_id}/{call}"

    async with page._http.post(path, json={"name": "x"}, headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]) == (403, "cross_site")
        assert "Set-Cookie" not in answer.headers

    assert await house.events() == before


@pytest.mark.parametrize("call", CALLS)
async def test_without_a_session_nothing_is_done(house, phone, call):
    stranger = await house.page()

    told = await refused(stranger._post(f"/portal/phones/{phone.credential_id}/{call}", {}))

    assert told == (401, "invalid_token")
    assert await refused(stranger.phones()) == (401, "invalid_token")
    assert await refused(stranger.history()) == (401, "invalid_token")


async def test_who_revokes_goes_on_in_another_session_for_as_long_as_was_left(house, page, phone):
    old, expected = cookie(page), house.ports.clock() + SESSION_LIFETIME
    house.ports.clock.advance(SESSION_LIFETIME / 2)
    await page.revoke_phone(phone.credential_id)

    assert cookie(page) not in (None, old)
    assert await page.phones() == []
    house.ports.clock.advance(expected - house.ports.clock())
    assert await refused(page.phones()) == (401, "invalid_token")


async def test_a_refused_revocation_opens_no_session(page, phone):
    old = cookie(page)

    assert await refused(page.revoke_phone("unknown")) == (404, "not_found")
    assert cookie(page) == old
