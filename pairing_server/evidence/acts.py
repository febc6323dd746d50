"""What a phone signed besides approvals: is it this act, by a key that was its person's?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from pairing_server.audit.chain import Facts
from pairing_server.evidence import HOLDS, Check, NoEvidenceError, broken
from pairing_server.evidence.phone import check_key, check_signature, public_key_of
from pairing_server.keys.ceremony import RelyingParty
from pairing_server.keys.credential import unbind_challenge
from pairing_server.phones.details import CHANGE, RENEWAL, TRANSFER, UNBLOCK, challenge

#: What a phone may have signed for.
ACTIONS = frozenset(
    {
        "AuthenticatorBound",
        "AuthenticatorBlocked",
        "AuthenticatorUnblocked",
        "AuthenticatorRevoked",
        "PhoneRenamed",
        "DefaultPhoneChosen",
    }
)
#: Which change each action may be.
_CHANGES = {
    "rename": "PhoneRenamed",
    "default": "DefaultPhoneChosen",
    "block": "AuthenticatorBlocked",
    "revoke": "AuthenticatorRevoked",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAct:
    """The evidence of an event.

    Attributes:
        credential: Whose key signed.
        about: The credentials that the signed details allow the event to be about.
        actions: What the signed details allow the event to be.
        signed: The details; empty for an unbinding, whose challenge names the key alone.
    """

    credential: str
    challenge: bytes
    about: frozenset[str]
    actions: frozenset[str]
    signed: dict[str, str]
    assertion: dict[str, Any]


def read_act(facts: Facts) -> SignedAct:
    """Read the evidence of an event.

    Raises:
        NoEvidenceError: there is none, or none that a phone signed.
        ValueError: it is not of the form that was kept.
    """
    kept = msgspec.json.decode(facts.evidence, type=dict[str, Any])
    if facts.action not in ACTIONS or "assertion" not in kept:
        raise NoEvidenceError
    assertion = msgspec.convert(kept["assertion"], dict[str, Any])
    signed = msgspec.convert(kept.get("signed", {}), dict[str, str])
    if not signed:
        own = facts.object.partition(":")[2]
        return SignedAct(
            credential=own,
            challenge=unbind_challenge(own),
            about=frozenset({own}),
            actions=frozenset({"AuthenticatorRevoked"}),
            signed={},
            assertion=assertion,
        )
    context, signer, about, actions = _meaning(signed, str(kept.get("by", "")))
    return SignedAct(
        credential=signer,
        challenge=challenge(context, signed),
        about=about,
        actions=actions,
        signed=signed,
        assertion=assertion,
    )


def check_act(
    facts: Facts, act: SignedAct, bound: Facts | None, rp: RelyingParty
) -> dict[str, Check]:
    """Check what a phone signed, with the key that was bound to the person.

    Args:
        bound: The event that bound the key, which keeps the public key.
    """
    return {
        "names": _names(facts, act),
        "key": check_key(facts, act.credential, bound),
        "signature": check_signature(
            act.credential, act.assertion, act.challenge, public_key_of(bound), rp
        ),
    }


def _names(facts: Facts, act: SignedAct) -> Check:
    if facts.action not in act.actions:
        return broken("something else was signed")
    if facts.object not in {f"credential:{credential}" for credential in act.about}:
        return broken("another phone's change was signed")
    return HOLDS


def _meaning(
    signed: Mapping[str, str], by: str
) -> tuple[bytes, str, frozenset[str], frozenset[str]]:
    """Return context and signer, and what the event may be about and be."""
    own = signed.get("credential", "")
    if "change" in signed:
        action = _CHANGES.get(signed.get("kind", ""), "")
        return CHANGE, by, frozenset({own}), frozenset({action})
    if "challenge" in signed:
        return UNBLOCK, own, frozenset({own}), frozenset({"AuthenticatorUnblocked"})
    new = signed.get("new_credential", "")
    both, replaces = frozenset({own, new}), {"AuthenticatorBound", "AuthenticatorRevoked"}
    if "renewal" in signed:
        return RENEWAL, own, both, frozenset(replaces)
    if "transfer" in signed and signed.get("decision") == "approve":
        ends = replaces if signed.get("revoke") == "true" else {"AuthenticatorBound"}
        return TRANSFER, own, both, frozenset(ends)
    raise ValueError("details that no phone signs")
