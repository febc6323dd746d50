"""A service desk's tool sees phones and blocks one: from the answer on it opens nothing."""

from datetime import timedelta

import pytest

from admin.api.gate import MachineVisit
from admin.lost_phone import LostPhoneFlow
from admin.machine import actor_of
from clients.wire import WireError
from pairing_server.clock import wire_time
from pairing_server.errors import Unauthenticated
from pairing_server.registry import clients
from pairing_server.registry.clients import ClientStatus
from tests.admin.desk import ELSEWHERE, employ, id_of
from tests.admin.machine import program
from tests.keys.handset import MeanwhileRegistry


@pytest.fixture
async def phone(house):
    return await house.bind()


@pytest.fixture
async def desk(house, phone):
    who = await program(house, "see_person", "block_phone")
    who.holder = await id_of(house, house.holder)
    return who


def phones_of(desk):
    return f"/people/{desk.holder}/phones"


async def block(desk, phone, key="", **body):
    return await desk.post(f"{phones_of(desk)}/{phone.credential_id}/block", body, key)


async def test_phones_are_told_of_and_that_somebody_looked_is_in_the_log(desk, house, phone):
    await house.approved(phone, await house.workstation())

    said = await desk.get(phones_of(desk))

    (told,) = said.body["phones"]
    assert (told["id"], told["status"]) == (phone.credential_id, "active")
    assert told["last_used_workstation"] == "Balie 1"
    assert told["used_after_loss"] is None
    looked = [each for each in await house.events() if each["action"] == "PhoneUseViewed"]
    assert [each["actor"] for each in looked] == [f"client:{desk.client.id}"]


async def test_whether_it_was_used_after_the_loss_is_answered(desk, house, phone):
    before = wire_time(house.ports.clock() - timedelta(minutes=10))
    await house.approved(phone, await house.workstation())

    used = await desk.get(f"{phones_of(desk)}?lost_at={before}")
    later = wire_time(house.ports.clock() + timedelta(minutes=1))
    unused = await desk.get(f"{phones_of(desk)}?lost_at={later}")

    assert used.body["phones"][0]["used_after_loss"] == "used"
    assert unused.body["phones"][0]["used_after_loss"] == "not_used"


@pytest.mark.parametrize(
    "lost_at", ["yesterday", "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "2026-11-27T03:00:00"]
)
async def test_only_a_moment_of_the_last_year_is_one(desk, phone, lost_at):
    said = await desk.get(f"{phones_of(desk)}?lost_at={lost_at}")

    assert (said.status, said.error, said.body["field"]) == (400, "invalid_field", "lost_at")
    assert (await block(desk, phone, lost_at=lost_at)).status == 400


async def test_a_phone_that_is_blocked_opens_nothing_and_its_log_says_who_did_it(
    desk, house, phone
):
    lost_at = wire_time(house.ports.clock() - timedelta(hours=1))

    said = await block(desk, phone, lost_at=lost_at)

    assert (said.status, said.body) == (204, b"")
    with pytest.raises(WireError):
        await phone.auth_requests()
    event = (await house.events())[-1]
    assert (event["action"], event["actor"]) == (
        "AuthenticatorBlocked",
        f"client:{desk.client.id}",
    )
    assert lost_at in event["evidence"]


async def test_the_same_call_again_is_answered_the_same_and_another_one_is_too_late(desk, phone):
    first = await block(desk, phone, "key")
    again = await block(desk, phone, "key")
    other = await block(desk, phone, "another")

    assert (first.status, again.status) == (204, 204)
    assert (other.status, other.error) == (409, "conflict")
    assert other.body["status"] == "blocked"


async def test_a_phone_of_somebody_else_is_none(desk, house, phone):
    await employ(house, "anna")
    await employ(house, "boris", ura=ELSEWHERE)

    for person in ("anna", "boris", "nobody"):
        said = await desk.post(f"/people/{person}/phones/{phone.credential_id}/block", {})
        assert (said.status, said.error) == (404, "not_found")


async def test_of_use_elsewhere_it_is_told_that_it_was_and_not_at_which_workstation(
    desk, house, phone
):
    await house.add_organisation(ELSEWHERE, "Elders")
    await employ(house, desk.holder, ura=ELSEWHERE)
    there = await house.workstation("EPD", uras=(ELSEWHERE,))
    started = await house.ask(there, ura=ELSEWHERE)
    (request,) = await phone.auth_requests()
    await phone.approve(request, started.binding_code)

    (told,) = (await desk.get(phones_of(desk))).body["phones"]

    assert told["last_used_organisation"] == "Elders"
    assert told["last_used_workstation"] is None


@pytest.mark.parametrize("body", [{"reason": "lost"}, {"status": "revoked"}, {"lost_at": 5}])
async def test_nothing_else_is_done_by_the_way(desk, phone, body):
    said = await block(desk, phone, **body)

    assert (said.status, said.error) == (400, "invalid_request")
    assert await phone.auth_requests() == []


async def test_a_program_that_was_closed_at_the_same_moment_blocks_nothing(desk, house, phone):
    client = await house.registry.read(lambda tx: clients.get(tx, desk.client.id))
    actor = actor_of(client, desk.ura, house.ports.clock())
    visit = MachineVisit(client=client, actor=actor)
    registry = MeanwhileRegistry(house.registry, lambda: desk.agreed(status=ClientStatus.CLOSED))
    flow = LostPhoneFlow(house.ports, house.phone_status(registry), None)

    with pytest.raises(Unauthenticated):
        await flow.block(visit.still, phone.credential_id, {})

    assert registry.stalled
    assert await phone.auth_requests() == []
