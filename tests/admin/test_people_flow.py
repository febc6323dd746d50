"""What an organisation changes about its people."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from admin.access import FRESH_FOR
from admin.people_flow import PeopleFlow
from admin.people_refusals import (
    AskedFirst,
    GuestMustAccept,
    LastAdministrator,
    NameIsOfTheCard,
    NotLinked,
    NotRegisteredYet,
)
from admin.people_rules import Wanted
from admin.refusals import Forbidden, FreshApprovalNeeded
from pairing_server.errors import NotFound, Unauthenticated
from pairing_server.registry import clients, credentials, people, sessions
from pairing_server.registry.client_metadata import ClientMetadata
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.people import AdministrativeRole, MembershipKind
from pairing_server.registry.sessions import EndReason
from tests.admin.staff import (
    ADMINISTRATOR,
    BIRTHS,
    DESK,
    GUEST_UNTIL,
    IVO,
    NOW,
    OPERATOR,
    OURS,
    THEIRS,
    actions,
    actor,
    add_phone,
    member,
    membership_of,
    person_of,
    put,
    written,
)
from tests.keys.handset import MeanwhileRegistry

MOMENT = timedelta(milliseconds=1)
ANNES = member("anne", AdministrativeRole.ADMINISTRATOR)
SECOND = member("nina", AdministrativeRole.ADMINISTRATOR)


@pytest.fixture
def ended():
    return []


@pytest.fixture
def flow(staffed, ports, ended):
    return flow_on(ports, ended)


def flow_on(ports, ended=None):
    async def end_at(person_id, ura):
        if ended is not None:
            ended.append((person_id, ura))

    return PeopleFlow(ports, BIRTHS, end_at)


@pytest.fixture
async def a_client(staffed):
    added = Client(
        id="c1",
        name="HIS",
        jwks={"keys": []},
        uras=(OURS.ura, THEIRS.ura),
        redirect_uris=(),
        policy={},
        metadata=ClientMetadata(),
        status=ClientStatus.ACTIVE,
        created_at=NOW,
    )
    await staffed.commit(lambda tx: clients.add(tx, added))


async def add_session(registry, name, ura):
    session = sessions.Session(
        sid=f"{name}-{ura}",
        client_id="c1",
        person_id=name,
        credential_id=f"phone-of-{name}",
        ura=ura,
        sub="s",
        opened_at=NOW - timedelta(hours=1),
        expires_at=NOW + timedelta(hours=1),
    )
    await registry.commit(lambda tx: sessions.add(tx, session))


async def test_who_is_unlinked_works_there_no_more_and_elsewhere_still(flow, staffed, ended):
    await staffed.commit(lambda tx: add_phone(tx, "nina"))

    await flow.unlink(OPERATOR, "nina")

    assert not (await membership_of(staffed, "nina")).is_valid(NOW)
    assert (await membership_of(staffed, "nina", THEIRS.ura)).is_valid(NOW)
    assert ended == [("nina", OURS.ura)]
    assert await written(staffed) == [
        (
            "MemberUnlinked",
            "person:otto",
            "person:nina",
            OURS.ura,
            {
                "role": "operator",
                "was": {
                    "role_codes": ["01.015"],
                    "kind": "employee",
                    "administrative_role": None,
                    "valid_until": None,
                },
            },
        )
    ]


async def test_an_unlink_revokes_no_phone(flow, staffed):
    await staffed.commit(lambda tx: add_phone(tx, "nina"))
    before = await staffed.read(lambda tx: credentials.of_person(tx, "nina"))

    await flow.unlink(OPERATOR, "nina")

    assert await staffed.read(lambda tx: credentials.of_person(tx, "nina")) == before


async def test_an_unlink_ends_the_sessions_at_that_organisation(flow, staffed, a_client):
    for ura in (OURS.ura, THEIRS.ura):
        await add_session(staffed, "nina", ura)

    await flow.unlink(OPERATOR, "nina")

    here, there = [
        await staffed.read(lambda tx, sid=f"nina-{ura}": sessions.get(tx, sid))
        for ura in (OURS.ura, THEIRS.ura)
    ]
    assert (here.ended_at, here.end_reason, here.notice_due_at) == (NOW, EndReason.UNLINKED, NOW)
    assert there.ended_at is None


async def test_who_manages_and_is_unlinked_manages_no_more(flow, staffed):
    await flow.unlink(ADMINISTRATOR, "otto")

    assert (await membership_of(staffed, "otto")).administrative_role is None


async def test_nobody_is_unlinked_twice(flow):
    await flow.unlink(OPERATOR, "nina")

    with pytest.raises(NotLinked):
        await flow.unlink(OPERATOR, "nina")


@pytest.mark.parametrize("name", ["els", "nobody"])
async def test_people_of_others_are_unknown(flow, staffed, name):
    for act in (
        flow.unlink(ADMINISTRATOR, name),
        flow.change_membership(ADMINISTRATOR, name, wanted()),
        flow.rename(ADMINISTRATOR, name, "E.", "Boer"),
        flow.set_address(ADMINISTRATOR, name, "els@example.nl"),
        flow.appoint(ADMINISTRATOR, name, AdministrativeRole.OPERATOR),
        flow.dismiss(ADMINISTRATOR, name),
    ):
        with pytest.raises(NotFound):
            await act

    assert await written(staffed) == []


async def test_a_closed_record_is_unknown(flow, staffed):
    closed = replace(IVO, status="closed")
    await staffed.commit(lambda tx: people.update_person(tx, closed))

    with pytest.raises(NotFound):
        await flow.unlink(OPERATOR, "ivo")


async def test_the_service_desk_changes_nobody(flow, staffed):
    for act in (
        flow.unlink(DESK, "nina"),
        flow.change_membership(DESK, "nina", wanted()),
        flow.rename(DESK, "ivo", "I.", "Boer"),
        flow.set_address(DESK, "ivo", "ivo@example.nl"),
        flow.appoint(DESK, "nina", AdministrativeRole.OPERATOR),
        flow.dismiss(DESK, "anne"),
    ):
        with pytest.raises(Forbidden):
            await act

    assert await written(staffed) == []


async def test_an_operator_appoints_and_dismisses_nobody(flow):
    with pytest.raises(Forbidden):
        await flow.appoint(OPERATOR, "nina", AdministrativeRole.OPERATOR)
    with pytest.raises(Forbidden):
        await flow.dismiss(OPERATOR, "anne")


async def test_an_operator_gets_rid_of_no_administrator_by_another_way(flow, staffed):
    await put(staffed, member("ivo", AdministrativeRole.ADMINISTRATOR))
    until = NOW + timedelta(days=1)

    for act in (
        flow.unlink(OPERATOR, "ivo"),
        flow.unlink(OPERATOR, "otto"),
        flow.change_membership(OPERATOR, "ivo", wanted(valid_until=until)),
        flow.rename(OPERATOR, "ivo", "Ivo", "Overnemer"),
        flow.set_address(OPERATOR, "ivo", "otto@example.nl"),
    ):
        with pytest.raises(Forbidden):
            await act

    assert await written(staffed) == []


@pytest.mark.parametrize("role", [AdministrativeRole.OPERATOR, AdministrativeRole.ADMINISTRATOR])
async def test_whose_time_to_manage_is_over_is_given_no_more_of_it_by_an_operator(
    flow, staffed, role
):
    await put(staffed, member("ivo", role, valid_until=NOW))

    with pytest.raises(Forbidden):
        await flow.change_membership(OPERATOR, "ivo", wanted())


async def test_an_operator_changes_what_who_manages_works_as(flow, staffed):
    assert await flow.change_membership(OPERATOR, "anne", wanted(("01.016",)))

    assert (await membership_of(staffed, "anne")).administrative_role == "administrator"


async def test_to_take_a_manager_away_by_another_way_takes_a_fresh_approval_too(flow, staffed):
    stale = actor(age=FRESH_FOR + MOMENT)

    for act in (
        flow.unlink(stale, "otto"),
        flow.change_membership(stale, "otto", wanted(valid_until=GUEST_UNTIL)),
    ):
        with pytest.raises(FreshApprovalNeeded):
            await act

    assert await flow.change_membership(ADMINISTRATOR, "otto", wanted(valid_until=GUEST_UNTIL))


async def test_to_appoint_and_dismiss_takes_a_fresh_approval(flow):
    stale = actor(age=FRESH_FOR + MOMENT)

    with pytest.raises(FreshApprovalNeeded):
        await flow.appoint(stale, "nina", AdministrativeRole.OPERATOR)
    with pytest.raises(FreshApprovalNeeded):
        await flow.dismiss(stale, "otto")


def wanted(role_codes=("01.015",), valid_until=None):
    return Wanted(role_codes=role_codes, valid_until=valid_until)


async def test_roles_and_end_are_changed_in_one_commit(flow, staffed):
    until = NOW + timedelta(days=5)

    assert await flow.change_membership(OPERATOR, "nina", wanted(("01.016",), until))

    changed = await membership_of(staffed, "nina")
    assert (changed.role_code, changed.valid_until) == ("01.016", until)
    ((action, *_, evidence),) = await written(staffed)
    assert action == "MembershipChanged"
    assert evidence["was"]["role_codes"] == ["01.015"]
    assert evidence["is"]["role_codes"] == ["01.016"]
    assert evidence["is"]["valid_until"] == "2026-12-01T12:00:00Z"


async def test_what_is_so_already_is_not_written(flow, staffed):
    assert not await flow.change_membership(OPERATOR, "nina", wanted())
    assert await written(staffed) == []


async def test_an_employee_who_left_is_linked_again(flow, staffed):
    await flow.unlink(OPERATOR, "ivo")

    assert await flow.change_membership(OPERATOR, "ivo", wanted())
    assert (await membership_of(staffed, "ivo")).is_valid(NOW)


async def test_who_left_for_another_organisation_is_not_linked_again_unasked(flow, staffed):
    await put(staffed, member("nina", valid_until=NOW))

    with pytest.raises(AskedFirst):
        await flow.change_membership(OPERATOR, "nina", wanted())
    with pytest.raises(AskedFirst):
        await flow.change_membership(ADMINISTRATOR, "nina", wanted(valid_until=GUEST_UNTIL))

    await put(staffed, member("nina", ura=THEIRS.ura, valid_until=NOW))
    assert await flow.change_membership(OPERATOR, "nina", wanted())


async def test_a_guest_whose_time_is_over_is_asked_again(flow, staffed):
    await put(staffed, member("nina", kind=MembershipKind.GUEST, valid_until=NOW))

    with pytest.raises(GuestMustAccept):
        await flow.change_membership(OPERATOR, "nina", wanted(valid_until=GUEST_UNTIL))


async def test_a_guest_whose_time_is_not_over_gets_more_of_it(flow, staffed):
    await put(staffed, member("nina", kind=MembershipKind.GUEST, valid_until=NOW + MOMENT))

    assert await flow.change_membership(OPERATOR, "nina", wanted(valid_until=GUEST_UNTIL))
    assert (await membership_of(staffed, "nina")).valid_until == GUEST_UNTIL


async def test_a_name_is_corrected_and_the_user_name_stays(flow, staffed):
    assert await flow.rename(OPERATOR, "ivo", "Ivo Jan", "de Vries")

    renamed = await person_of(staffed, "ivo")
    assert (renamed.name, renamed.user_name) == ("Ivo Jan de Vries", IVO.user_name)
    assert renamed.birth_digest == IVO.birth_digest
    ((action, _, _, _, evidence),) = await written(staffed)
    assert action == "PersonRenamed"
    assert (evidence["was"], evidence["is"]) == ("Ivo de Boer", "Ivo Jan de Vries")


async def test_the_same_name_is_not_written(flow, staffed):
    assert not await flow.rename(OPERATOR, "ivo", IVO.first_names, IVO.last_name)
    assert await written(staffed) == []


async def test_who_has_shown_a_card_is_called_as_it_says(flow, staffed):
    with pytest.raises(NameIsOfTheCard):
        await flow.rename(ADMINISTRATOR, "nina", "Nina", "de Vries")

    assert await written(staffed) == []


async def test_who_left_is_not_renamed(flow, staffed):
    await flow.unlink(OPERATOR, "ivo")

    with pytest.raises(NotLinked):
        await flow.rename(OPERATOR, "ivo", "Ivo", "de Vries")
    with pytest.raises(NotLinked):
        await flow.set_address(OPERATOR, "ivo", "ivo@example.nl")


async def test_a_person_is_appointed_and_dismissed(flow, staffed):
    assert await flow.appoint(ADMINISTRATOR, "nina", AdministrativeRole.OPERATOR)
    assert (await membership_of(staffed, "nina")).administrative_role == "operator"
    assert await flow.dismiss(ADMINISTRATOR, "nina")
    assert (await membership_of(staffed, "nina")).administrative_role is None

    assert await actions(staffed) == ["AdministratorAppointed", "AdministratorDismissed"]


async def test_to_appoint_or_dismiss_twice_writes_nothing(flow, staffed):
    assert not await flow.appoint(ADMINISTRATOR, "otto", AdministrativeRole.OPERATOR)
    assert not await flow.dismiss(ADMINISTRATOR, "nina")
    assert await written(staffed) == []


async def test_nobody_is_appointed_who_has_left(flow):
    await flow.unlink(OPERATOR, "nina")

    with pytest.raises(NotLinked):
        await flow.appoint(ADMINISTRATOR, "nina", AdministrativeRole.OPERATOR)


async def test_a_record_that_nobody_has_proved_to_be_is_not_appointed(flow, staffed):
    with pytest.raises(NotRegisteredYet):
        await flow.appoint(ADMINISTRATOR, "ivo", AdministrativeRole.ADMINISTRATOR)

    await staffed.commit(lambda tx: add_phone(tx, "ivo"))
    assert await flow.appoint(ADMINISTRATOR, "ivo", AdministrativeRole.ADMINISTRATOR)


async def test_a_revoked_phone_proves_nobody(flow, staffed):
    await staffed.commit(lambda tx: add_phone(tx, "ivo", status="revoked"))

    with pytest.raises(NotRegisteredYet):
        await flow.appoint(ADMINISTRATOR, "ivo", AdministrativeRole.ADMINISTRATOR)


#: What would leave an organisation without an administrator who stays.
REMOVALS = {
    "dismissed": lambda flow, name, who=ADMINISTRATOR: flow.dismiss(who, name),
    "made an operator": lambda flow, name, who=ADMINISTRATOR: flow.appoint(
        who, name, AdministrativeRole.OPERATOR
    ),
    "unlinked": lambda flow, name, who=ADMINISTRATOR: flow.unlink(who, name),
    "given an end": lambda flow, name, who=ADMINISTRATOR: flow.change_membership(
        who, name, wanted(valid_until=GUEST_UNTIL)
    ),
}
#: Who removes others, and will be gone one day.
PASSING = member("otto", AdministrativeRole.ADMINISTRATOR, valid_until=GUEST_UNTIL)
OTTO = actor(name="otto")


@pytest.fixture(params=REMOVALS.values(), ids=REMOVALS)
def remove(request):
    return request.param


async def test_the_last_administrator_stays(flow, staffed, remove):
    with pytest.raises(LastAdministrator):
        await remove(flow, "anne")

    assert await membership_of(staffed, "anne") == ANNES
    assert await written(staffed) == []


async def test_one_of_two_administrators_may_go(flow, staffed, remove):
    await put(staffed, SECOND)

    await remove(flow, "anne")

    assert len(await actions(staffed)) == 1


async def test_another_one_who_will_leave_is_nobody_to_leave_it_to(flow, staffed, remove):
    await put(staffed, replace(SECOND, valid_until=GUEST_UNTIL))

    with pytest.raises(LastAdministrator):
        await remove(flow, "anne")


async def test_where_nobody_administers_people_can_leave_all_the_same(flow, staffed):
    await put(staffed, replace(ANNES, administrative_role=None))

    await flow.unlink(OPERATOR, "nina")

    assert not (await membership_of(staffed, "nina")).is_valid(NOW)


async def test_two_administrators_who_remove_each_other_leave_one(staffed, ports, remove):
    await put(staffed, SECOND, PASSING)
    registry = MeanwhileRegistry(staffed, lambda: remove(flow_on(ports), "anne", OTTO))
    flow = flow_on(replace(ports, registry=registry))

    with pytest.raises(LastAdministrator):
        await remove(flow, "nina", OTTO)

    assert registry.stalled
    assert (await membership_of(staffed, "nina")) == SECOND


async def test_of_many_who_remove_each_other_at_once_one_stays(flow, staffed, remove):
    await put(staffed, SECOND, PASSING)

    ended = await asyncio.gather(
        *(remove(flow, name, OTTO) for name in ("anne", "nina") * 8), return_exceptions=True
    )

    assert any(isinstance(each, LastAdministrator) for each in ended)
    holds = [await membership_of(staffed, name) for name in ("anne", "nina")]
    assert [
        each.administrative_role == "administrator" and each.valid_until is None for each in holds
    ].count(True) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"administrative_role": None},
        {"administrative_role": AdministrativeRole.OPERATOR},
        {"valid_until": NOW},
    ],
    ids=["dismissed", "made an operator", "unlinked"],
)
async def test_who_acts_no_more_at_the_commit_changes_nothing(staffed, ports, changed):
    await put(staffed, SECOND)
    registry = MeanwhileRegistry(staffed, lambda: put(staffed, replace(ANNES, **changed)))
    flow = flow_on(replace(ports, registry=registry))

    with pytest.raises(Unauthenticated):
        await flow.unlink(ADMINISTRATOR, "ivo")

    assert registry.stalled
    assert (await membership_of(staffed, "ivo")).is_valid(NOW)


async def test_a_closed_person_acts_no_more(flow, staffed):
    closed = replace(await person_of(staffed, "anne"), status="closed")
    await staffed.commit(lambda tx: people.update_person(tx, closed))

    with pytest.raises(Unauthenticated):
        await flow.unlink(ADMINISTRATOR, "ivo")
