"""A person reads what the audit log has of them: on the phone, page by page."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from pairing_server.audit.events import AssertionIssued, AuthRequestApproved, LogViewed
from pairing_server.registry import clients, people
from pairing_server.registry.tables import credential
from tests.phones.conftest import refused

ELSEWHERE = "90000777"


async def page(phone, before="", language="en"):
    path = f"/phone/events?before={before}" if before else "/phone/events"
    headers = {"Authorization": f"Bearer {phone.device_token}", "Accept-Language": language}
    return (await phone._server.call("GET", path, headers=headers)).read(dict)


async def record(owner, *events):
    def change(tx):
        for event in events:
            tx.record(event)

    await owner.house.registry.commit(change)


async def test_a_person_reads_all_that_they_did_with_their_card_and_phones(owner):
    workstation = await owner.house.workstation()
    await owner.house.approved(owner.phone, workstation)
    person = (await owner.stored()).person_id
    client = await owner.house.registry.read(lambda tx: clients.list_all(tx)[-1].id)
    await record(owner, AssertionIssued(actor=f"client:{client}", object=f"person:{person}"))

    events = (await page(owner.phone))["events"]

    kinds = [each["kind"] for each in events]
    assert kinds[:2] == ["AssertionIssued", "AuthRequestApproved"]
    assert {"AuthenticatorBound", "PersonRegistered", "CardProved"} <= set(kinds)
    approved = events[1]
    assert approved["text"] == "A login was approved on the phone"
    assert (approved["own"], approved["by"], approved["refused"]) == (True, "", False)
    assert approved["workstation"] == "Balie 1"
    assert approved["organisation"] == owner.house.holder.organisation_name
    assert approved["credential_id"] == owner.phone.credential_id
    assert (events[0]["own"], events[0]["by"]) == (False, "HIS")


async def test_texts_are_in_the_language_that_is_asked_for(owner):
    dutch = (await page(owner.phone, language="nl"))["events"]

    assert "Een telefoon is gekoppeld" in {each["text"] for each in dutch}


async def test_a_key_for_one_organisation_reads_of_no_other(owner):
    person = (await owner.stored()).person_id
    away = AssertionIssued(actor="client:x", object=f"person:{person}", ura=ELSEWHERE)
    await record(owner, away)
    limit = sa.update(credential).values(only_ura=owner.house.holder.ura)
    assert (await page(owner.phone))["events"][0]["kind"] == "AssertionIssued"

    await owner.house.registry.commit(lambda tx: tx.run(limit))

    events = (await page(owner.phone))["events"]
    assert {each["organisation"] for each in events} == {owner.house.holder.organisation_name}
    assert "AssertionIssued" not in {each["kind"] for each in events}


async def test_a_person_reads_who_looked_at_their_events(owner):
    person = (await owner.stored()).person_id
    await owner.house.add_organisation(ELSEWHERE, "Elders")
    looked = LogViewed(
        actor="person:x",
        object=f"audit-log:{ELSEWHERE}",
        ura=ELSEWHERE,
        evidence={"person": person},
    )
    await record(owner, looked)

    (newest, *_) = (await page(owner.phone))["events"]

    assert (newest["kind"], newest["own"], newest["by"]) == ("LogViewed", False, "Elders")
    assert newest["text"] == "The log was looked at"


async def test_what_the_server_and_its_operators_did_is_told_without_names(owner):
    other = await owner.another()
    await owner.block(other)

    (newest, *_) = (await page(owner.phone))["events"]

    assert newest["kind"] == "AuthenticatorBlocked"
    assert newest["by"] == owner.house.holder.organisation_name
    assert "operator:test" not in str(newest)


async def test_nobody_reads_of_another_person(owner):
    colleague = replace(owner.house.holder, first_names="Piet", uzi_number="900005678")
    stranger = await owner.house.bind(await owner.house.registered(colleague))
    workstation = await owner.house.workstation()
    await owner.house.approved(owner.phone, workstation)

    events = (await page(stranger))["events"]

    assert owner.phone.credential_id not in str(events)
    assert "AuthRequestApproved" not in {each["kind"] for each in events}


async def test_pages_follow_each_other_to_the_end(owner):
    person = (await owner.stored()).person_id
    event = AuthRequestApproved(actor=f"person:{person}", object="auth-request:r", ura=ELSEWHERE)
    await record(owner, *[event] * 60)

    first = await page(owner.phone)
    second = await page(owner.phone, first["next"])

    assert len(first["events"]) == 50
    assert second["next"] == ""
    ids = [each["id"] for each in first["events"] + second["events"]]
    assert len(set(ids)) == len(ids) > 60


@pytest.mark.parametrize("before", ["x", "1.2.3", "%00"])
async def test_a_page_goes_on_where_one_ended_and_nowhere_else(owner, before):
    assert await refused(page(owner.phone, before)) == (400, "invalid_request")


async def test_a_blocked_phone_reads_nothing(owner):
    await owner.another()
    await owner.block()

    assert await refused(page(owner.phone)) == (403, "phone_blocked")
    assert await owner.house.registry.read(lambda tx: people.get_person(tx, "x")) is None
