"""Which keys are taken, and what they earn."""

from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.keys.credential import AttestationVerdict
from pairing_server.keys.policy import (
    Copies,
    Format,
    KeyPolicy,
    Level,
    accepts,
    check_accepted,
    earned_acr,
    lower_of,
    most_earned,
    server_policy,
    with_changes,
)
from pairing_server.keys.refusals import AttestationNotAccepted
from pairing_server.settings import AssuranceLevel, load

LOW, SUBSTANTIAL, HIGH = AssuranceLevel


@dataclass(frozen=True)
class Facts:
    attestation_format: str = "none"
    attestation_verdict: str = "unknown"
    backup_eligible: bool = False


BOUND = Facts("android-key", "hardware")
facts = st.builds(
    Facts, st.sampled_from(Format), st.sampled_from(AttestationVerdict), st.booleans()
)
policies = st.builds(
    KeyPolicy,
    formats=st.lists(st.sampled_from(Format), unique=True).map(tuple),
    verdicts=st.lists(st.sampled_from(AttestationVerdict), unique=True).map(tuple),
    backup_eligible=st.sampled_from(Copies),
    synced=st.sampled_from(Level),
    max_phones=st.integers(1, 20),
)


@given(policies, facts, st.sampled_from(AssuranceLevel))
def test_only_a_key_bound_to_hardware_earns_more_than_the_policy_says(policy, key, ceiling):
    is_bound = key.attestation_verdict == "hardware" and not key.backup_eligible
    earned = SUBSTANTIAL if is_bound else AssuranceLevel(policy.synced)
    assert earned_acr(policy, key, HIGH) is earned
    assert earned_acr(policy, key, ceiling) is lower_of(earned, ceiling)


@given(policies, facts)
def test_a_key_earns_never_more_than_the_proof_behind_it(policy, key):
    assert earned_acr(policy, key, LOW) is LOW


@given(policies, facts, st.sampled_from(list(AssuranceLevel)))
def test_no_key_that_is_taken_earns_more_than_the_most_there_is(policy, key, ceiling):
    most = most_earned(policy)
    if accepts(policy, key):
        assert lower_of(earned_acr(policy, key, ceiling), most) == earned_acr(policy, key, ceiling)
    assert most is not HIGH


def test_where_no_hardware_is_taken_the_most_is_what_the_policy_says():
    software = KeyPolicy(verdicts=(AttestationVerdict.SOFTWARE,))
    assert most_earned(software) is LOW
    assert most_earned(KeyPolicy()) is SUBSTANTIAL


@pytest.mark.parametrize(("one", "other"), [*product(AssuranceLevel, repeat=2)])
def test_the_lower_of_two_levels(one, other):
    order = [LOW, SUBSTANTIAL, HIGH]
    assert lower_of(one, other) is order[min(order.index(one), order.index(other))]


@pytest.mark.parametrize(
    ("changes", "key", "taken"),
    [
        ({}, Facts(), True),
        ({}, Facts(backup_eligible=True), True),
        ({"backup_eligible": "refuse"}, Facts(backup_eligible=True), False),
        ({"backup_eligible": "refuse"}, Facts(), True),
        ({"formats": ["android-key", "apple"]}, Facts(), False),
        ({"formats": ["android-key", "apple"]}, BOUND, True),
        ({"verdicts": ["hardware"]}, Facts("packed"), False),
        ({"verdicts": ["hardware"]}, Facts("android-key", "software"), False),
        ({"verdicts": ["hardware"]}, BOUND, True),
    ],
)
def test_a_policy_takes_what_it_names(changes, key, taken):
    policy = with_changes(KeyPolicy(), changes)
    assert accepts(policy, key) is taken
    if not taken:
        with pytest.raises(AttestationNotAccepted):
            check_accepted(policy, key)


def test_what_an_organisation_does_not_say_the_server_says():
    server = KeyPolicy(synced=Level.SUBSTANTIAL, max_phones=3)
    changed = with_changes(server, {"max_phones": 2})
    assert (changed.synced, changed.max_phones) == (Level.SUBSTANTIAL, 2)
    assert with_changes(server, {}) is server


@pytest.mark.parametrize(
    "changes",
    [
        {"format": ["none"]},
        {"formats": ["fido-u2f"]},
        {"synced": "high"},
        {"max_phones": 0},
        {"max_phones": 21},
        {"backup_eligible": True},
    ],
)
def test_what_no_policy_knows_is_refused(changes):
    with pytest.raises(ValueError, match=r"\w"):
        with_changes(KeyPolicy(), changes)


@pytest.mark.parametrize("level", ["low", "substantial"])
def test_the_servers_policy_is_its_setting(level):
    policy = server_policy(load({}, synced_acr=level))
    assert AssuranceLevel(policy.synced) is AssuranceLevel(level)


@pytest.mark.parametrize(
    ("verdicts", "demands"),
    [(("hardware",), True), (("hardware", "software"), True), (("hardware", "unknown"), False)],
)
def test_attestation_is_asked_for_where_no_key_is_taken_without(verdicts, demands):
    assert with_changes(KeyPolicy(), {"verdicts": verdicts}).demands_attestation is demands
