"""What a key opens that an operator bound, at a whole server: that organisation, and no other."""

import json
from datetime import date

import pytest
import sqlalchemy as sa

from admin.actor import Actor, Role
from admin.identity_fields import Document
from admin.identity_flow import IdentityFlow
from admin.linking_flow import LinkingFlow
from admin.linking_record import Newcomer
from clients.oauth_error import AccessDenied
from clients.phone import SoftwarePhone
from clients.wire import WireError
from pairing_server.approvals.flow import request_id
from pairing_server.keys.policy import server_policy
from pairing_server.oidc.hinted_person import Asker, look_up
from pairing_server.oidc.hints import UserName
from pairing_server.portal.birth_date import BirthDates
from pairing_server.qr.flow import PairingFlow
from pairing_server.registry import credentials, people
from pairing_server.registry.identity_checks import DocumentKind
from pairing_server.registry.people import AdministrativeRole, Membership, MembershipKind
from pairing_server.registry.tables import credential
from pairing_server.settings import AssuranceLevel

THERE = "90009999"
BORN = date(1985, 5, 5)
PIET = Newcomer(
    first_names="Piet",
    last_name="Pieters",
    kind=MembershipKind.EMPLOYEE,
    role_codes=("01.015",),
    valid_until=None,
)


def nobody(tx, ura, act):
    return False


@pytest.fixture
async def operator(house):
    """The holder, who administers the organisation."""
    await house.registered()

    def appoint(tx):
        person = people.by_uzi_number(tx, house.holder.uzi_number)
        member = people.membership(tx, person.id, house.holder.ura)
        people.put_membership(
            tx,
            Membership(
                **{
                    name: getattr(member, name)
                    for name in ("person_id", "ura", "role_code", "kind", "created_at")
                },
                valid_until=None,
                administrative_role=AdministrativeRole.ADMINISTRATOR,
            ),
        )
        return person.id

    return Actor(
        role=Role.ADMINISTRATOR,
        ura=house.holder.ura,
        person_id=await house.registry.commit(appoint),
        client_id=None,
        authenticated_at=house.ports.clock(),
    )


@pytest.fixture
async def piet(house, operator):
    """Somebody without a card, and the phone that an operator bound to them."""
    ports = house.ports
    pairings = PairingFlow(
        ports, rp=house.rp(), base_url=house.base_url, policy=server_policy(house.settings)
    )
    linking = LinkingFlow(ports, BirthDates(house.stores.birth_date_key))
    flow = IdentityFlow(ports, linking, pairings, nobody)
    seen = Document(
        kind=DocumentKind.PASSPORT, ending="AB12", country="NLD", checked_on=ports.clock().date()
    )
    person, check = await flow.register(operator, PIET, BORN, seen)
    pairing, code = await flow.offer_pairing(operator, check.id, "browser")
    phone = SoftwarePhone(house.http)
    offer = await phone.scan(code.link())
    await phone.prove(offer, None)
    await flow.confirm(operator, check.id, pairing.id, "browser", offer.check_number)
    await phone.wait_paired(offer)
    await house.add_organisation(THERE, "Elders")
    there = Membership(
        person_id=person.id,
        ura=THERE,
        role_code="01.015",
        kind=MembershipKind.GUEST,
        administrative_role=None,
        valid_until=None,
        created_at=ports.clock(),
    )
    await house.registry.commit(lambda tx: people.put_membership(tx, there))
    return person, phone


async def ask(workstation, person, ura):
    return await workstation.start(person.user_name, ura=ura)


async def answer(phone, started):
    request = await phone.get(request_id(started.auth_req_id))
    await phone.approve(request, started.binding_code)


async def limit(house, phone, ura):
    change = sa.update(credential).where(credential.c.id == phone.credential_id)
    await house.registry.commit(lambda tx: tx.run(change.values(only_ura=ura)))


async def test_it_opens_that_organisation_and_says_how_little_it_earns(house, piet):
    person, phone = piet
    workstation = await house.workstation()
    started = await ask(workstation, person, house.holder.ura)
    await answer(phone, started)

    claims = (await workstation.poll(started)).claims

    assert claims.acr == AssuranceLevel.LOW
    assert claims.ura == house.holder.ura


async def asked_there(house, piet):
    """Ask at another organisation, as of before the phone opened one alone."""
    person, phone = piet
    workstation = await house.workstation(uras=(THERE,))
    await limit(house, phone, None)
    started = await ask(workstation, person, THERE)
    await limit(house, phone, house.holder.ura)
    return phone, started


async def test_it_opens_no_other_organisation(house, piet):
    phone, started = await asked_there(house, piet)

    with pytest.raises(WireError) as refused:
        await answer(phone, started)

    assert (refused.value.status, refused.value.error) == (403, "key_not_accepted")
    assert "pair it again with your card" in refused.value.body["error_description"]


async def test_it_shuts_out_no_workstation_of_another_organisation(house, piet):
    phone, started = await asked_there(house, piet)
    request = await phone.get(request_id(started.auth_req_id))

    with pytest.raises(WireError) as refused:
        await phone.deny(request, "not_me")

    assert (refused.value.status, refused.value.error) == (403, "key_not_accepted")
    (waiting,) = await phone.auth_requests()
    assert waiting.id == request.id


async def test_what_it_approved_elsewhere_before_it_was_limited_is_not_redeemed(house, piet):
    person, phone = piet
    workstation = await house.workstation(uras=(THERE,))
    await limit(house, phone, None)
    started = await ask(workstation, person, THERE)
    await answer(phone, started)
    await limit(house, phone, house.holder.ura)

    with pytest.raises(AccessDenied):
        await workstation.poll(started)


@pytest.mark.parametrize(("is_there", "has_phone"), [(False, True), (True, False)])
async def test_elsewhere_its_holder_has_no_phone(house, piet, is_there, has_phone):
    person, _ = piet
    asker = Asker(
        client_id="c1",
        ura=THERE if is_there else house.holder.ura,
        salt=b"s" * 32,
        policy=server_policy(house.settings),
    )
    looked = await house.registry.read(
        lambda tx: look_up(tx, UserName(person.user_name), asker, house.ports.clock())
    )

    assert looked.found.has_phone is has_phone


async def test_a_renewed_key_opens_no_more(house, piet):
    _, phone = piet

    renewed = await phone.renew()

    bound = await house.registry.read(lambda tx: credentials.get(tx, renewed.credential_id))
    assert (bound.only_ura, bound.acr) == (house.holder.ura, AssuranceLevel.LOW)


async def test_a_transferred_key_opens_no_more(house, piet):
    _, phone = piet
    new = SoftwarePhone(house.http)
    offered = await new.offer_transfer(house.base_url)
    claimed = await phone.claim_transfer(offered.link)
    await new.prove_transfer(offered.id, await new.wait_claimed(offered.id))
    proved = await phone.wait_proved(offered.id)
    await phone.approve_transfer(claimed, proved, offered.code)
    done = await new.wait_transferred(offered.id)

    bound = await house.registry.read(lambda tx: credentials.get(tx, done))
    assert (bound.only_ura, bound.acr) == (house.holder.ura, AssuranceLevel.LOW)


async def test_the_log_says_on_whose_word_it_was_bound(house, operator, piet):
    _, phone = piet
    (event,) = [each for each in await house.events() if each["action"] == "AuthenticatorBound"]
    kept = json.loads(event["evidence"])

    assert event["object"] == f"credential:{phone.credential_id}"
    assert kept["bound_by"] == f"operator:{operator.person_id}"
    assert (kept["only_ura"], kept["acr"]) == (house.holder.ura, AssuranceLevel.LOW)
