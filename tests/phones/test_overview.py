"""A phone reads of its own person, and of nobody else."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import msgspec
import sqlalchemy as sa

from pairing_server.push import PushFailedError, health
from pairing_server.registry.tables import credential as table
from tests.phones.conftest import refused
from tests.registry.listings import written_past


async def told(phone, path):
    return msgspec.json.decode((await phone._call("GET", path)).raw)


async def test_a_phone_knows_what_it_is_bound_to(owner):
    holder = owner.house.holder
    bound = await told(owner.phone, "/phone/credential")
    assert {
        "name": "Jan Jansen",
        "uzi_number": holder.uzi_number,
        "organisation": holder.organisation_name,
        "ura": holder.ura,
        "role_code": holder.role_code,
        "is_default": False,
        "push": None,
        "status": "active",
    }.items() <= bound.items()
    assert bound["role"]


async def test_a_phone_sees_its_siblings_with_their_last_use(owner):
    other = await owner.another(push_token="push")
    workstation = await owner.house.workstation()
    await owner.house.approved(other, workstation)
    this, that = (await told(owner.phone, "/phone/credentials"))["credentials"]
    assert (this["is_this"], that["is_this"]) == (True, False)
    assert (this["last_used_at"], this["push"], that["push"]) == (None, None, "fcm")
    assert that["credential_id"] == other.credential_id
    assert (
        that["last_used_workstation"],
        that["last_used_location"],
        that["last_used_organisation"],
    ) == ("Balie 1", "Polikliniek", owner.house.holder.organisation_name)


async def test_a_phone_sees_how_it_and_its_siblings_were_woken(owner, monkeypatch):
    monkeypatch.setattr(health, "WRITE_AFTER", timedelta(0))
    other = await owner.another(push_token="push")
    never = {"last_ok_at": None, "last_error_at": None, "last_error": ""}
    assert (await told(other, "/phone/credential"))["push_health"] == never
    owner.house.push.error = PushFailedError("DeviceMessageRateExceeded")
    await owner.house.ask(await owner.house.workstation())
    await asyncio.sleep(0.1)
    found = (await told(other, "/phone/credential"))["push_health"]
    assert found["last_error"] == "DeviceMessageRateExceeded"
    assert found["last_error_at"] is not None
    this, that = (await told(owner.phone, "/phone/credentials"))["credentials"]
    assert (this["push_health"], that["push_health"]) == (never, found)


async def test_a_revoked_phone_is_no_sibling_and_a_blocked_one_is(owner):
    blocked, revoked = await owner.another(), await owner.another()
    await owner.block(blocked)
    await owner.revoke(revoked)
    seen = (await told(owner.phone, "/phone/credentials"))["credentials"]
    assert {each["credential_id"]: each["status"] for each in seen} == {
        owner.phone.credential_id: "active",
        blocked.credential_id: "blocked",
    }


async def test_an_expired_phone_is_told_as_one_and_hears_it(owner):
    expired = await owner.another()
    past = sa.update(table).where(table.c.id == expired.credential_id).values(expires_at=0)
    await owner.house.registry.commit(lambda tx: written_past(tx, past))
    seen = (await told(owner.phone, "/phone/credentials"))["credentials"]
    assert {each["credential_id"]: each["status"] for each in seen} == {
        expired.credential_id: "expired",
        owner.phone.credential_id: "active",
    }
    assert await refused(expired.auth_requests()) == (403, "phone_expired")


async def test_the_history_is_the_newest_first_with_what_was_shown(owner):
    workstation = await owner.house.workstation()
    await owner.house.approved(owner.phone, workstation)
    await owner.house.ask(workstation)
    (request,) = await owner.phone.auth_requests()
    await owner.phone.deny(request, "not_me")
    denied, approved, paired = (await told(owner.phone, "/phone/history"))["events"]
    assert (denied["kind"], denied["reason"], denied["client"]) == ("denied", "not_me", "HIS")
    assert (approved["kind"], approved["workstation"], approved["location"]) == (
        "approved",
        "Balie 1",
        "Polikliniek",
    )
    assert (paired["kind"], paired["credential_id"]) == ("paired", owner.phone.credential_id)


async def test_a_key_for_one_organisation_reads_nothing_of_the_others(owner):
    other = await owner.another()
    await owner.house.approved(other, await owner.house.workstation())
    limit = sa.update(table).where(table.c.id == owner.phone.credential_id)
    await owner.house.registry.commit(lambda tx: tx.run(limit.values(only_ura="90000777")))

    history = (await told(owner.phone, "/phone/history"))["events"]
    _, that = (await told(owner.phone, "/phone/credentials"))["credentials"]

    assert history == []
    assert that["last_used_at"] is not None
    assert (
        that["last_used_workstation"],
        that["last_used_location"],
        that["last_used_organisation"],
    ) == ("", "", "")


async def test_what_others_do_to_a_phone_is_history_too(owner):
    other = await owner.another()
    await owner.block(other)
    (newest, *_) = (await told(owner.phone, "/phone/history"))["events"]
    assert (newest["kind"], newest["credential_id"]) == ("blocked", other.credential_id)


async def test_nobody_reads_of_another_person(owner):
    colleague = replace(owner.house.holder, first_names="Piet", uzi_number="900005678")
    stranger = await owner.house.bind(await owner.house.registered(colleague))
    for path, member in (
        ("/phone/credentials", "credentials"),
        ("/phone/history", "events"),
        ("/phone/notices", "notices"),
    ):
        told_of = str((await told(stranger, path))[member])
        assert owner.phone.credential_id not in told_of
    assert len((await told(stranger, "/phone/credentials"))["credentials"]) == 1


async def test_a_phone_is_told_of_the_others_since_it_was_bound_and_not_of_itself(owner):
    other = await owner.another()
    (told_of_other,) = await owner.phone.notices()
    assert (told_of_other.kind, told_of_other.credential_id) == (
        "phone_added",
        other.credential_id,
    )
    assert await other.notices() == []
    await owner.block(other)
    assert [notice.kind for notice in await owner.phone.notices()] == [
        "phone_blocked",
        "phone_added",
    ]


async def test_no_answer_holds_a_token_or_a_push_address(owner):
    await owner.phone.register_push({"service": "fcm", "token": "a-secret-address"})
    for path in ("credential", "credentials", "history", "notices"):
        raw = (await owner.phone._call("GET", f"/phone/{path}")).raw.decode()
        assert "a-secret-address" not in raw
        assert owner.phone.device_token not in raw
