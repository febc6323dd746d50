"""The people of an organisation, and its administrators."""

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from pairing_server.registry import members, people
from pairing_server.registry.members import Member, Standing, Wanted
from pairing_server.registry.people import AdministrativeRole, MembershipKind, PersonStatus
from tests.registry.people import COLLEAGUE, MEMBERSHIP, NOW, ORGANISATION, PERSON, add_everybody

URA = ORGANISATION.ura
STAYING = replace(MEMBERSHIP, valid_until=None)
SECOND = replace(STAYING, person_id=COLLEAGUE.id)


def fill(tx):
    add_everybody(tx)
    people.put_membership(tx, STAYING)
    people.put_membership(tx, SECOND)


@pytest.fixture
async def filled(registry):
    await registry.commit(fill)
    return registry


async def test_everybody_who_was_ever_linked_is_of_the_organisation(filled):
    over = replace(SECOND, valid_until=NOW)
    await filled.commit(lambda tx: people.put_membership(tx, over))

    found = await filled.read(lambda tx: members.of_organisation(tx, URA))

    assert found == [Member(PERSON, STAYING), Member(COLLEAGUE, over)]
    assert await filled.read(lambda tx: members.count(tx, URA, NOW)) == 1
    assert await filled.read(lambda tx: members.of_organisation(tx, "00000000")) == []
    assert await filled.read(lambda tx: members.count(tx, "00000000", NOW)) == 0


async def test_a_closed_record_is_nobody_of_the_organisation(filled):
    closed = replace(COLLEAGUE, status=PersonStatus.CLOSED)
    await filled.commit(lambda tx: people.update_person(tx, closed))

    assert [
        each.person for each in await filled.read(lambda tx: members.of_organisation(tx, URA))
    ] == [PERSON]


def paged(tx, after="", limit=9, **wanted):
    found = members.page(tx, URA, Wanted(**wanted), NOW, after, limit)
    return [each.person.id for each in found]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["person-1"]),
        ({"standing": Standing.ENDED}, ["person-2"]),
        ({"standing": Standing.ALL}, ["person-1", "person-2"]),
        ({"standing": Standing.ALL, "kind": MembershipKind.GUEST}, ["person-2"]),
        ({"role_code": "01.015"}, ["person-1"]),
        ({"role_code": "01.016"}, ["person-1"]),
        ({"role_code": "01.01"}, []),
    ],
)
async def test_members_are_found_by_what_they_are(filled, wanted, found):
    over = replace(SECOND, valid_until=NOW, kind=MembershipKind.GUEST)
    several = replace(STAYING, other_role_codes=("01.016",))
    await filled.commit(lambda tx: [people.put_membership(tx, each) for each in (over, several)])

    assert await filled.read(lambda tx: paged(tx, **wanted)) == found


async def test_a_page_of_members_begins_behind_the_last_one(filled):
    assert await filled.read(lambda tx: paged(tx, limit=1)) == ["person-1"]
    assert await filled.read(lambda tx: paged(tx, "person-1", 1)) == ["person-2"]
    assert await filled.read(lambda tx: paged(tx, "person-2", 1)) == []
    assert await filled.read(lambda tx: members.page(tx, "00000000", Wanted(), NOW, "", 9)) == []


async def test_a_closed_record_is_on_no_page(filled):
    closed = replace(COLLEAGUE, status=PersonStatus.CLOSED)
    await filled.commit(lambda tx: people.update_person(tx, closed))

    assert await filled.read(lambda tx: paged(tx, standing=Standing.ALL)) == ["person-1"]


async def test_administrators_are_those_who_stay(filled):
    assert await filled.read(lambda tx: members.administrators(tx, URA)) == [
        PERSON.id,
        COLLEAGUE.id,
    ]
    assert await filled.read(lambda tx: members.administrators(tx, "00000000")) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"administrative_role": AdministrativeRole.OPERATOR},
        {"administrative_role": None},
        {"valid_until": NOW + timedelta(days=365)},
    ],
    ids=["operator", "nothing", "for a time"],
)
async def test_who_does_not_administer_for_good_is_none_of_them(filled, changed):
    await filled.commit(lambda tx: people.put_membership(tx, replace(SECOND, **changed)))

    assert await filled.commit(lambda tx: members.administrators_for_update(tx, URA)) == [
        PERSON.id
    ]


async def test_a_closed_administrator_is_none(filled):
    closed = replace(COLLEAGUE, status=PersonStatus.CLOSED)
    await filled.commit(lambda tx: people.update_person(tx, closed))

    assert await filled.read(lambda tx: members.administrators(tx, URA)) == [PERSON.id]


async def test_of_two_who_dismiss_each_other_the_second_sees_the_first(postgresql_url, open_at):
    one, other = open_at(postgresql_url, "one"), open_at(postgresql_url, "other")
    await one.commit(fill)
    has_locked, go_on, seen = threading.Event(), threading.Event(), {}

    def first(tx):
        members.administrators_for_update(tx, URA)
        has_locked.set()
        go_on.wait(10)
        people.put_membership(tx, replace(SECOND, administrative_role=None))
        seen["first"] = members.administrators(tx, URA)

    def second(tx):
        members.administrators_for_update(tx, URA)
        people.put_membership(tx, replace(STAYING, administrative_role=None))
        seen["second"] = members.administrators(tx, URA)

    dismissing = asyncio.create_task(one.commit(first))
    await asyncio.to_thread(has_locked.wait, 10)
    waiting = asyncio.create_task(other.commit(second))
    await asyncio.sleep(0.3)
    go_on.set()
    await asyncio.gather(dismissing, waiting)

    assert seen == {"first": [PERSON.id], "second": []}
