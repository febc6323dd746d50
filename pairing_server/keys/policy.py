"""Rules on which keys are taken and what they earn: the server's, and an organisation's own."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Protocol

import msgspec

from pairing_server.keys.credential import AttestationVerdict
from pairing_server.keys.refusals import AttestationNotAccepted
from pairing_server.settings import AssuranceLevel, Settings

#: What a person may have bound at once, active or blocked.
MAX_PHONES = 5


class Format(StrEnum):
    """Attestation statement formats (WebAuthn Level 3 section 8)."""

    NONE = "none"
    PACKED = "packed"
    ANDROID_KEY = "android-key"
    APPLE = "apple"
    TPM = "tpm"


class Copies(StrEnum):
    """What becomes of a key that its holder's other devices may get (BE, section 6.1.3)."""

    REFUSE = "refuse"
    #: Taken for what `synced` says.
    ACCEPT = "accept"


class Level(StrEnum):
    """The two levels that a policy may give."""

    LOW = "low"
    SUBSTANTIAL = "substantial"


class KeyPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which keys are taken, and what they earn.

    Attributes:
        formats: Attestation formats that a new key may come with.
        verdicts: What the attestation has to show of where the key lives.
        backup_eligible: Whether a key is taken that may be copied to other devices.
        synced: What a key earns that may be copied, or of whose place nothing is known; one that
            is shown to be bound to hardware earns substantial.
        max_phones: How many a person may have, over all their organisations.
    """

    formats: tuple[Format, ...] = tuple(Format)
    verdicts: tuple[AttestationVerdict, ...] = tuple(AttestationVerdict)
    backup_eligible: Copies = Copies.ACCEPT
    synced: Level = Level.LOW
    max_phones: Annotated[int, msgspec.Meta(ge=1, le=20)] = MAX_PHONES

    @property
    def demands_attestation(self) -> bool:
        """Whether a key has to show where it lives.

        Only then it is asked for: a chain to a root that nobody configured is refused, where the
        same phone without one would have been taken for what `synced` says.
        """
        return AttestationVerdict.UNKNOWN not in self.verdicts


def server_policy(settings: Settings) -> KeyPolicy:
    """Return the policy for organisations that have none of their own."""
    return KeyPolicy(synced=Level[settings.synced_acr.name])


class KeyFacts(Protocol):
    """What a policy looks at: of a new key and of a bound one alike."""

    @property
    def attestation_format(self) -> str: ...  # noqa: D102
    @property
    def attestation_verdict(self) -> str: ...  # noqa: D102
    @property
    def backup_eligible(self) -> bool: ...  # noqa: D102


def with_changes(policy: KeyPolicy, changes: Mapping[str, Any]) -> KeyPolicy:
    """Return the policy with what an organisation has otherwise.

    Raises:
        ValueError: the changes are none that a policy knows.
    """
    if not changes:
        return policy
    kept: dict[str, Any] = msgspec.to_builtins(policy)
    try:
        return msgspec.convert({**kept, **changes}, KeyPolicy)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def accepts(policy: KeyPolicy, key: KeyFacts) -> bool:
    """Tell whether the key may be used under this policy."""
    return (
        key.attestation_format in policy.formats
        and key.attestation_verdict in policy.verdicts
        and not (key.backup_eligible and policy.backup_eligible is Copies.REFUSE)
    )


def check_accepted(policy: KeyPolicy, key: KeyFacts) -> None:
    """Refuse a new key that the policy does not take.

    Raises:
        AttestationNotAccepted: for its format, its verdict, or because it may be copied.
    """
    if not accepts(policy, key):
        raise AttestationNotAccepted(
            None, key.attestation_format, key.attestation_verdict, key.backup_eligible
        )


def earned_acr(policy: KeyPolicy, key: KeyFacts, ceiling: str) -> AssuranceLevel:
    """Return the level of assurance that a login with this key can claim.

    Args:
        ceiling: The most that the proof behind the binding allows.
    """
    is_bound = key.attestation_verdict == AttestationVerdict.HARDWARE and not key.backup_eligible
    earned = AssuranceLevel.SUBSTANTIAL if is_bound else AssuranceLevel(policy.synced)
    return lower_of(earned, AssuranceLevel(ceiling))


def most_earned(policy: KeyPolicy) -> AssuranceLevel:
    """Return the most that any key earns under this policy."""
    takes_hardware = AttestationVerdict.HARDWARE in policy.verdicts
    return AssuranceLevel.SUBSTANTIAL if takes_hardware else AssuranceLevel(policy.synced)


def lower_of(one: AssuranceLevel, other: AssuranceLevel) -> AssuranceLevel:
    """Return the lower one of two levels."""
    ranks = list(AssuranceLevel)
    return min(one, other, key=ranks.index)
