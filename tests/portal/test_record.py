"""The races of a registration in the registry, each forced, on SQLite and on PostgreSQL.

Two nodes write at once: the first has done all but its commit when the second begins.
"""

import asyncio
import threading
from dataclasses import replace

import pytest
import sqlalchemy as sa

from pairing_server.errors import NotFound
from pairing_server.portal import record
from pairing_server.portal.registration import (
    ChangedMeanwhile,
    MembershipEnded,
    NotAnAdministrator,
    RecordClosed,
    UnknownOrganisation,
)
from pairing_server.portal.session import BrowserSession
from pairing_server.registry import notices, organisations, people
from pairing_server.registry.organisations import OrganisationStatus
from pairing_server.registry.people import AdministrativeRole, PersonStatus
from pairing_server.registry.tables import organisation as organisation_table
from pairing_server.uzi.session import Purpose, Registration
from tests.databases import *  # noqa: F403  (the fixtures that its `__all__` names)
from tests.portal.records import BIRTHS, BORN, CARD, MEMBERSHIP, NOW, ORGANISATION, PERSON

OTHER_CARD = replace(CARD, uzi_number="900005678")
#: Long enough for the second to come to wherever it waits for the first.
MEANWHILE = 0.3


def begun(card, person_id=PERSON.id, *, is_known=True):
    return Registration(
        uzi_number=card.uzi_number,
        ura=card.ura,
        person_id=person_id,
        is_known=is_known,
        birth_digest=BIRTHS.digest(person_id, BORN),
    )


def registering(card, **options):
    return lambda tx: record.write_registration(tx, card, begun(card, **options), {}, NOW)


@pytest.fixture
async def nodes(open_at, own_url):
    """Two nodes on one database."""
    first, second = open_at(own_url, "first"), open_at(own_url, "second")

    def fill(tx):
        organisations.add(tx, ORGANISATION)
        people.add_person(tx, PERSON)
        people.put_membership(tx, MEMBERSHIP)

    await first.commit(fill)
    return first, second


async def both(nodes, one, other):
    """Let `other` begin on the second node when `one` has all but committed on the first."""
    done, go = threading.Event(), threading.Event()

    def held(tx):
        result = one(tx)
        done.set()
        go.wait(10)
        return result

    first = asyncio.create_task(nodes[0].commit(held))
    await asyncio.to_thread(done.wait, 10)
    second = asyncio.create_task(nodes[1].commit(other))
    await asyncio.sleep(MEANWHILE)
    go.set()
    return await asyncio.gather(first, second, return_exceptions=True)


async def person(nodes, person_id=PERSON.id):
    return await nodes[0].read(lambda tx: people.get_person(tx, person_id))


async def test_of_two_cards_that_take_over_one_record_one_does(nodes):
    won, lost = await both(nodes, registering(CARD), registering(OTHER_CARD))

    assert won == PERSON.id
    assert isinstance(lost, ChangedMeanwhile)
    assert (await person(nodes)).uzi_number == CARD.uzi_number


async def test_of_two_who_make_the_same_person_one_does(nodes):
    other_name = replace(CARD, last_name="De Vries")
    won, lost = await both(
        nodes,
        registering(other_name, person_id="drawn-1", is_known=False),
        registering(other_name, person_id="drawn-2", is_known=False),
    )

    assert won == "drawn-1"
    assert isinstance(lost, ChangedMeanwhile)
    assert await person(nodes, "drawn-2") is None


async def test_who_signs_the_same_twice_at_once_is_registered_once(nodes):
    won, second = await both(nodes, registering(CARD), registering(CARD))

    assert won == PERSON.id
    # PostgreSQL saw no holder yet when it began to wait for the record.
    assert second == PERSON.id or isinstance(second, ChangedMeanwhile)
    assert (await person(nodes)).uzi_number == CARD.uzi_number


def close(tx):
    people.update_person(tx, replace(PERSON, status=PersonStatus.CLOSED))


def unlink(tx):
    people.put_membership(tx, replace(MEMBERSHIP, valid_until=NOW))


def rename(tx):
    people.update_person(tx, replace(PERSON, last_name="De Vries"))


@pytest.mark.parametrize("change", [close, unlink, rename])
async def test_a_record_that_changes_meanwhile_is_not_taken_over(nodes, change):
    _, lost = await both(nodes, change, registering(CARD))

    assert isinstance(lost, ChangedMeanwhile)
    assert (await person(nodes)).uzi_number is None


@pytest.fixture
async def holder(nodes):
    """The person has the card's number already."""
    known = replace(PERSON, uzi_number=CARD.uzi_number)
    await nodes[0].commit(lambda tx: people.update_person(tx, known))
    return known


