"""Where a person has logged in, and whence they will not be woken, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pairing_server.registry import clients, person_workstations
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.person_workstations import LISTED, PersonWorkstation, Place
from tests.keys.handset import URA, add_person

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
CLIENT = Client(
    id="his",
    name="HIS",
    jwks={"keys": []},
    uras=(URA,),
    redirect_uris=(),
    policy={},
    status=ClientStatus.ACTIVE,
    created_at=NOW,
)


@pytest.fixture
async def place(registry):
    person = await add_person(registry, NOW)
    return Place(person.id, CLIENT.id, "ws-1", "Balie 1", "Polikliniek")


async def get(registry, place):
    return await registry.read(
        lambda tx: person_workstations.get(
            tx, place.person_id, place.client_id, place.workstation_id
        )
    )


async def use(registry, place, at=NOW):
    await registry.commit(lambda tx: person_workstations.record_use(tx, place, at))


async def close(registry, place, at=NOW):
    await registry.commit(lambda tx: person_workstations.close_push(tx, place, at))


async def test_where_a_person_never_was_there_is_nothing(registry, place):
    assert await get(registry, place) is None


async def test_where_a_person_logged_in_is_known_to_that_client_and_person_alone(registry, place):
    await use(registry, place)
    assert await get(registry, place) == PersonWorkstation(place, NOW, None)
    assert (await get(registry, place)).is_known
    for field in ("person_id", "client_id", "workstation_id"):
        assert await get(registry, replace(place, **{field: "other"})) is None


async def test_a_workstation_without_a_name_is_not_known(registry, place):
    nameless = replace(place, workstation_id="")
    await use(registry, nameless)
    assert not (await get(registry, nameless)).is_known


async def test_a_use_is_written_once_a_day(registry, place):
    await use(registry, place)
    await use(registry, place, NOW + DAY - HOUR)
    assert (await get(registry, place)).last_used_at == NOW
    await use(registry, place, NOW + DAY)
    assert (await get(registry, place)).last_used_at == NOW + DAY


async def test_a_workstation_that_is_called_otherwise_is_written_at_once(registry, place):
    await use(registry, place)
    moved = replace(place, location="Kliniek")
    await use(registry, moved, NOW + HOUR)
    assert await get(registry, place) == PersonWorkstation(moved, NOW + HOUR, None)


async def test_closing_makes_nothing_known_and_forgets_nothing(registry, place):
    await close(registry, place)
    assert await get(registry, place) == PersonWorkstation(place, None, NOW)
    assert not (await get(registry, place)).is_known
    other = replace(place, workstation_id="ws-2")
    await use(registry, other)
    await close(registry, other, NOW + HOUR)
    assert await get(registry, other) == PersonWorkstation(other, NOW, NOW + HOUR)


async def test_a_login_opens_it_again_also_on_the_same_day(registry, place):
    await use(registry, place)
    await close(registry, place)
    await use(registry, place, NOW + HOUR)
    assert await get(registry, place) == PersonWorkstation(place, NOW + HOUR, None)


async def test_its_person_opens_it_again_and_only_once(registry, place):
    await use(registry, place)
    await close(registry, place)

    async def open_push(person_id):
        return await registry.commit(
            lambda tx: person_workstations.open_push(
                tx, person_id, place.client_id, place.workstation_id
            )
        )

    assert await open_push("other") is False
    assert await open_push(place.person_id) is True
    assert await open_push(place.person_id) is False
    assert await get(registry, place) == PersonWorkstation(place, NOW, None)


async def test_a_person_sees_their_own_newest_first(registry, place):
    await registry.commit(lambda tx: clients.add(tx, CLIENT))
    places = [replace(place, workstation_id=f"ws-{number}") for number in range(3)]
    for number, each in enumerate(places):
        await use(registry, each, NOW + number * HOUR)
    await close(registry, places[0], NOW + DAY)
    found = await registry.read(lambda tx: person_workstations.of_person(tx, place.person_id))
    assert [each.place.workstation_id for each, _ in found] == ["ws-0", "ws-2", "ws-1"]
    assert {name for _, name in found} == {CLIENT.name}
    assert await registry.read(lambda tx: person_workstations.of_person(tx, "other")) == []


async def test_no_more_are_listed_than_anybody_reads(registry, place):
    await registry.commit(lambda tx: clients.add(tx, CLIENT))

    def many(tx):
        for number in range(LISTED + 1):
            each = replace(place, workstation_id=f"ws-{number}")
            person_workstations.record_use(tx, each, NOW + number * HOUR)

    await registry.commit(many)
    found = await registry.read(lambda tx: person_workstations.of_person(tx, place.person_id))
    assert len(found) == LISTED
    assert found[0][0].place.workstation_id == f"ws-{LISTED}"
