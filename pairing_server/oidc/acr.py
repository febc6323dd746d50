"""Rules of `acr_values`: which levels of assurance a client asks for, and whether one can be had.

They are voluntary (CIBA Core section 7.1): what is reached stands in the assertion.  But nobody is
called to their phone for a login that its client has to throw away for certain.
"""

from pairing_server.oidc.refusals import UnmetRequirements
from pairing_server.settings import AssuranceLevel

_RANKS = list(AssuranceLevel)
_KNOWN = {str(level): level for level in AssuranceLevel}


def asked_levels(acr_values: str) -> tuple[AssuranceLevel, ...]:
    """Return the levels that are known here; what else is named says nothing to this server."""
    return tuple(_KNOWN[name] for name in acr_values.split(" ") if name in _KNOWN)


def check_reachable(asked: tuple[AssuranceLevel, ...], most: AssuranceLevel) -> None:
    """Refuse what no key can earn.

    Args:
        most: What the organisation's policy lets a key earn.  Not what this person's keys earn,
            for that is theirs to know.

    Raises:
        UnmetRequirements: levels are asked for, and each is beyond it.
    """
    if asked and all(_RANKS.index(level) > _RANKS.index(most) for level in asked):
        raise UnmetRequirements
