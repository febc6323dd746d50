"""What an organisation can settle among its administrators."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.access import TABLE, Act
from admin.policy import (
    SECONDED,
    AdminPolicy,
    PhoneRules,
    needs_second,
    phone_rules,
    read,
    with_phone_rules,
)


@given(st.frozensets(st.sampled_from(sorted(SECONDED))))
def test_a_policy_reads_back_as_it_was_written(second):
    policy = AdminPolicy(second=second)

    assert read(policy.as_json()) == policy
    assert {act for act in Act if needs_second(policy.as_json(), act)} == second


def test_what_was_never_settled_one_does_alone():
    assert [act for act in Act if needs_second({}, act)] == []


@pytest.mark.parametrize(
    "members",
    [{"second": ["block_phone"]}, {"second": ["x"]}, {"second": 1}, {"two": []}],
)
def test_what_cannot_work_is_refused(members):
    with pytest.raises(ValueError, match=r"."):
        read(members)


def test_blocking_never_waits_for_anybody():
    assert Act.BLOCK_PHONE not in SECONDED
    assert {act for act, rule in TABLE.items() if rule.second} == SECONDED


AGREED = st.dictionaries(
    st.sampled_from(["synced", "max_phones", "formats"]), st.integers(1, 9), max_size=3
)
RULES = st.builds(PhoneRules, hardware=st.booleans(), no_copies=st.booleans())


@given(AGREED, RULES, RULES)
def test_phone_rules_are_read_as_they_were_set_and_change_nothing_else(agreed, first, second):
    made = with_phone_rules(with_phone_rules(agreed, first), second)

    assert phone_rules(made) == second
    assert {name: made[name] for name in agreed} == agreed
    assert with_phone_rules(made, second) == made


def test_what_the_operator_settled_otherwise_stays_as_long_as_nobody_says_so():
    own = {"verdicts": ["hardware", "software"]}
    loose = PhoneRules(hardware=False, no_copies=False)

    assert with_phone_rules(own, loose) == own
