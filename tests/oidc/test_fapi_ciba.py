"""The FAPI-CIBA profile."""

import pytest

from pairing_server.oidc.client_policy import ClientPolicy, Profile
from pairing_server.oidc.fapi_ciba import algorithms
from pairing_server.registry.client_metadata import Algorithm

ALL = tuple(Algorithm)


def test_of_the_policys_algorithms_two_are_left():
    policy = ClientPolicy(profile=Profile.FAPI_CIBA, algorithms=ALL)
    assert set(algorithms(policy)) == {Algorithm.ES256, Algorithm.PS256}
    assert algorithms(ClientPolicy(profile=Profile.FAPI_CIBA, algorithms=(ALL[0],))) == (ALL[0],)


@pytest.mark.parametrize("profile", [Profile.NONE, Profile.NL_GOV])
def test_without_the_profile_they_are_as_the_policy_has_them(profile):
    assert algorithms(ClientPolicy(profile=profile, algorithms=ALL)) == ALL
