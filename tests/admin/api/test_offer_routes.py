"""Programs ask people by their UZI number, and take that back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from admin.api.call_refusals import Changed
from admin.api.conditional import Unchanged
from admin.linking_flow import LinkingFlow
from admin.machine import actor_of
from pairing_server.portal.birth_date import BirthDates
from pairing_server.registry import clients, offers
from pairing_server.registry.offers import OfferStatus
from tests.admin.desk import ELSEWHERE
from tests.admin.machine import program
from tests.keys.handset import MeanwhileRegistry

GUEST = {
    "first_names": "Gea",
    "last_name": "Gast",
    "uzi_number": "911111111",
    "kind": "guest",
    "role_codes": ["01.015"],
}


@pytest.fixture
async def hr(house):
    return await program(house)


@pytest.fixture
def guest(house):
    until = (house.ports.clock() + timedelta(days=30)).date().isoformat()
    return GUEST | {"last_day": until}


def one(said):
    return said.headers["Location"]


async def test_a_guest_is_asked_for_a_time_and_the_offer_is_told(hr, guest):
    made = await hr.post("/offers", guest)

    assert made.status == 201
    told = (await hr.get(one(made))).body
    assert told == {
        **guest,
        "id": made.body["id"],
        "offered_at": told["offered_at"],
        "expires_at": told["expires_at"],
    }
    assert (await hr.get("/offers")).body == {"offers": [told]}


async def test_a_guest_without_a_last_day_is_not_asked(hr):
    said = await hr.post("/offers", GUEST)

    assert (said.status, said.body["field"]) == (400, "valid_until")


async def test_an_employee_is_asked_by_who_may_invite_too(hr, house):
    linking = await program(house, "link", name="Roster")
    employee = GUEST | {"kind": "employee"}

    assert (await linking.post("/offers", employee)).error == "forbidden"
    assert (await hr.post("/offers", employee)).status == 201


async def test_what_was_asked_is_taken_back_as_it_was_read(hr, guest):
    path = one(await hr.post("/offers", guest))
    tag = (await hr.get(path)).tag

    assert (await hr.call("DELETE", path)).status == 428
    assert (await hr.call("DELETE", path, If_Match='"x"')).status == 412
    assert (await hr.call("DELETE", path, If_Match=tag)).status == 204
    assert (await hr.get(path)).status == 404
    assert (await hr.call("DELETE", path, If_Match=tag)).status == 404
    assert (await hr.get("/offers")).body == {"offers": []}


async def test_of_many_that_are_sent_at_once_one_offer_is_made(hr, house, guest):
    first = await hr.post("/offers", guest, "key")
    again = await hr.post("/offers", guest, "key")

    assert first.body == again.body
    made = [each for each in await house.events() if each["action"] == "MembershipOffered"]
    assert len(made) == 1


async def test_another_organisations_offers_are_not_there(hr, house, guest):
    await house.add_organisation(ELSEWHERE, "Elders")
    other = await program(house, uras=(ELSEWHERE,), name="Other")
    path = one(await other.post("/offers", guest))
    mine = path.replace(ELSEWHERE, hr.ura)

    for tried in (path, mine):
        assert (await hr.get(tried)).status == 404
        assert (await hr.call("DELETE", tried, If_Match="*")).status == 404
    assert (await other.get(path)).status == 200


async def test_an_offer_that_was_answered_at_the_same_moment_is_not_taken_back(hr, house, guest):
    offer_id = (await hr.post("/offers", guest)).body["id"]
    client = await house.registry.read(lambda tx: clients.get(tx, hr.client.id))
    actor = actor_of(client, hr.ura, house.ports.clock())
    now = house.ports.clock()
    registry = MeanwhileRegistry(
        house.registry,
        lambda: house.registry.commit(
            lambda tx: offers.settle(tx, offer_id, OfferStatus.ACCEPTED, now)
        ),
    )
    flow = LinkingFlow(replace(house.ports, registry=registry), BirthDates(b"k" * 32))

    def read(tx):
        return offers.get_for_update(tx, offer_id).status.value

    with pytest.raises(Changed):
        await flow.withdraw(actor, offer_id, Unchanged(frozenset({"open"}), read))

    assert registry.stalled
    found = await house.registry.read(lambda tx: offers.get(tx, offer_id))
    assert found.status is OfferStatus.ACCEPTED


@pytest.mark.parametrize("more", [{"id": "x"}, {"ura": ELSEWHERE}, {"status": "accepted"}])
async def test_nothing_is_taken_that_is_not_asked_for(hr, guest, more):
    said = await hr.post("/offers", guest | more)

    assert (said.status, said.error) == (400, "invalid_request")
