"""Registration by an operator, face to face (option 2B)."""

import asyncio
import secrets
from dataclasses import replace
from datetime import timedelta

import pytest

from admin.access import FRESH_FOR
from admin.actor import Role
from admin.identity_fields import Document
from admin.identity_flow import IdentityFlow
from admin.identity_refusals import (
    CheckedByYou,
    CheckedLongAgo,
    CheckNotReady,
    HasCard,
    OtherOperator,
    WrongBirthDate,
)
from admin.identity_rules import CHECK_LIFETIME
from admin.linking_flow import LinkingFlow
from admin.linking_record import Newcomer
from admin.people_refusals import KnownHere, NotLinked, TooManyWrongDates
from admin.refusals import Forbidden, FreshApprovalNeeded
from clients.authenticator import Authenticator
from pairing_server.errors import NotFound
from pairing_server.keys.policy import KeyPolicy
from pairing_server.qr.flow import PairingFlow
from pairing_server.qr.pairing import Device
from pairing_server.qr.refusals import NotRegistered, PairingClosed, WrongCheckNumber
from pairing_server.registry import credentials, identity_checks, people
from pairing_server.registry.identity_checks import CheckStatus, DocumentKind
from pairing_server.registry.people import AdministrativeRole, MembershipKind
from pairing_server.settings import AssuranceLevel
from pairing_server.tokens import b64url_decode, new_secret
from tests.admin.staff import (
    ADMINISTRATOR,
    BIRTHS,
    BORN,
    DESK,
    GUEST_UNTIL,
    NOW,
    OPERATOR,
    OURS,
    THEIRS,
    actor,
    member,
    membership_of,
    put,
    written,
)
from tests.keys.handset import ORIGIN, RP, MeanwhileRegistry, registration

BROWSER = "admin-session"
SEEN = Document(kind=DocumentKind.ID_CARD, ending="AB12", country="NLD", checked_on=NOW.date())
PIET = Newcomer(
    first_names="Piet",
    last_name="Pieters",
    kind=MembershipKind.EMPLOYEE,
    role_codes=("01.015",),
    valid_until=None,
)
MOMENT = timedelta(milliseconds=1)


def nobody(tx, ura, act):
    return False


def everybody(tx, ura, act):
    return ura == OURS.ura and act == "register_2b"


def flow_on(ports, wants_second=nobody):
    pairings = PairingFlow(ports, rp=RP, base_url=ORIGIN, policy=KeyPolicy())
    return IdentityFlow(ports, LinkingFlow(ports, BIRTHS), pairings, wants_second)


@pytest.fixture
def flow(staffed, ports):
    return flow_on(ports)


@pytest.fixture
def careful(staffed, ports):
    """For an organisation that wants a second administrator."""
    return flow_on(ports, everybody)


@pytest.fixture
async def registered(flow):
    return await flow.register(OPERATOR, PIET, BORN, SEEN)


class Employee:
    """Who stands before the operator, with their phone."""

    def __init__(self, flow, ports):
        self.flow = flow
        self.pairings = PairingFlow(ports, rp=RP, base_url=ORIGIN, policy=KeyPolicy())

    async def scan(self, offered):
        pairing, code = offered
        token = new_secret(secrets.token_bytes)
        held = await self.pairings.scan(pairing.id, code.secret, token, Device("ios", "i", "1"))
        made = registration(Authenticator(), challenge=b64url_decode(held.challenge))
        await self.pairings.prove(pairing.id, token, made, None)
        return pairing.id, held.check_number


@pytest.fixture
def employee(flow, ports):
    return Employee(flow, ports)


async def check_of(registry, check):
    return await registry.read(lambda tx: identity_checks.get(tx, check.id))


async def phones_of(registry, who):
    return await registry.read(lambda tx: credentials.of_person(tx, who.id))


