"""Somebody comes to work for an organisation."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from admin.linking_flow import LinkingFlow
from admin.linking_record import OFFER_LIFETIME, Newcomer
from admin.linking_rules import user_name
from admin.people_refusals import AlreadyLinked, GuestIsAsked, KnownHere
from admin.refusals import Forbidden
from pairing_server.errors import NotFound
from pairing_server.registry import AlreadyExistsError, offers, people
from pairing_server.registry.offers import OfferStatus
from pairing_server.registry.people import MembershipKind
from tests.admin.staff import (
    BIRTHS,
    BORN,
    DESK,
    ELS,
    GUEST_UNTIL,
    NINA,
    NOW,
    OPERATOR,
    OURS,
    actor,
    member,
    membership_of,
    put,
    written,
)

GUEST = Newcomer(
    first_names="Els",
    last_name="de Boer",
    kind=MembershipKind.GUEST,
    role_codes=("01.015",),
    valid_until=GUEST_UNTIL,
)
EMPLOYEE = replace(GUEST, first_names="Piet", kind=MembershipKind.EMPLOYEE, valid_until=None)
UNKNOWN = "999999999"


@pytest.fixture
def flow(staffed, ports):
    return LinkingFlow(ports, BIRTHS)


async def open_offers(registry):
    return await registry.read(lambda tx: offers.of_organisation(tx, OURS.ura))


async def test_an_offer_is_written_and_begins_nothing(flow, staffed):
    offered = await flow.offer(OPERATOR, GUEST, ELS.uzi_number)

    assert await open_offers(staffed) == [offered]
    assert (offered.expires_at, offered.offered_by) == (NOW + OFFER_LIFETIME, "person:otto")
    assert await membership_of(staffed, "els") is None
    ((action, by, about, ura, evidence),) = await written(staffed)
    assert (action, by, about, ura) == (
        "MembershipOffered",
        "person:otto",
        f"offer:{offered.id}",
        OURS.ura,
    )
    assert evidence["uzi_number"] == ELS.uzi_number


async def test_of_people_of_others_nothing_is_learnt(flow, staffed):
    known = await flow.offer(OPERATOR, GUEST, ELS.uzi_number)
    unknown = await flow.offer(OPERATOR, GUEST, UNKNOWN)

    assert replace(known, id="", uzi_number="") == replace(unknown, id="", uzi_number="")


async def test_who_works_there_is_not_asked(flow, staffed):
    with pytest.raises(AlreadyLinked):
        await flow.offer(OPERATOR, GUEST, NINA.uzi_number)

    assert await open_offers(staffed) == []


async def test_who_worked_there_is_asked_again(flow, staffed):
    await put(staffed, member("nina", valid_until=NOW))

    await flow.offer(OPERATOR, GUEST, NINA.uzi_number)

    assert len(await open_offers(staffed)) == 1


async def test_a_new_offer_takes_the_place_of_the_one_before(flow, staffed):
    first = await flow.offer(OPERATOR, GUEST, UNKNOWN)
    second = await flow.offer(OPERATOR, replace(GUEST, role_codes=("01.016",)), UNKNOWN)

    assert await open_offers(staffed) == [second]
    settled = await staffed.read(lambda tx: offers.get(tx, first.id))
    assert settled.status is OfferStatus.WITHDRAWN
    assert (await written(staffed))[-1][-1]["in_place_of"] == first.id


async def test_of_many_offers_at_once_one_stands(flow, staffed):
    await asyncio.gather(*(flow.offer(OPERATOR, GUEST, UNKNOWN) for _ in range(8)))

    assert len(await open_offers(staffed)) == 1


async def test_an_offer_is_withdrawn_once(flow, staffed):
    offered = await flow.offer(OPERATOR, GUEST, UNKNOWN)

    await flow.withdraw(OPERATOR, offered.id)

    assert await open_offers(staffed) == []
    with pytest.raises(NotFound):
        await flow.withdraw(OPERATOR, offered.id)
    assert [action for action, *_ in await written(staffed)] == [
        "MembershipOffered",
        "MembershipOfferWithdrawn",
    ]


async def test_what_others_offered_is_theirs_to_withdraw(flow, staffed):
    theirs = actor(name="els", ura="90000002")
    offered = await flow.offer(theirs, GUEST, UNKNOWN)

    for unknown in (offered.id, "nothing"):
        with pytest.raises(NotFound):
            await flow.withdraw(OPERATOR, unknown)


async def test_the_service_desk_asks_and_invites_nobody(flow, staffed):
    offered = await flow.offer(OPERATOR, GUEST, UNKNOWN)
    for act in (
        flow.offer(DESK, GUEST, UNKNOWN),
        flow.offer(DESK, EMPLOYEE, UNKNOWN),
        flow.withdraw(DESK, offered.id),
        flow.invite(DESK, EMPLOYEE, BORN),
    ):
        with pytest.raises(Forbidden):
            await act


async def test_a_record_waits_for_a_card_or_for_option_2b(flow, staffed):
    invited = await flow.invite(OPERATOR, EMPLOYEE, BORN)

    assert invited.uzi_number is None
    assert BIRTHS.is_of(invited, BORN)
    assert (await membership_of(staffed, invited.id)).role_code == "01.015"
    found = await staffed.read(lambda tx: people.namesakes(tx, OURS.ura, "PIET", "De Boer", NOW))
    assert [each.id for each in found] == [invited.id]
    ((action, _, about, _, evidence),) = await written(staffed)
    assert (action, about) == ("PersonInvited", f"person:{invited.id}")
    assert str(BORN.year) not in str(evidence)


@pytest.mark.parametrize(("first", "known"), [("Ivo", "ivo"), ("nina", "nina")])
async def test_who_is_known_here_is_not_invited_again(flow, staffed, first, known):
    with pytest.raises(KnownHere) as caught:
        await flow.invite(OPERATOR, replace(EMPLOYEE, first_names=first), BORN)

    assert caught.value.members == {"person_id": known}
    assert await written(staffed) == []


async def test_a_namesake_who_was_born_another_day_is_another_person(flow):
    other = replace(EMPLOYEE, first_names="Ivo")

    assert (await flow.invite(OPERATOR, other, BORN + timedelta(days=1))).id != "ivo"


async def test_people_of_others_are_not_known_here(flow):
    assert (await flow.invite(OPERATOR, replace(EMPLOYEE, first_names="Els"), BORN)).id != "els"


async def test_a_guest_does_not_come_by_a_record_that_others_make(flow):
    with pytest.raises(GuestIsAsked):
        await flow.invite(OPERATOR, GUEST, BORN)


async def test_of_many_who_invite_the_same_person_at_once_one_does(flow, staffed):
    ended = await asyncio.gather(
        *(flow.invite(OPERATOR, EMPLOYEE, BORN) for _ in range(8)), return_exceptions=True
    )

    assert [type(each) for each in ended if isinstance(each, Exception)] == [KnownHere] * 7


async def test_another_user_name_is_drawn_where_one_is_taken(staffed, ports):
    drawn = []

    def ending(count):
        drawn.append(count)
        return bytes(count) if len(drawn) < 5 else ports.random(count)

    first = LinkingFlow(replace(ports, random=bytes), BIRTHS)
    taken = await first.invite(OPERATOR, EMPLOYEE, BORN)
    flow = LinkingFlow(replace(ports, random=ending), BIRTHS)

    invited = await flow.invite(OPERATOR, EMPLOYEE, BORN + timedelta(days=1))

    assert taken.user_name == "piet.deboer.000000"
    assert invited.user_name.startswith("piet.deboer.")
    assert invited.user_name != taken.user_name


async def test_who_finds_no_free_name_hears_it(staffed, ports):
    flow = LinkingFlow(replace(ports, random=bytes), BIRTHS)
    await flow.invite(OPERATOR, EMPLOYEE, BORN)

    with pytest.raises(AlreadyExistsError):
        await flow.invite(OPERATOR, EMPLOYEE, BORN + timedelta(days=1))


def test_a_user_name_is_of_the_name_and_tells_namesakes_apart():
    assert user_name("Zo\u00eb Anne", "O'Neill-Smit", "123456") == "zoeanne.oneillsmit.123456"
