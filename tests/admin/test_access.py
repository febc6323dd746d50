"""Who may do what to whom, over every act, role, organisation and age of the approval."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.access import FRESH_FOR, TABLE, Act, Rule, Scope, Target, check, is_fresh, may_ever
from admin.actor import Actor, Role
from admin.refusals import Forbidden, FreshApprovalNeeded, NotYours
from pairing_server.errors import NotFound, Refusal

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
OURS, THEIRS, THIRD = "90000001", "90000002", "90000003"
OURS_ALONE = Target.of_organisation(OURS)
MOMENT = timedelta(microseconds=1)

#: Whose word each scope takes, spelled out.
SETTLING = {
    Scope.ANY_LINKED: lambda target: target.linked,
    Scope.OWN: lambda target: target.settled_by,
    Scope.OWN_OR_BLOCKED: lambda target: {*target.settled_by, *target.blocked_by},
}

acts = st.sampled_from(Act)
roles = st.sampled_from(Role)
ages = st.timedeltas(timedelta(0), timedelta(hours=8))
uras = st.frozensets(st.sampled_from([OURS, THEIRS, THIRD]))
targets = st.builds(Target, linked=uras, settled_by=uras, blocked_by=uras, manages=st.booleans())


def actor(role, *, age=timedelta(0), acts=frozenset(Act)):
    is_machine = role is Role.MACHINE
    return Actor(
        role=role,
        ura=OURS,
        person_id=None if is_machine else "p1",
        client_id="c1" if is_machine else None,
        authenticated_at=NOW - age,
        acts=frozenset(acts) if is_machine else frozenset(),
    )


def verdict(act, who, target):
    try:
        check(act, who, target, NOW)
    except Refusal as refusal:
        return type(refusal)
    return None


@given(acts, roles, ages, targets)
def test_all_is_refused_that_the_table_does_not_allow(act, role, age, target):
    rule = TABLE[act]
    dismisses = rule.dismisses and target.manages
    allowed = (
        role in rule.roles
        and OURS in target.linked
        and OURS in SETTLING[rule.scope](target)
        and (not (rule.fresh or dismisses) or age <= FRESH_FOR)
        and (not dismisses or role in TABLE[Act.DISMISS].roles)
    )

    assert (verdict(act, actor(role, age=age), target) is None) == allowed


@given(acts, roles, targets, targets)
def test_a_refused_role_learns_nothing_of_the_target(act, role, one, other):
    who = actor(role)
    answers = {verdict(act, who, replace(target, manages=False)) for target in (one, other)}

    assert Forbidden not in answers or answers == {Forbidden}


@given(acts, roles, ages, targets, targets)
def test_people_of_others_and_nobody_are_one_answer(act, role, age, one, other):
    strangers = [
        Target(linked=target.linked - {OURS}, settled_by=target.settled_by)
        for target in (one, other)
    ]
    who = actor(role, age=age)

    assert verdict(act, who, strangers[0]) == verdict(act, who, strangers[1])
    assert verdict(act, who, strangers[0]) in {NotFound, Forbidden}


@given(acts, st.frozensets(acts))
def test_a_machine_does_only_what_it_was_registered_for(act, registered):
    who = actor(Role.MACHINE, acts=registered)
    allowed = act in registered and Role.MACHINE in TABLE[act].roles

    assert (verdict(act, who, OURS_ALONE) is None) == allowed
    assert may_ever(act, who) == allowed


@given(acts, targets)
def test_nobody_is_asked_to_confirm_what_they_would_be_refused(act, target):
    stale, fresh = actor(Role.OPERATOR, age=FRESH_FOR + MOMENT), actor(Role.OPERATOR)

    assert (
        verdict(act, stale, target) != FreshApprovalNeeded or verdict(act, fresh, target) is None
    )


def test_an_approval_is_fresh_for_five_minutes_and_not_longer():
    assert is_fresh(actor(Role.OPERATOR, age=FRESH_FOR), NOW)
    assert not is_fresh(actor(Role.OPERATOR, age=FRESH_FOR + MOMENT), NOW)


def test_every_act_has_its_rule():
    assert set(TABLE) == set(Act)


def test_an_administrator_may_do_all():
    assert [act for act in Act if verdict(act, actor(Role.ADMINISTRATOR), OURS_ALONE)] == []


def test_the_service_desk_finds_sees_and_blocks_and_does_nothing_else():
    assert {act for act in Act if may_ever(act, actor(Role.SERVICE_DESK))} == {
        Act.SEE_DASHBOARD,
        Act.FIND_PEOPLE,
        Act.SEE_PERSON,
        Act.BLOCK_PHONE,
    }


def test_an_operator_makes_no_administrators_and_no_policy_and_takes_no_log_away():
    assert set(Act) - {act for act in Act if may_ever(act, actor(Role.OPERATOR))} == {
        Act.MERGE,
        Act.APPOINT,
        Act.DISMISS,
        Act.EXPORT_LOG,
        Act.SET_POLICY,
        Act.SEE_STREAMS,
        Act.MANAGE_STREAMS,
        Act.APPROVE_AS_SECOND,
    }


def test_what_needs_a_person_no_machine_is_registered_for():
    assert {act for act in Act if Role.MACHINE not in TABLE[act].roles} == {
        Act.SEE_DASHBOARD,
        Act.READ_NOTICE,
        Act.UNBLOCK_PHONE,
        Act.REVOKE_PHONE,
        Act.REGISTER_2B,
        Act.MERGE,
        Act.APPOINT,
        Act.DISMISS,
        Act.IMPORT_CSV,
        Act.EXPORT_CSV,
        Act.SEE_WORKSTATIONS,
        Act.SEE_POLICY,
        Act.SET_POLICY,
        Act.APPROVE_AS_SECOND,
        Act.WITHDRAW_REQUEST,
    }


def test_dangerous_acts_need_a_fresh_approval():
    assert {act for act, rule in TABLE.items() if rule.fresh} == {
        Act.UNBLOCK_PHONE,
        Act.REVOKE_PHONE,
        Act.MERGE,
        Act.APPOINT,
        Act.DISMISS,
        Act.SET_POLICY,
        Act.MANAGE_STREAMS,
        Act.APPROVE_AS_SECOND,
    }


def test_who_manages_is_cut_off_or_taken_for_another_by_who_dismisses_alone():
    assert {act for act, rule in TABLE.items() if rule.dismisses} == {
        Act.UNLINK,
        Act.RENAME,
        Act.SET_CONTACT,
        Act.REGISTER_2B,
    }


@given(ages)
def test_only_with_a_fresh_approval_is_who_manages_unlinked(age):
    managing = replace(OURS_ALONE, manages=True)

    assert verdict(Act.UNLINK, actor(Role.ADMINISTRATOR, age=age), managing) == (
        FreshApprovalNeeded if age > FRESH_FOR else None
    )
    assert verdict(Act.UNLINK, actor(Role.OPERATOR, age=age), managing) is Forbidden
    assert verdict(Act.UNLINK, actor(Role.MACHINE, age=age), managing) is Forbidden


def test_two_can_be_asked_for_where_one_could_do_harm_alone():
    assert {act for act, rule in TABLE.items() if rule.second} == {
        Act.UNBLOCK_PHONE,
        Act.REVOKE_PHONE,
        Act.REGISTER_2B,
    }


@pytest.mark.parametrize("act", [Act.UNBLOCK_PHONE, Act.REVOKE_PHONE])
def test_a_guest_organisation_blocks_and_settles_nothing(act):
    bound_elsewhere = Target(linked=frozenset({OURS, THEIRS}), settled_by=frozenset({THEIRS}))
    who = actor(Role.ADMINISTRATOR)

    assert verdict(Act.BLOCK_PHONE, who, bound_elsewhere) is None
    assert verdict(act, who, bound_elsewhere) is NotYours


def test_who_blocked_a_phone_unblocks_it_and_does_not_revoke_it():
    blocked_here = Target(
        linked=frozenset({OURS, THEIRS}),
        settled_by=frozenset({THEIRS}),
        blocked_by=frozenset({OURS}),
    )
    who = actor(Role.ADMINISTRATOR)

    assert verdict(Act.UNBLOCK_PHONE, who, blocked_here) is None
    assert verdict(Act.REVOKE_PHONE, who, blocked_here) is NotYours


def test_the_table_cannot_be_changed_while_the_server_runs():
    with pytest.raises(TypeError):
        TABLE[Act.DISMISS] = Rule(roles=frozenset(Role))
