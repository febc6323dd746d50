"""A person accepts or declines a membership, on their phone or at the portal."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
import sqlalchemy as sa

from admin.actor import Actor, Role
from admin.linking_flow import LinkingFlow
from admin.linking_record import Newcomer
from clients.card_profile import Holder
from clients.oauth_error import AccessDenied
from clients.phone_challenge import membership_challenge
from clients.wire import WireError
from pairing_server.errors import NotFound
from pairing_server.keys.ceremony import AuthenticationResponse
from pairing_server.phones.offers import OfferFlow
from pairing_server.portal.birth_date import BirthDates
from pairing_server.registry import offers, people
from pairing_server.registry.offers import OfferStatus
from pairing_server.registry.people import AdministrativeRole, MembershipKind
from pairing_server.registry.tables import credential, organisation
from tests.admin.desk import employ
from tests.keys.handset import MeanwhileRegistry
from tests.phones.conftest import refused

URA = "90009999"


@pytest.fixture
async def elsewhere(house):
    await house.add_organisation(URA, "Waarneempost")
    return house


def guest(house, **changed):
    made = Newcomer(
        first_names=house.holder.first_names,
        last_name=house.holder.last_name,
        kind=MembershipKind.GUEST,
        role_codes=("01.016", "01.015"),
        valid_until=house.ports.clock().replace(microsecond=0) + timedelta(days=30),
    )
    return replace(made, **changed)


async def offer(house, number=None, ura=URA, **changed):
    chief = await employ(house, f"chief-{ura}", AdministrativeRole.ADMINISTRATOR, ura)
    who = Actor(
        role=Role.ADMINISTRATOR,
        ura=ura,
        person_id=chief,
        client_id=None,
        authenticated_at=house.ports.clock(),
    )
    flow = LinkingFlow(house.ports, BirthDates(house.stores.birth_date_key))
    return await flow.offer(who, guest(house, **changed), number or house.holder.uzi_number)


async def membership(house, ura=URA):
    def read(tx):
        person = people.by_uzi_number(tx, house.holder.uzi_number)
        return people.membership(tx, person.id, ura)

    return await house.registry.read(read)


async def status(house, offered):
    return (await house.registry.read(lambda tx: offers.get(tx, offered.id))).status


async def test_roles_are_named_in_the_language_of_the_phone(elsewhere, owner):
    await offer(elsewhere)
    headers = {"Authorization": f"Bearer {owner.phone.device_token}", "Accept-Language": "en"}

    said = await owner.phone._server.call("GET", "/phone/membership-offers", headers=headers)

    (told,) = said.read(dict)["offers"]
    assert told["roles"][1] == "physician, general practitioner"


async def test_a_person_accepts_on_their_phone_and_works_there(elsewhere, owner):
    offered = await offer(elsewhere)
    (shown,) = await owner.phone.membership_offers()

    await owner.phone.accept_membership(shown)

    begun = await membership(elsewhere)
    assert (begun.kind, begun.role_code) == (MembershipKind.GUEST, "01.016")
    assert begun.valid_until == offered.valid_until
    assert begun.role_codes == ("01.016", "01.015")
    assert begun.administrative_role is None
    assert await status(elsewhere, offered) is OfferStatus.ACCEPTED
    assert await owner.phone.membership_offers() == []


async def test_a_guest_logs_in_with_the_phone_that_they_have_until_their_time_is_over(
    elsewhere, owner, clock
):
    workstation = await elsewhere.workstation(uras=(URA,))
    await offer(elsewhere)
    (shown,) = await owner.phone.membership_offers()
    await owner.phone.accept_membership(shown)

    async def log_in():
        started = await elsewhere.ask(workstation, ura=URA)
        (request,) = await owner.phone.auth_requests()
        await owner.phone.approve(request, started.binding_code)
        return started

    assert (await workstation.poll(await log_in())).claims.sub
    started = await log_in()
    ended = await membership(elsewhere)
    await elsewhere.registry.commit(
        lambda tx: people.put_membership(tx, replace(ended, valid_until=clock()))
    )
    with pytest.raises(AccessDenied):
        await workstation.poll(started)


async def test_the_evidence_is_what_the_phone_signed(elsewhere, owner):
    offered = await offer(elsewhere)
    (shown,) = await owner.phone.membership_offers()
    await owner.phone.accept_membership(shown)

    (event,) = await owner.events("MembershipAccepted")
    kept = json.loads(event["evidence"])
    assert (event["ura"], event["actor"]) == (URA, event["object"])
    assert kept["signed"] == shown.details
    assert kept["offer"]["id"] == offered.id
    assert kept["by"] == owner.phone.credential_id
    assert set(kept["assertion"]) == {"clientDataJSON", "authenticatorData", "signature"}


@pytest.mark.parametrize("member", ["organisation", "ura", "role_codes", "valid_until", "kind"])
async def test_a_phone_that_was_shown_something_else_accepts_nothing(elsewhere, owner, member):
    offered = await offer(elsewhere)
    (shown,) = await owner.phone.membership_offers()
    details = shown.details | {member: "other"}
    body = {
        "decision": "accept",
        "assertion": owner.phone.assertion(membership_challenge(details)),
    }
    accepting = owner.phone._call("PUT", f"/phone/membership-offers/{shown.id}/answer", body)

    assert await refused(accepting) == (400, "invalid_assertion")
    assert await status(elsewhere, offered) is OfferStatus.OPEN
    assert await membership(elsewhere) is None


async def test_a_device_token_alone_accepts_nothing(elsewhere, owner):
    await offer(elsewhere)
    (shown,) = await owner.phone.membership_offers()
    bare = owner.phone._call(
        "PUT", f"/phone/membership-offers/{shown.id}/answer", {"decision": "accept"}
    )

    assert await refused(bare) == (400, "invalid_request")


async def test_a_person_declines_and_may_be_asked_again(elsewhere, owner):
    offered = await offer(elsewhere)
    (shown,) = await owner.phone.membership_offers()

    await owner.phone.decline_membership(shown)

    assert await status(elsewhere, offered) is OfferStatus.DECLINED
    assert await membership(elsewhere) is None
    assert await refused(owner.phone.accept_membership(shown)) == (404, "not_found")
    assert len(await owner.events("MembershipDeclined")) == 1
    await offer(elsewhere)
    assert len(await owner.phone.membership_offers()) == 1


async def test_an_offer_to_another_number_or_name_is_nobody_elses(elsewhere, owner):
    await offer(elsewhere, "900001111")
    await offer(elsewhere, last_name="Anders")

    assert await owner.phone.membership_offers() == []


async def test_a_stranger_settles_nothing(elsewhere, owner):
    offered = await offer(elsewhere)
    (shown,) = await owner.phone.membership_offers()
    stranger = await elsewhere.bind(
        await elsewhere.registered(Holder(uzi_number="900001101", last_name="Anders"))
    )

    assert await refused(stranger.decline_membership(shown)) == (404, "not_found")
    assert await status(elsewhere, offered) is OfferStatus.OPEN


async def test_an_offer_that_is_over_or_of_a_closed_organisation_is_none(elsewhere, owner, clock):
    offered = await offer(elsewhere)
    (shown,) = await owner.phone.membership_offers()
    closing = sa.update(organisation).where(organisation.c.ura == URA)
    await elsewhere.registry.commit(lambda tx: tx.run(closing.values(status="closed")))
    assert await owner.phone.membership_offers() == []
    await elsewhere.registry.commit(lambda tx: tx.run(closing.values(status="active")))
    clock.advance(timedelta(days=30))

    assert await owner.phone.membership_offers() == []
    assert await refused(owner.phone.accept_membership(shown)) == (404, "not_found")
    assert await status(elsewhere, offered) is OfferStatus.OPEN


async def test_a_key_for_one_organisation_accepts_no_other(elsewhere, owner):
    await offer(elsewhere)
    (shown,) = await owner.phone.membership_offers()
    limit = sa.update(credential).values(only_ura=elsewhere.holder.ura)
    await elsewhere.registry.commit(lambda tx: tx.run(limit))

    assert await owner.phone.membership_offers() == []
    assert await refused(owner.phone.accept_membership(shown)) == (404, "not_found")


async def test_of_many_answers_at_once_one_counts(elsewhere, owner):
    offered = await offer(elsewhere)
    (shown,) = await owner.phone.membership_offers()

    ended = await asyncio.gather(
        *(owner.phone.decline_membership(shown) for _ in range(4)),
        owner.phone.accept_membership(shown),
        return_exceptions=True,
    )

    assert [each for each in ended if not isinstance(each, WireError)] == [None]
    assert await status(elsewhere, offered) is not OfferStatus.OPEN


async def test_what_is_withdrawn_between_the_look_and_the_yes_does_not_begin(elsewhere, owner):
    offered = await offer(elsewhere)
    (shown,) = await owner.phone.membership_offers()
    own = elsewhere.ports

    async def withdraw():
        await own.registry.commit(
            lambda tx: offers.settle(tx, offered.id, OfferStatus.WITHDRAWN, own.clock())
        )

    registry = MeanwhileRegistry(own.registry, withdraw)
    ports = owner.ports(registry=registry)
    phones = owner.phones(ports)
    bound = await owner.phones(own).authenticate(owner.phone.device_token)
    assertion = msgspec.convert(
        owner.phone.assertion(membership_challenge(shown.details)), AuthenticationResponse
    )

    with pytest.raises(NotFound):
        await OfferFlow(ports, phones).accept(bound, offered.id, assertion)
    assert registry.stalled
    assert await membership(elsewhere) is None


async def test_who_registers_there_with_their_card_takes_the_offer_up(house):
    await house.add_organisation()
    until = house.ports.clock().replace(microsecond=0) + timedelta(days=5)
    offered = await offer(
        house, ura=house.holder.ura, kind=MembershipKind.EMPLOYEE, valid_until=until
    )

    await house.registered()

    taken_up = await membership(house, house.holder.ura)
    assert taken_up.valid_until == until
    assert taken_up.role_codes == ("01.015", "01.016")
    assert await status(house, offered) is OfferStatus.ACCEPTED


async def test_an_offer_to_another_name_is_not_taken_up_by_the_card(house):
    await house.add_organisation()
    offered = await offer(house, ura=house.holder.ura, last_name="Anders")

    await house.registered()

    assert (await membership(house, house.holder.ura)).valid_until is None
    assert await status(house, offered) is OfferStatus.OPEN
