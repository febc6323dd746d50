"""A person sees where they log in and whence they are not woken, and undoes the latter."""

import msgspec
import pytest

from clients.card_profile import Holder
from tests.phones.conftest import refused


async def listed(phone):
    answer = msgspec.json.decode((await phone._call("GET", "/phone/workstations")).raw)
    return answer["workstations"]


async def deny(owner, at, /, **context):
    await owner.house.ask(at, request_context=context or None)
    newest, *_ = await owner.phone.auth_requests()
    await owner.phone.deny(newest, "not_me")


@pytest.fixture
async def stranger(house, owner):
    """Somebody else's phone."""
    return await house.bind(await house.registered(Holder(uzi_number="900001101")))


async def test_who_never_logged_in_has_none(owner):
    assert await listed(owner.phone) == []


async def test_where_a_person_logged_in_or_said_not_me_is_listed_newest_first(owner):
    workstation = await owner.house.workstation("HIS")
    await owner.house.approved(owner.phone, workstation)
    await deny(owner, workstation, workstation_id="ws-9", workstation="Hal", location="Entree")
    strange, own = await listed(owner.phone)
    assert (strange["client"], strange["workstation"], strange["location"]) == (
        "HIS",
        "Hal",
        "Entree",
    )
    assert (strange["last_used_at"], own["push_closed_at"]) == (None, None)
    assert strange["push_closed_at"] is not None
    assert (own["workstation"], own["last_used_at"] is not None) == ("Balie 1", True)
    assert strange["id"] != own["id"]
    assert {len(each["id"]) for each in (strange, own)} == {22}


async def test_a_workstation_without_a_name_is_listed_as_one(owner):
    workstation = await owner.house.workstation()
    await deny(owner, workstation)
    (nameless,) = await listed(owner.phone)
    assert (nameless["workstation"], nameless["location"]) == ("", "")


async def test_a_person_opens_a_workstation_again_and_is_woken_from_it(owner):
    await owner.phone.register_push({"service": "fcm", "token": "own"})
    workstation = await owner.house.workstation()
    await deny(owner, workstation, workstation_id="ws-9")
    (closed,) = await listed(owner.phone)
    before = len(owner.house.push.requests())
    await owner.house.ask(workstation, request_context={"workstation_id": "ws-9"})
    assert len(owner.house.push.requests()) == before

    for _ in range(2):
        await owner.phone.open_workstation(closed["id"])

    assert (await listed(owner.phone))[0]["push_closed_at"] is None
    await owner.house.ask(workstation, request_context={"workstation_id": "ws-9"})
    await owner.phone.auth_requests()
    assert len(owner.house.push.requests()) == before + 1
    events = [event for event in await owner.house.events() if event["action"] == "PushOpened"]
    (event,) = events
    assert event["object"] == f"client:{owner.house.client_id}"
    evidence = msgspec.json.decode(event["evidence"])
    assert (evidence["workstation_id"], evidence["credential"]) == (
        "ws-9",
        owner.phone.credential_id,
    )


async def test_another_persons_workstation_is_like_none(owner, stranger):
    workstation = await owner.house.workstation()
    await deny(owner, workstation, workstation_id="ws-9")
    (closed,) = await listed(owner.phone)
    calls = [
        stranger.open_workstation(closed["id"]),
        owner.phone.open_workstation("AAAA"),
    ]
    assert [await refused(call) for call in calls] == [(404, "not_found")] * 2
    assert await listed(stranger) == []
    assert (await listed(owner.phone))[0]["push_closed_at"] is not None
