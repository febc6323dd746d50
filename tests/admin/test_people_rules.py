"""What becomes of a membership."""

from dataclasses import replace
from datetime import timedelta

import pytest

from admin.people_refusals import AskedFirst, GuestMustAccept, NameIsOfTheCard, NotLinked
from admin.people_rules import (
    Wanted,
    changed,
    check_linked,
    check_may_begin_again,
    check_may_rename,
    facts,
    with_roles,
)
from pairing_server.registry.members import Member
from pairing_server.registry.people import MembershipKind
from tests.admin.staff import IVO, NINA, NOW, member

EMPLOYEE = member("nina")
GUEST = replace(EMPLOYEE, kind=MembershipKind.GUEST, valid_until=NOW)
WANTED = Wanted(role_codes=("01.016",), valid_until=NOW + timedelta(days=1))
MOMENT = timedelta(milliseconds=1)


def test_a_membership_holds_until_its_end():
    check_linked(Member(NINA, GUEST), NOW - MOMENT)
    with pytest.raises(NotLinked):
        check_linked(Member(NINA, GUEST), NOW)


def test_who_has_a_number_has_shown_a_card():
    check_may_rename(IVO)
    with pytest.raises(NameIsOfTheCard):
        check_may_rename(NINA)


@pytest.mark.parametrize("before", [EMPLOYEE, replace(EMPLOYEE, valid_until=NOW)])
def test_an_employee_gets_what_is_wanted(before):
    after = changed(before, WANTED, NOW)

    assert (after.role_code, after.valid_until) == ("01.016", WANTED.valid_until)
    assert after.kind is MembershipKind.EMPLOYEE


def test_a_guest_does_so_until_their_time_is_over():
    assert changed(GUEST, WANTED, NOW - MOMENT).valid_until == WANTED.valid_until
    with pytest.raises(GuestMustAccept):
        changed(GUEST, WANTED, NOW)


def test_who_left_for_others_begins_again_with_their_own_yes():
    over = replace(EMPLOYEE, valid_until=NOW)

    check_may_begin_again(over, NOW, works_elsewhere=False)
    check_may_begin_again(over, NOW - MOMENT, works_elsewhere=True)
    with pytest.raises(AskedFirst):
        check_may_begin_again(over, NOW, works_elsewhere=True)


def test_the_first_role_is_offered_first():
    assert with_roles(EMPLOYEE, ("01.016",)).role_codes == ("01.016",)
    both = ("01.016", "30.000")
    assert with_roles(EMPLOYEE, both).role_codes == both
    assert facts(with_roles(EMPLOYEE, both))["role_codes"] == list(both)


def test_the_facts_of_a_membership_are_json():
    assert facts(GUEST) == {
        "role_codes": ["01.015"],
        "kind": "guest",
        "administrative_role": None,
        "valid_until": "2026-11-26T12:00:00Z",
    }
    assert facts(EMPLOYEE)["valid_until"] is None
