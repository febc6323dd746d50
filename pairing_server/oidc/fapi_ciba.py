"""Rules of the FAPI-CIBA profile, for clients whose policy asks for it.

FAPI Client Initiated Backchannel Authentication Profile, section 5.2.2.  What it asks beyond these
holds for every client here: clients are confidential, a signed request lives for an hour at most,
there is no push mode, and the code that the person types binds the two devices, which stands for
the `binding_message` that the profile asks for.
"""

from pairing_server.oidc.client_policy import ClientPolicy, Profile
from pairing_server.registry.client_metadata import Algorithm

#: Financial-grade API part 2, section 8.6.
ALGORITHMS = (Algorithm.PS256, Algorithm.ES256)


def algorithms(policy: ClientPolicy) -> tuple[Algorithm, ...]:
    """Return with which algorithms the client may sign."""
    if policy.profile is not Profile.FAPI_CIBA:
        return policy.algorithms
    return tuple(each for each in policy.algorithms if each in ALGORITHMS)


def binds(policy: ClientPolicy) -> bool:
    """Whether tokens are given to nobody who does not show a key for them (part 2, 5.2.2)."""
    return policy.profile is Profile.FAPI_CIBA