async def test_a_holder_who_is_closed_meanwhile_stays_closed(nodes, holder):
    closed = replace(holder, status=PersonStatus.CLOSED)

    _, lost = await both(nodes, lambda tx: people.update_person(tx, closed), registering(CARD))

    assert isinstance(lost, RecordClosed)
    assert (await person(nodes)).status is PersonStatus.CLOSED


async def test_a_holder_who_is_unlinked_meanwhile_stays_unlinked(nodes, holder):
    _, lost = await both(nodes, unlink, registering(CARD))

    assert isinstance(lost, MembershipEnded)
    member = await nodes[0].read(lambda tx: people.membership(tx, PERSON.id, CARD.ura))
    assert member.valid_until == NOW


async def test_an_organisation_that_is_closed_meanwhile_gets_nobody(nodes):
    def close_it(tx):
        tx.run(sa.update(organisation_table).values(status=OrganisationStatus.CLOSED.value))

    _, lost = await both(nodes, close_it, registering(CARD))

    assert isinstance(lost, UnknownOrganisation)
    assert (await person(nodes)).uzi_number is None


async def test_a_card_and_its_role_are_taken_over_into_the_record(nodes):
    await nodes[0].commit(registering(replace(CARD, first_names="JAN")))

    taken = await person(nodes)
    assert taken == replace(PERSON, uzi_number=CARD.uzi_number, first_names="JAN")
    member = await nodes[0].read(lambda tx: people.membership(tx, PERSON.id, CARD.ura))
    assert member == replace(MEMBERSHIP, role_code=CARD.role_code)


async def test_a_second_organisation_is_a_second_membership(nodes, holder):
    elsewhere = replace(CARD, ura="90000999", role_code="01.008")
    organisation = replace(ORGANISATION, ura=elsewhere.ura)
    await nodes[0].commit(lambda tx: organisations.add(tx, organisation))

    assert await nodes[0].commit(registering(elsewhere)) == PERSON.id

    members = await nodes[0].read(lambda tx: people.memberships(tx, PERSON.id))
    assert [(one.ura, one.role_code) for one in members] == [
        (CARD.ura, "00.000"),
        (elsewhere.ura, "01.008"),
    ]


SESSION = BrowserSession(
    id="s",
    purpose=Purpose.LOGIN,
    card=CARD,
    person_id=PERSON.id,
    statement={},
    expires_at=NOW,
)


@pytest.mark.parametrize("role", [AdministrativeRole.ADMINISTRATOR, AdministrativeRole.OPERATOR])
async def test_who_manages_an_organisation_sees_what_it_was_told(nodes, role):
    manager = replace(MEMBERSHIP, administrative_role=role)

    def tell(tx):
        people.put_membership(tx, manager)
        record.write_several(tx, CARD, [PERSON], "notice-1", NOW)
        # Told once until it is read.
        record.write_several(tx, CARD, [PERSON], "notice-2", NOW)

    await nodes[0].commit(tell)

    (notice,) = await nodes[0].read(lambda tx: record.read_notices(tx, SESSION, NOW))
    assert (notice.id, notice.kind) == ("notice-1", "several_records")


@pytest.mark.parametrize(
    ("session", "member", "known"),
    [
        (SESSION, {}, {}),
        (replace(SESSION, person_id=None), None, {}),
        (replace(SESSION, card=replace(CARD, ura="90000999")), None, {}),
        (SESSION, {"administrative_role": "administrator", "valid_until": NOW}, {}),
        (SESSION, None, {"status": PersonStatus.CLOSED}),
    ],
    ids=["no manager", "nobody", "of another organisation", "no longer", "closed"],
)
async def test_others_do_not(nodes, session, member, known):
    role = {"administrative_role": AdministrativeRole.ADMINISTRATOR} if member is None else member

    def change(tx):
        people.put_membership(tx, replace(MEMBERSHIP, **role))
        people.update_person(tx, replace(PERSON, **known))

    await nodes[0].commit(change)

    with pytest.raises(NotAnAdministrator):
        await nodes[0].read(lambda tx: record.read_notices(tx, session, NOW))
    with pytest.raises(NotAnAdministrator):
        await nodes[0].commit(lambda tx: record.write_notice_read(tx, session, "x", NOW))


async def test_a_notice_of_another_organisation_is_not_there(nodes):
    manager = replace(MEMBERSHIP, administrative_role=AdministrativeRole.OPERATOR)
    elsewhere = replace(CARD, ura="90000999")

    def change(tx):
        organisations.add(tx, replace(ORGANISATION, ura=elsewhere.ura))
        people.put_membership(tx, manager)
        record.write_several(tx, elsewhere, [PERSON], "notice-1", NOW)

    await nodes[0].commit(change)

    with pytest.raises(NotFound):
        await nodes[0].commit(lambda tx: record.write_notice_read(tx, SESSION, "notice-1", NOW))
    (unread,) = await nodes[0].read(lambda tx: notices.of_organisation(tx, elsewhere.ura))
    assert unread.read_at is None
