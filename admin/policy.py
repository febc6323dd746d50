"""What an organisation's administrators settled among themselves: rules, as JSON values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from admin.access import TABLE, Act
from pairing_server.keys.credential import AttestationVerdict
from pairing_server.keys.policy import Copies

#: What an organisation can want two people for.
SECONDED = frozenset(act for act, rule in TABLE.items() if rule.second)
_HARDWARE = [AttestationVerdict.HARDWARE.value]
_REFUSE = Copies.REFUSE.value


class AdminPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The policy.

    Attributes:
        second: For which acts one administrator asks, and another one does it.
    """

    second: frozenset[Act] = frozenset()

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ValueError: says which member.
        """
        if not self.second <= SECONDED:
            raise ValueError("second names an act that one does alone")

    def as_json(self) -> dict[str, Any]:
        """Return it as the registry keeps it."""
        return {"second": sorted(act.value for act in self.second)}


def read(members: Mapping[str, Any]) -> AdminPolicy:
    """Read a policy.

    Raises:
        ValueError: a member is unknown, of another type or out of range; says which.
    """
    try:
        return msgspec.convert(members, AdminPolicy)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def needs_second(members: Mapping[str, Any], act: Act) -> bool:
    """Tell whether an organisation wants two people for an act.

    Args:
        members: Its policy, as the registry keeps it.
    """
    return act in read(members).second


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneRules:
    """Which phones an organisation takes, of what its administrators settle: only stricter.

    What keys earn, and how many phones somebody has, is agreed with the server's operator.

    Attributes:
        hardware: Only keys of which it was shown that they live in hardware.
        no_copies: No keys that may be copied to other devices.
    """

    hardware: bool
    no_copies: bool


def phone_rules(members: Mapping[str, Any]) -> PhoneRules:
    """Read them of a key policy, as the registry keeps it."""
    return PhoneRules(
        hardware=members.get("verdicts") == _HARDWARE,
        no_copies=members.get("backup_eligible") == _REFUSE,
    )


def with_phone_rules(members: Mapping[str, Any], rules: PhoneRules) -> dict[str, Any]:
    """Return a key policy with these; what else is in it stays."""
    changed, were = dict(members), phone_rules(members)
    if rules.hardware != were.hardware:
        changed.pop("verdicts", None)
        changed |= {"verdicts": _HARDWARE} if rules.hardware else {}
    if rules.no_copies != were.no_copies:
        changed.pop("backup_eligible", None)
        changed |= {"backup_eligible": _REFUSE} if rules.no_copies else {}
    return changed
