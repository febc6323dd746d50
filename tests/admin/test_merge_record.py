"""Two records of one person become one."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import pytest

from admin.access import FRESH_FOR
from admin.merge_record import Merging
from admin.people_flow import PeopleFlow
from admin.people_refusals import AskedFirst, LastAdministrator, NotMerged, TooManyWrongDates
from admin.refusals import Forbidden, FreshApprovalNeeded
from pairing_server.audit.events import AuthenticatorBound
from pairing_server.errors import NotFound
from pairing_server.phones.overview import Overview
from pairing_server.registry import aliases, credentials, people, phone_notices
from pairing_server.registry.people import AdministrativeRole, PersonStatus
from tests.admin.staff import (
    ADMINISTRATOR,
    BIRTHS,
    BORN,
    GUEST_UNTIL,
    NOW,
    OPERATOR,
    OURS,
    THEIRS,
    actor,
    add_phone,
    member,
    membership_of,
    person,
    person_of,
    put,
    written,
)
from tests.keys.handset import MeanwhileRegistry

WRONG = date(1981, 1, 31)


@pytest.fixture
def ended():
    return []


@pytest.fixture
def flow(staffed, ports, ended):
    return flow_on(ports, ended)


def flow_on(ports, ended=None):
    async def end_at(person_id, ura):
        (ended if ended is not None else []).append((person_id, ura))

    return PeopleFlow(ports, BIRTHS, end_at)


def merging(kept="nina", absorbed="ivo", born=BORN):
    return Merging(kept=kept, absorbed=absorbed, born=born)


async def test_keys_of_the_record_that_goes_are_those_of_the_one_that_stays(flow, staffed, ended):
    def bind(tx):
        add_phone(tx, "nina")
        add_phone(tx, "ivo", bound_by="operator:otto", only_ura=OURS.ura)

    await staffed.commit(bind)

    await flow.merge(ADMINISTRATOR, merging())

    held = await staffed.read(lambda tx: credentials.of_person(tx, "nina"))
    assert {phone.id: phone.only_ura for phone in held} == {
        "phone-of-nina": None,
        "phone-of-ivo": OURS.ura,
    }
    assert ended == [("ivo", None)]


async def test_a_key_of_the_record_that_goes_opens_nothing_of_the_others(flow, staffed):
    await staffed.commit(lambda tx: add_phone(tx, "ivo"))

    await flow.merge(ADMINISTRATOR, merging())

    (moved,) = await staffed.read(lambda tx: credentials.of_person(tx, "nina"))
    assert moved.opens(OURS.ura, NOW)
    assert not moved.opens(THEIRS.ura, NOW)


async def test_the_record_that_goes_is_closed_and_known_by_its_old_id(flow, staffed):
    await flow.merge(ADMINISTRATOR, merging())

    assert (await person_of(staffed, "ivo")).status is PersonStatus.CLOSED
    assert not (await membership_of(staffed, "ivo")).is_valid(NOW)
    assert (await person_of(staffed, "nina")).status is PersonStatus.ACTIVE
    (alias,) = await staffed.read(lambda tx: aliases.of_person(tx, "nina"))
    assert (alias.id, alias.user_name, alias.merged_by) == ("ivo", "ivo.deboer", "person:anne")


async def test_the_event_holds_all_that_both_of_them_were(flow, staffed):
    await staffed.commit(lambda tx: add_phone(tx, "ivo", bound_by="operator:otto"))

    await flow.merge(ADMINISTRATOR, merging())

    ((action, by, about, ura, evidence),) = await written(staffed)
    assert (action, by, about, ura) == ("PeopleMerged", "person:anne", "person:nina", OURS.ura)
    assert evidence["kept"]["uzi_number"] == "900000003"
    absorbed = evidence["absorbed"]
    assert (absorbed["id"], absorbed["name"]) == ("ivo", "Ivo de Boer")
    assert absorbed["membership"]["role_codes"] == ["01.015"]
    assert absorbed["phones"] == [
        {
            "credential": "phone-of-ivo",
            "status": "active",
            "bound_by": "operator:otto",
            "bound_ura": None,
        }
    ]
    assert str(BORN.year) not in str(evidence)
    assert BIRTHS.digest("ivo", BORN) not in str(evidence)


async def test_whose_membership_is_over_takes_over_the_one_that_is_not(flow, staffed):
    until = NOW + timedelta(days=9)
    await put(staffed, member("nina", valid_until=NOW), member("ivo", valid_until=until))
    await put(staffed, member("nina", ura=THEIRS.ura, valid_until=NOW))

    await flow.merge(ADMINISTRATOR, merging())

    assert (await membership_of(staffed, "nina")).valid_until == until


async def test_who_left_for_another_organisation_does_not_come_back_by_a_merge(flow, staffed):
    await put(staffed, member("nina", valid_until=NOW))

    await refused(flow, staffed, merging(), kind=AskedFirst)

    assert not (await membership_of(staffed, "nina")).is_valid(NOW)


async def test_the_other_phones_are_told_of_those_that_come_with_a_record(flow, staffed):
    def bind(tx):
        add_phone(tx, "nina")
        add_phone(tx, "ivo", only_ura=OURS.ura)
        add_phone(
            tx, "ivo", id="old", pairing_id="old", device_token_digest=None, status="revoked"
        )

    await staffed.commit(bind)

    await flow.merge(ADMINISTRATOR, merging())

    told = await staffed.read(lambda tx: phone_notices.of_person(tx, "nina", NOW))
    assert [(each.credential_id, each.kind.value) for each in told] == [
        ("phone-of-ivo", "phone_added")
    ]


async def test_a_membership_that_holds_stays_as_it_is(flow, staffed):
    await put(staffed, member("ivo", AdministrativeRole.ADMINISTRATOR))

    await flow.merge(ADMINISTRATOR, merging())

    assert await membership_of(staffed, "nina") == member("nina")


async def test_a_record_without_a_date_of_birth_gets_the_one_that_was_read(flow, staffed):
    await staffed.commit(
        lambda tx: people.update_person(tx, person("nina", "900000003", birth_digest=None))
    )

    await flow.merge(ADMINISTRATOR, merging())

    assert (await person_of(staffed, "nina")).birth_digest == BIRTHS.digest("nina", BORN)


async def refused(flow, staffed, asked, who=ADMINISTRATOR, kind=NotMerged):
    before = [await person_of(staffed, name) for name in ("nina", "ivo", "otto")]
    with pytest.raises(kind) as caught:
        await flow.merge(who, asked)
    assert [await person_of(staffed, name) for name in ("nina", "ivo", "otto")] == before
    assert await written(staffed) == []
    return caught.value.description


async def test_two_uzi_numbers_are_two_people(flow, staffed):
    assert "two people" in await refused(flow, staffed, merging(absorbed="otto"))


async def test_the_record_with_the_uzi_number_is_kept(flow, staffed):
    said = await refused(flow, staffed, merging(kept="ivo", absorbed="nina"))

    assert said.startswith("Keep the record with the UZI number")


async def test_a_record_is_not_merged_with_itself(flow, staffed):
    assert "one record" in await refused(flow, staffed, merging(absorbed="nina"))


async def test_what_another_organisation_knows_is_not_given_away(flow, staffed):
    await put(staffed, member("ivo", ura=THEIRS.ura, valid_until=NOW))

    assert "another organisation" in await refused(flow, staffed, merging())


@pytest.mark.parametrize("name", ["nina", "ivo"])
async def test_both_were_born_on_the_day_that_was_read(flow, staffed, name):
    other = replace(await person_of(staffed, name), birth_digest=BIRTHS.digest(name, WRONG))
    await staffed.commit(lambda tx: people.update_person(tx, other))

    assert "not the date of birth" in await refused(flow, staffed, merging())


async def test_of_one_of_them_the_date_of_birth_is_known(flow, staffed):
    for name in ("nina", "ivo"):
        unknown = replace(await person_of(staffed, name), birth_digest=None)
        await staffed.commit(lambda tx, who=unknown: people.update_person(tx, who))

    assert "neither" in await refused(flow, staffed, merging())


@pytest.mark.parametrize(("kept", "absorbed"), [("nina", "els"), ("els", "ivo")])
async def test_people_of_others_are_not_merged(flow, staffed, kept, absorbed):
    await refused(flow, staffed, merging(kept, absorbed), kind=NotFound)


async def test_an_operator_merges_nobody(flow, staffed):
    await refused(flow, staffed, merging(), OPERATOR, Forbidden)


async def test_to_merge_takes_a_fresh_approval(flow, staffed):
    stale = actor(age=FRESH_FOR + timedelta(milliseconds=1))

    await refused(flow, staffed, merging(), stale, FreshApprovalNeeded)


async def test_the_last_administrator_is_not_merged_away(flow, staffed):
    await put(
        staffed,
        member("anne", AdministrativeRole.ADMINISTRATOR, valid_until=GUEST_UNTIL),
        member("ivo", AdministrativeRole.ADMINISTRATOR),
    )

    await refused(flow, staffed, merging(), kind=LastAdministrator)


async def test_who_is_dismissed_meanwhile_leaves_an_administrator_who_is_not_merged(
    staffed, ports
):
    await put(
        staffed,
        member("ivo", AdministrativeRole.ADMINISTRATOR),
        member("otto", AdministrativeRole.ADMINISTRATOR, valid_until=GUEST_UNTIL),
    )
    other = flow_on(ports)
    registry = MeanwhileRegistry(staffed, lambda: other.dismiss(ADMINISTRATOR, "anne"))
    flow = flow_on(replace(ports, registry=registry))

    with pytest.raises(LastAdministrator):
        await flow.merge(actor(name="otto"), merging())

    assert registry.stalled
    assert (await person_of(staffed, "ivo")).status is PersonStatus.ACTIVE


async def test_of_two_who_merge_at_once_one_does(flow, staffed):
    ended = await asyncio.gather(
        *(flow.merge(ADMINISTRATOR, merging()) for _ in range(4)), return_exceptions=True
    )

    assert [each for each in ended if not isinstance(each, NotFound)] == [None]
    assert len(await written(staffed)) == 1


async def test_five_wrong_dates_an_hour_are_compared(flow, staffed):
    for _ in range(5):
        await refused(flow, staffed, merging(born=WRONG))

    await refused(flow, staffed, merging(), kind=TooManyWrongDates)


async def test_of_many_wrong_dates_at_once_five_are_compared(flow):
    ended = await asyncio.gather(
        *(flow.merge(ADMINISTRATOR, merging(born=WRONG)) for _ in range(32)),
        return_exceptions=True,
    )

    kinds = [type(each) for each in ended]
    assert (kinds.count(NotMerged), kinds.count(TooManyWrongDates)) == (5, 27)


async def test_right_dates_are_not_counted(flow, staffed):
    for name in ("a", "b", "c", "d", "e", "f"):

        def add(tx, name=name):
            people.add_person(tx, person(name))
            people.put_membership(tx, member(name))

        await staffed.commit(add)
        await flow.merge(ADMINISTRATOR, merging(absorbed=name))

    assert len(await staffed.read(lambda tx: aliases.ids_of(tx, "nina"))) == 7


async def test_what_the_record_that_goes_did_is_the_history_of_the_one_that_stays(
    flow, staffed, ports
):
    def bind(tx):
        add_phone(tx, "ivo", only_ura=OURS.ura)
        bound = {"credential": "phone-of-ivo", "pairing": "p", "bound_by": "operator:otto"}
        tx.record(
            AuthenticatorBound(
                actor="person:ivo", object="credential:phone-of-ivo", ura=OURS.ura, evidence=bound
            )
        )

    await staffed.commit(bind)
    await flow.merge(ADMINISTRATOR, merging())

    (event,) = await Overview(ports).history("nina")

    assert event.credential.id == "phone-of-ivo"
