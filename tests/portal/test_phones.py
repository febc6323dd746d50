"""A card holder and their own phones: what was authorised by what, and what comes in between."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import msgspec
import pytest

from clients.card_profile import Holder
from pairing_server.keys.status import Reason
from pairing_server.registry import credentials, people
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.people import PersonStatus
from tests.approvals.desk import results
from tests.portal.conftest import refused, revoke

COLLEAGUE = Holder(uzi_number="900005678", first_names="Piet")
ACTS = {
    "block": "AuthenticatorBlocked",
    "unblock": "AuthenticatorUnblocked",
    "revoke": "AuthenticatorRevoked",
    "rename": "PhoneRenamed",
}


async def act(page, name, phone):
    value = ("Dienst 2",) if name == "rename" else ()
    await getattr(page, f"{name}_phone")(phone.credential_id, *value)


async def stored(house, phone):
    return await house.registry.read(lambda tx: credentials.get(tx, phone.credential_id))


async def events(house, action):
    return [each for each in await house.events() if each["action"] == action]


@pytest.fixture
async def page(house):
    return await house.registered()


@pytest.fixture
async def phone(house, page):
    return await house.bind(page)


async def test_a_lost_phone_is_blocked_and_works_again_when_it_is_found(house, page, phone):
    await page.block_phone(phone.credential_id)
    assert await refused(phone.auth_requests()) == (403, "phone_blocked")
    (seen,) = await page.phones()
    assert (seen.status, seen.can_unblock) == ("blocked", True)

    await page.unblock_phone(phone.credential_id)

    assert await phone.auth_requests() == []
    (seen,) = await page.phones()
    assert (seen.status, seen.can_unblock) == ("active", False)


async def test_a_block_ends_the_requests_that_are_open(house, page, phone):
    workstation = await house.workstation()
    started = await house.ask(workstation)
    await page.block_phone(phone.credential_id)

    assert await refused(workstation.poll(started)) == (400, "access_denied")


async def test_a_revoked_phone_is_gone_and_the_person_goes_on(house, page, phone):
    other = await house.bind(page)
    elsewhere = await house.logged_in()
    await page.revoke_phone(phone.credential_id)

    assert await refused(phone.auth_requests()) == (401, "invalid_token")
    assert await other.auth_requests() == []
    assert [each.credential_id for each in await page.phones()] == [other.credential_id]
    assert await refused(elsewhere.phones()) == (401, "invalid_token")
    assert (await stored(house, phone)).status_reason == Reason.LOST


@pytest.mark.parametrize(("name", "action"), ACTS.items())
async def test_the_evidence_is_what_the_card_signed_at_the_login(house, page, phone, name, action):
    await house.phone_status().block(phone.credential_id, "operator:test")
    if name == "block":
        await page.unblock_phone(phone.credential_id)
    await act(page, name, phone)

    event = (await events(house, action))[-1]
    evidence = msgspec.json.decode(event["evidence"])
    person_id = (await stored(house, phone)).person_id
    assert (event["actor"], event["ura"]) == (f"person:{person_id}", house.holder.ura)
    assert event["object"] == f"credential:{phone.credential_id}"
    assert evidence["by"] == "uzi-pas"
    assert evidence["changed"] == {
        "credential": phone.credential_id,
        "uzi_number": house.holder.uzi_number,
    }
    assert {"statement", "signature", "certificate", "origin"} <= evidence.keys()
    assert evidence["purpose"] == "sign-registration"


async def test_a_new_name_is_kept_with_the_old_one(house, page, phone):
    await page.rename_phone(phone.credential_id, "Dienst 1")
    await page.rename_phone(phone.credential_id, "Dienst 2")

    assert (await stored(house, phone)).name == "Dienst 2"
    last = msgspec.json.decode((await events(house, "PhoneRenamed"))[-1]["evidence"])
    assert last["renamed"] == {"from": "Dienst 1", "to": "Dienst 2"}


async def test_a_key_that_may_have_been_copied_is_not_unblocked_but_revoked(house, page, phone):
    await house.phone_status().suspect(phone.credential_id)
    (seen,) = await page.phones()
    assert (seen.status, seen.can_unblock) == ("blocked", False)

    assert await refused(page.unblock_phone(phone.credential_id)) == (409, "not_unblocked")
    assert (await stored(house, phone)).status is CredentialStatus.BLOCKED
    await page.revoke_phone(phone.credential_id)
    assert await page.phones() == []


@pytest.mark.parametrize("name", ACTS)
async def test_unknown_foreign_and_revoked_are_one_answer(house, page, phone, name):
    stranger = await house.bind(await house.registered(COLLEAGUE))
    gone = await house.bind(page)
    await page.revoke_phone(gone.credential_id)
    unknown = SimpleNamespace(credential_id="unknown")

    for each in (stranger, gone, unknown):
        assert await refused(act(page, name, each)) == (404, "not_found")
    assert (await stored(house, stranger)).status is CredentialStatus.ACTIVE
    assert (await stored(house, stranger)).name == ""


@pytest.mark.parametrize("name", ["block", "unblock"])
async def test_what_is_done_already_is_a_conflict(house, page, phone, name):
    if name == "block":
        await page.block_phone(phone.credential_id)

    assert await refused(act(page, name, phone)) == (409, "conflict")


async def test_the_other_phones_are_told(house, page, phone):
    other = await house.bind(page, push_token="push")
    house.push.sent.clear()
    await page.block_phone(phone.credential_id)

    assert [each.kind for each in await other.notices()][:1] == ["phone_blocked"]
    await asyncio.sleep(0.1)
    assert [address.address for address, _ in house.push.sent] == ["push"]


async def test_who_is_not_registered_has_no_phones(house):
    await house.add_organisation()
    page = await house.logged_in()

    for call in (page.phones(), page.history(), page.block_phone("x"), page.revoke_phone("x")):
        assert await refused(call) == (403, "not_registered")


async def test_whose_record_was_closed_does_nothing_any_more(house, page, phone):
    def close(tx):
        person = people.get_person(tx, credentials.get(tx, phone.credential_id).person_id)
        people.update_person(tx, replace(person, status=PersonStatus.CLOSED))

    await house.phone_status().block(phone.credential_id, "operator:test")
    await house.registry.commit(close)

    assert await refused(page.phones()) == (403, "record_closed")
    assert await refused(page.unblock_phone(phone.credential_id)) == (403, "record_closed")


@pytest.mark.parametrize("name", ACTS)
async def test_a_revocation_between_the_session_and_the_commit_wins(meddled, name):
    house, registry = meddled
    page = await house.registered()
    phone, other = await house.bind(page), await house.bind(page)
    if name == "unblock":
        await page.block_phone(phone.credential_id)
    before = await stored(house, phone)
    registry.before = lambda: revoke(house, other)

    assert await refused(act(page, name, phone)) == (401, "invalid_token")
    assert registry.before is None
    assert await stored(house, phone) == before


@pytest.mark.parametrize("name", ACTS)
async def test_a_phone_that_is_revoked_before_the_commit_is_gone(meddled, name):
    house, registry = meddled
    page = await house.registered()
    phone = await house.bind(page)

    async def revoke_alone():
        def change(tx):
            tx_status = credentials.get(tx, phone.credential_id).status
            revoked = CredentialStatus.REVOKED
            credentials.set_status(
                tx, phone.credential_id, tx_status, revoked, house.ports.clock()
            )

        await house.registry.commit(change)

    registry.before = revoke_alone

    assert await refused(act(page, name, phone)) == (404, "not_found")
    assert await events(house, ACTS[name]) == []


async def test_a_revocation_after_ones_own_ends_the_session_that_goes_on(meddled):
    house, registry = meddled
    page = await house.registered()
    phone, other = await house.bind(page), await house.bind(page)
    registry.after = lambda: revoke(house, other)
    await page.revoke_phone(phone.credential_id)

    assert registry.after is None
    assert await refused(page.phones()) == (401, "invalid_token")


async def test_of_many_who_revoke_at_once_one_does(house, page, phone):
    outcomes = await results(*(page.revoke_phone(phone.credential_id) for _ in range(8)))

    assert outcomes.count("ok") == 1
    assert set(outcomes) <= {"ok", "not_found", "invalid_token"}
    assert len(await events(house, "AuthenticatorRevoked")) == 1