async def test_a_person_is_registered_with_what_their_document_is(registered, staffed):
    person, check = registered

    assert person.uzi_number is None
    assert BIRTHS.is_of(person, BORN)
    assert person.user_name.startswith("piet.pieters.")
    assert (await membership_of(staffed, person.id)).is_valid(NOW)
    assert await check_of(staffed, check) == check
    assert (check.status, check.checked_by) == (CheckStatus.READY, "otto")
    (_, invited), (checked, evidence) = [
        (action, evidence) for action, *_, evidence in await written(staffed)
    ]
    assert checked == "IdentityChecked"
    assert evidence["document"] == {
        "kind": "id_card",
        "ending": "AB12",
        "country": "NLD",
        "checked_on": "2026-11-26",
    }
    assert str(BORN.year) not in str((invited, evidence))


async def test_the_phone_of_who_was_seen_is_bound_when_both_confirm(
    flow, registered, employee, staffed
):
    person, check = registered
    pairing_id, number = await employee.scan(await flow.offer_pairing(OPERATOR, check.id, BROWSER))

    await flow.confirm(OPERATOR, check.id, pairing_id, BROWSER, number)

    (phone,) = await phones_of(staffed, person)
    assert phone.bound_by == "operator:otto"
    assert phone.acr == AssuranceLevel.LOW
    assert (phone.bound_ura, phone.only_ura) == (OURS.ura, OURS.ura)
    assert (await check_of(staffed, check)).status is CheckStatus.USED
    (event,) = [each for each in await written(staffed) if each[0] == "AuthenticatorBound"]
    assert event[-1]["only_ura"] == OURS.ura
    assert event[-1]["acr"] == AssuranceLevel.LOW
    assert event[-1]["bound_by"] == "operator:otto"


async def test_a_wrong_number_binds_nothing_and_spends_no_check(
    flow, registered, employee, staffed
):
    person, check = registered
    pairing_id, number = await employee.scan(await flow.offer_pairing(OPERATOR, check.id, BROWSER))
    wrong = str((int(number) + 1) % 10_000).zfill(4)

    with pytest.raises(WrongCheckNumber):
        await flow.confirm(OPERATOR, check.id, pairing_id, BROWSER, wrong)

    assert await phones_of(staffed, person) == []
    assert (await check_of(staffed, check)).status is CheckStatus.READY


async def test_one_check_binds_one_phone(flow, registered, employee, staffed):
    person, check = registered
    first = await employee.scan(await flow.offer_pairing(OPERATOR, check.id, BROWSER))
    second = await employee.scan(await flow.offer_pairing(OPERATOR, check.id, BROWSER))

    ended = await asyncio.gather(
        *(
            flow.confirm(OPERATOR, check.id, pairing_id, BROWSER, number)
            for pairing_id, number in (first, second)
        ),
        return_exceptions=True,
    )

    assert sorted(type(each).__name__ for each in ended) == ["CheckNotReady", "NoneType"]
    assert len(await phones_of(staffed, person)) == 1
    with pytest.raises(CheckNotReady):
        await flow.offer_pairing(OPERATOR, check.id, BROWSER)


async def test_a_check_does_not_bind_the_phone_of_another_person(
    flow, registered, employee, staffed
):
    _, check = registered
    other, theirs = await flow.register(OPERATOR, replace(PIET, first_names="Karel"), BORN, SEEN)
    pairing_id, number = await employee.scan(
        await flow.offer_pairing(OPERATOR, theirs.id, BROWSER)
    )

    with pytest.raises(NotFound):
        await flow.confirm(OPERATOR, check.id, pairing_id, BROWSER, number)

    assert await phones_of(staffed, other) == []


async def test_another_browser_confirms_nothing(flow, registered, employee):
    _, check = registered
    pairing_id, number = await employee.scan(await flow.offer_pairing(OPERATOR, check.id, BROWSER))

    with pytest.raises(NotFound):
        await flow.confirm(OPERATOR, check.id, pairing_id, "another", number)


async def test_who_saw_the_person_lets_them_pair(flow, registered):
    _, check = registered

    with pytest.raises(OtherOperator):
        await flow.offer_pairing(ADMINISTRATOR, check.id, BROWSER)


