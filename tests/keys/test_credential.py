"""What a key is worth."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pairing_server.keys.credential import AttestationVerdict, NewKey, earned_acr
from pairing_server.settings import AssuranceLevel

POLICIES = [AssuranceLevel.LOW, AssuranceLevel.SUBSTANTIAL]


@settings(deadline=None)
@given(
    st.sampled_from(AttestationVerdict), st.booleans(), st.booleans(), st.sampled_from(POLICIES)
)
def test_only_a_key_bound_to_hardware_earns_more_than_the_policy_says(
    verdict, backup_eligible, backed_up, policy
):
    key = NewKey(
        credential_id="AAAA",
        public_key=b"",
        sign_count=0,
        aaguid="",
        attestation_format="none",
        attestation_verdict=verdict,
        backup_eligible=backup_eligible,
        backed_up=backed_up,
    )
    is_bound = verdict is AttestationVerdict.HARDWARE and not backup_eligible
    assert earned_acr(key, policy) is (AssuranceLevel.SUBSTANTIAL if is_bound else policy)
