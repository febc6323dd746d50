"""What an organisation's administrators settled among themselves: rules, as JSON values."""

from collections.abc import Mapping
from typing import Any

import msgspec

from admin.access import TABLE, Act

#: What an organisation can want two people for.
SECONDED = frozenset(act for act, rule in TABLE.items() if rule.second)


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