async def test_a_check_is_of_the_same_day(flow, registered, employee, clock):
    _, check = registered
    clock.advance(CHECK_LIFETIME - MOMENT)
    pairing_id, number = await employee.scan(await flow.offer_pairing(OPERATOR, check.id, BROWSER))
    clock.advance(MOMENT)

    with pytest.raises(CheckedLongAgo):
        await flow.confirm(OPERATOR, check.id, pairing_id, BROWSER, number)
    with pytest.raises(CheckedLongAgo):
        await flow.offer_pairing(OPERATOR, check.id, BROWSER)


async def test_who_left_meanwhile_is_not_paired(flow, registered, employee, staffed):
    person, check = registered
    pairing_id, number = await employee.scan(await flow.offer_pairing(OPERATOR, check.id, BROWSER))
    await put(staffed, member(person.id, valid_until=NOW))

    with pytest.raises(PairingClosed):
        await flow.confirm(OPERATOR, check.id, pairing_id, BROWSER, number)
    with pytest.raises(NotRegistered):
        await flow.offer_pairing(OPERATOR, check.id, BROWSER)


async def test_who_is_known_here_is_gone_on_with(flow, staffed):
    with pytest.raises(KnownHere):
        await flow.register(
            OPERATOR, replace(PIET, first_names="Ivo", last_name="de Boer"), BORN, SEEN
        )

    person, check = await flow.see_again(OPERATOR, "ivo", BORN, SEEN)

    assert (person.id, check.person_id, check.status) == ("ivo", "ivo", CheckStatus.READY)


async def test_a_document_with_another_date_of_birth_is_another_persons(flow, staffed):
    with pytest.raises(WrongBirthDate):
        await flow.see_again(OPERATOR, "ivo", BORN + timedelta(days=1), SEEN)

    assert await written(staffed) == []


async def test_who_tries_dates_of_birth_tries_five(flow):
    wrong = [BORN + timedelta(days=days) for days in range(1, 33)]
    ended = await asyncio.gather(
        *(flow.see_again(OPERATOR, "ivo", each, SEEN) for each in wrong), return_exceptions=True
    )

    kinds = [type(each) for each in ended]
    assert (kinds.count(WrongBirthDate), kinds.count(TooManyWrongDates)) == (5, 27)
    with pytest.raises(TooManyWrongDates):
        await flow.see_again(OPERATOR, "ivo", BORN, SEEN)


async def test_who_has_a_card_pairs_with_it(flow):
    with pytest.raises(HasCard):
        await flow.see_again(OPERATOR, "nina", BORN, SEEN)


async def test_an_operator_pairs_no_phone_with_the_record_of_an_administrator(flow, staffed):
    await put(staffed, member("ivo", AdministrativeRole.ADMINISTRATOR))

    with pytest.raises(Forbidden):
        await flow.see_again(OPERATOR, "ivo", BORN, SEEN)


async def test_who_left_is_not_seen_again(flow, staffed):
    await put(staffed, member("ivo", valid_until=NOW))

    with pytest.raises(NotLinked):
        await flow.see_again(OPERATOR, "ivo", BORN, SEEN)


@pytest.mark.parametrize("name", ["els", "nobody"])
async def test_people_of_others_are_unknown(flow, name):
    with pytest.raises(NotFound):
        await flow.see_again(OPERATOR, name, BORN, SEEN)


async def test_checks_of_others_are_unknown(flow, registered):
    _, check = registered
    theirs = actor(Role.ADMINISTRATOR, "els", ura=THEIRS.ura)

    for check_id in (check.id, "unknown"):
        with pytest.raises(NotFound):
            await flow.offer_pairing(theirs, check_id, BROWSER)
        with pytest.raises(NotFound):
            await flow.second(theirs, check_id, approve=True)


