"""What is agreed with a client, read in one way and refused whole when it is not clear."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.approvals.fatigue import Gate
from pairing_server.oidc.client_policy import ClientPolicy, Profile, policy_of, read
from pairing_server.registry.client_metadata import Algorithm
from pairing_server.registry.clients import Client, ClientStatus


def client(policy):
    return Client(
        id="his",
        name="HIS",
        jwks={},
        uras=(),
        redirect_uris=(),
        policy=policy,
        status=ClientStatus.ACTIVE,
        created_at=datetime(2026, 11, 26, tzinfo=UTC),
    )


def test_where_nothing_is_agreed_the_safe_way_holds():
    policy = policy_of(client({}))

    assert policy == ClientPolicy()
    assert Algorithm.RS256 not in policy.algorithms
    assert (policy.code_digits, policy.user_code, policy.private_notification_hosts) == (
        6,
        False,
        False,
    )


def test_what_is_agreed_is_read():
    policy = policy_of(client({"push": "known", "profile": "fapi-ciba", "algorithms": ["RS256"]}))

    assert (policy.push, policy.profile, policy.algorithms) == (
        Gate.KNOWN,
        Profile.FAPI_CIBA,
        (Algorithm.RS256,),
    )


@pytest.mark.parametrize(
    "members",
    [
        {"code_digit": 4},
        {"code_digits": 0},
        {"code_digits": 9},
        {"code_digits": "6"},
        {"push": "Vouched"},
        {"push": None},
        {"push": "never"},
        {"algorithms": []},
        {"algorithms": ["none"]},
        {"algorithms": ["HS256"]},
        {"sender_constraint": "bearer"},
        {"session_hours": 0},
        {"session_hours": 25},
    ],
)
def test_a_policy_that_is_not_clear_is_none(members):
    with pytest.raises(ValueError, match=r"\w"):
        read(members)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(ClientPolicy.__struct_fields__), json_values))
def test_any_members_are_a_policy_or_refused(members):
    try:
        policy = read(members)
    except ValueError:
        return
    assert read(msgspec.to_builtins(policy)) == policy
