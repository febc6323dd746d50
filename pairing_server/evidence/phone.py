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
    key = {} if bound is None else _evidence(bound)
    return {
        "names": _names(facts, kept),
        "key": _key(facts, kept, bound, key),
        "signature": _signature(kept, key, rp),
    }


def _names(facts: Facts, kept: Approval) -> Check:
    if facts.object != f"auth-request:{kept.signed.get('auth_request')}":
        return broken("another request was signed")
    if facts.ura != kept.signed.get("ura"):
        return broken("a request of another organisation was signed")
    if kept.signed.get("decision") != "approve":
        return broken("no approval was signed")
    return HOLDS


def _key(facts: Facts, kept: Approval, bound: Facts | None, key: Mapping[str, Any]) -> Check:
    if bound is None or "public_key" not in key:
        return broken("no event in the log binds this key")
    if bound.object != f"credential:{kept.credential}" or bound.actor != facts.actor:
        return broken("the key was bound to another person")
    if bound.time > facts.time:
        return broken("the key was bound later")
    return HOLDS


def _signature(kept: Approval, key: Mapping[str, Any], rp: RelyingParty) -> Check:
    try:
        public_key = b64url_decode(str(key.get("public_key", "")))
        response = AuthenticationResponse(
            id=kept.credential,
            raw_id=kept.credential,
            type="public-key",
            response=msgspec.convert(kept.assertion, AssertionResponse),
        )
        verify_assertion(
            rp,
            response,
            challenge=challenge(kept.signed),
            credential_id=kept.credential,
            public_key=public_key,
            sign_count=0,
        )
    except (InvalidAssertion, ValueError) as error:
        return broken(type(error).__name__)
    return HOLDS


def _evidence(facts: Facts) -> dict[str, Any]:
    try:
        return msgspec.json.decode(facts.evidence, type=dict[str, Any])
    except ValueError:
        return {}