async def test_the_service_desk_registers_nobody(flow, registered):
    _, check = registered
    for act in (
        flow.register(DESK, replace(PIET, first_names="Karel"), BORN, SEEN),
        flow.see_again(DESK, "ivo", BORN, SEEN),
        flow.offer_pairing(DESK, check.id, BROWSER),
        flow.second(DESK, check.id, approve=True),
    ):
        with pytest.raises(Forbidden):
            await act


async def test_where_two_are_wanted_no_phone_is_paired_before_the_second(careful, staffed):
    _, check = await careful.register(OPERATOR, PIET, BORN, SEEN)

    assert check.status is CheckStatus.AWAITS_SECOND
    with pytest.raises(CheckNotReady):
        await careful.offer_pairing(OPERATOR, check.id, BROWSER)

    await careful.second(ADMINISTRATOR, check.id, approve=True)

    assert (await check_of(staffed, check)).seconded_by == "anne"
    assert await careful.offer_pairing(OPERATOR, check.id, BROWSER)
    assert (await written(staffed))[-1][:3] == (
        "RegistrationSeconded",
        "person:anne",
        f"person:{check.person_id}",
    )


async def test_what_the_second_refuses_pairs_nothing(careful, staffed):
    _, check = await careful.register(OPERATOR, PIET, BORN, SEEN)

    await careful.second(ADMINISTRATOR, check.id, approve=False)

    assert (await check_of(staffed, check)).status is CheckStatus.REFUSED
    with pytest.raises(CheckNotReady):
        await careful.offer_pairing(OPERATOR, check.id, BROWSER)
    with pytest.raises(CheckNotReady):
        await careful.second(ADMINISTRATOR, check.id, approve=True)


async def test_nobody_is_their_own_second(careful):
    _, check = await careful.register(ADMINISTRATOR, PIET, BORN, SEEN)

    with pytest.raises(CheckedByYou):
        await careful.second(ADMINISTRATOR, check.id, approve=True)


async def test_the_second_approves_freshly_and_in_time(careful, clock):
    _, check = await careful.register(OPERATOR, PIET, BORN, SEEN)

    with pytest.raises(FreshApprovalNeeded):
        await careful.second(actor(age=FRESH_FOR + MOMENT), check.id, approve=True)
    clock.advance(CHECK_LIFETIME)
    with pytest.raises(CheckedLongAgo):
        await careful.second(actor(now=clock()), check.id, approve=True)


async def test_of_a_yes_and_a_no_at_once_one_counts(staffed, ports):
    await put(staffed, member("nina", AdministrativeRole.ADMINISTRATOR))
    careful = flow_on(ports, everybody)
    _, check = await careful.register(OPERATOR, PIET, BORN, SEEN)
    other = actor(Role.ADMINISTRATOR, "nina")
    registry = MeanwhileRegistry(staffed, lambda: careful.second(other, check.id, approve=False))

    with pytest.raises(CheckNotReady):
        await flow_on(replace(ports, registry=registry), everybody).second(
            ADMINISTRATOR, check.id, approve=True
        )

    assert registry.stalled
    assert (await check_of(staffed, check)).status is CheckStatus.REFUSED


async def test_who_is_seen_may_be_a_guest_for_a_time(flow, staffed):
    guest = replace(PIET, kind=MembershipKind.GUEST, valid_until=GUEST_UNTIL)

    person, _ = await flow.register(OPERATOR, guest, BORN, SEEN)

    held = await membership_of(staffed, person.id)
    assert (held.kind, held.valid_until) == (MembershipKind.GUEST, GUEST_UNTIL)


async def test_a_record_that_a_card_takes_over_meanwhile_gets_no_check(flow, staffed, ports):
    async def take_over():
        known = await staffed.read(lambda tx: people.get_person(tx, "ivo"))
        taken = replace(known, uzi_number="900000009")
        await staffed.commit(lambda tx: people.update_person(tx, taken))

    registry = MeanwhileRegistry(staffed, take_over)

    with pytest.raises(HasCard):
        await flow_on(replace(ports, registry=registry)).see_again(OPERATOR, "ivo", BORN, SEEN)
    assert registry.stalled
