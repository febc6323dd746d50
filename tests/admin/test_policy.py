"""What an organisation can settle among its administrators."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.access import TABLE, Act
from admin.policy import SECONDED, AdminPolicy, needs_second, read


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
