"""What a phone signed: is it this request, by the key that was bound to this person?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from pairing_server.approvals.evidence import challenge
from pairing_server.audit.chain import Facts
from pairing_server.evidence import HOLDS, Check, NoEvidenceError, broken
from pairing_server.keys.ceremony import (
    AssertionResponse,
    AuthenticationResponse,
    RelyingParty,
    verify_assertion,
)
from pairing_server.keys.refusals import InvalidAssertion
from pairing_server.tokens import b64url_decode

#: What a phone may have signed for: wrong codes are well signed too.
ACTIONS = frozenset({"AuthRequestApproved", "AuthRequestDenied"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """The evidence of an event, as `approvals.record` kept it."""

    credential: str
    signed: dict[str, str]
    assertion: dict[str, Any]
    reason: str | None = None


def read_approval(facts: Facts) -> Approval:
    """Read the evidence of an event.

    Raises:
        NoEvidenceError: there is none, or none that a phone signed.
        ValueError: it is not of the form that was kept.
    """
    kept = msgspec.json.decode(facts.evidence, type=dict[str, Any])
    if facts.action not in ACTIONS or "assertion" not in kept:
        raise NoEvidenceError
    return msgspec.convert(kept, Approval)


def read_redeemed(facts: Facts) -> str:
    """Read which auth request an assertion was issued for.

    Raises:
        ValueError: it is not of the form that was kept.
    """
    return msgspec.convert(
        msgspec.json.decode(facts.evidence, type=dict[str, Any]).get("auth_request"), str
    )


def check_approval(
    facts: Facts, kept: Approval, bound: Facts | None, rp: RelyingParty
) -> dict[str, Check]:
    """Check what a phone signed, with the key that was bound to the person.

    Args:
        bound: The event that bound the key, which keeps the public key.
    """
    return {
        "names": _names(facts, kept),
        "key": check_key(facts, kept.credential, bound),
        "signature": check_signature(
            kept.credential, kept.assertion, challenge(kept.signed), public_key_of(bound), rp
        ),
    }


def public_key_of(bound: Facts | None) -> str:
    """Return the public key that an event bound, base64url; empty when it says none."""
    return "" if bound is None else str(_evidence(bound).get("public_key", ""))


def check_key(facts: Facts, credential: str, bound: Facts | None) -> Check:
    """Check that the key was bound to who acted, and before."""
    if bound is None or not public_key_of(bound):
        return broken("no event in the log binds this key")
    if bound.object != f"credential:{credential}" or bound.actor != facts.actor:
        return broken("the key was bound to another person")
    if bound.time > facts.time:
        return broken("the key was bound later")
    return HOLDS


def check_signature(
    credential: str, assertion: Mapping[str, Any], signed: bytes, key: str, rp: RelyingParty
) -> Check:
    """Check that the key signed this challenge.

    Args:
        key: The public key, base64url.
    """
    try:
        response = AuthenticationResponse(
            id=credential,
            raw_id=credential,
            type="public-key",
            response=msgspec.convert(assertion, AssertionResponse),
        )
        verify_assertion(
            rp,
            response,
            challenge=signed,
            credential_id=credential,
            public_key=b64url_decode(key),
            sign_count=0,
        )
    except (InvalidAssertion, ValueError) as error:
        return broken(type(error).__name__)
    return HOLDS


def _names(facts: Facts, kept: Approval) -> Check:
    if facts.object != f"auth-request:{kept.signed.get('auth_request')}":
        return broken("another request was signed")
    if facts.ura != kept.signed.get("ura"):
        return broken("a request of another organisation was signed")
    if kept.signed.get("decision") != "approve":
        return broken("no approval was signed")
    return HOLDS


def _evidence(facts: Facts) -> dict[str, Any]:
    try:
        return msgspec.json.decode(facts.evidence, type=dict[str, Any])
    except ValueError:
        return {}
