"""A login at a workstation that is new to its person is told in the log, once."""

import json
from dataclasses import replace

import pytest

from pairing_server.approvals.places import place_of, record_place
from pairing_server.registry import person_workstations
from tests.approvals.requests import NOW, PENDING

NEW = "WorkstationFirstUsed"
FIRST = replace(PENDING, workstation_id="ws-1")
OTHER = replace(
    PENDING, id="r2", workstation_id="ws-2", shown=replace(PENDING.shown, workstation="Balie 9")
)


@pytest.fixture
async def log_in(desk):
    """Log the desk's person in at a workstation.  Returns what the log has of new ones."""
    person = (await desk.bound()).person.id

    async def run(request):
        place = place_of(request, person)
        registry = desk.house.registry
        await registry.commit(lambda tx: record_place(tx, request, place, NOW))
        return [each for each in await desk.house.events() if each["action"] == NEW]

    return run


async def test_where_somebody_logs_in_for_the_first_time_ever_is_not_unusual(log_in):
    assert await log_in(FIRST) == []


async def test_another_workstation_is_told_once_with_where_it_is(desk, log_in):
    await log_in(FIRST)
    (told,) = await log_in(OTHER)

    person = (await desk.bound()).person.id
    assert (told["actor"], told["object"]) == (f"person:{person}", f"client:{OTHER.client_id}")
    assert (told["ura"], told["workstation"]) == (OTHER.shown.ura, "Balie 9")
    assert json.loads(told["evidence"]) == {
        "auth_request": "r2",
        "workstation_id": "ws-2",
        "workstation": "Balie 9",
        "location": OTHER.shown.location,
    }
    assert len(await log_in(OTHER)) == 1
    assert len(await log_in(FIRST)) == 1


async def test_a_workstation_where_they_only_said_not_me_is_new_to_them(desk, log_in):
    await log_in(FIRST)
    place = place_of(OTHER, (await desk.bound()).person.id)
    registry = desk.house.registry
    await registry.commit(lambda tx: person_workstations.close_push(tx, place, NOW))

    assert len(await log_in(OTHER)) == 1


async def test_of_a_program_that_names_no_workstation_nothing_is_known(log_in):
    await log_in(FIRST)

    assert await log_in(replace(OTHER, workstation_id="")) == []


async def test_what_others_did_there_makes_it_no_less_new(desk, log_in):
    await log_in(FIRST)
    house = desk.house
    other = replace(place_of(OTHER, (await desk.bound()).person.id), client_id="another")
    await house.registry.commit(lambda tx: person_workstations.record_use(tx, other, NOW))

    assert len(await log_in(OTHER)) == 1
