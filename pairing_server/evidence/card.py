"""What a UZI-pas signed: is it this statement, of this person, by a card that was good then?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pairing_server.audit.chain import Facts
from pairing_server.clock import from_milliseconds
from pairing_server.evidence import HOLDS, Check, NoEvidenceError, broken, untold
from pairing_server.evidence.revocation import check_kept
from pairing_server.uzi.certificate import Card, read_card
from pairing_server.uzi.hierarchy import Hierarchy
from pairing_server.uzi.path import CardVerifier, load_certificate
from pairing_server.uzi.proof import decode_base64, proof_message, verify_proof
from pairing_server.uzi.refusals import CardRefused
from pairing_server.uzi.session import Purpose, is_about, statement

#: What is done with a phone in the portal.
OF_PHONES = frozenset(
    {"AuthenticatorBlocked", "AuthenticatorUnblocked", "AuthenticatorRevoked", "PhoneRenamed"}
)
#: A login that a card answered in the place of a phone.
BY_CARD = "AuthRequestApprovedByCard"
#: What a person does with any card of theirs, also of another organisation.
OF_PERSONS = OF_PHONES | {BY_CARD}
#: What a card must have been asked for, by what the event says was done with it.
PURPOSES: Mapping[str, frozenset[str]] = {
    "OrganisationRegistered": frozenset({Purpose.REGISTER_ORGANISATION}),
    "PersonRegistered": frozenset({Purpose.SIGN_REGISTRATION}),
    # Who signed a registration is logged in by it, and may begin another.
    "RegistrationDenied": frozenset({Purpose.LOGIN, Purpose.SIGN_REGISTRATION}),
    BY_CARD: frozenset({Purpose.LOGIN}),
    # That stands under the login, whatever it was for.
    **dict.fromkeys(OF_PHONES, frozenset(Purpose)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedStatement:
    """The evidence of an event, as `uzi.session.signed_statement` kept it."""

    origin: str
    id: str
    nonce: str
    purpose: str
    statement: str
    certificate: str
    chain: list[str]
    signature: str
    algorithm: str
    revocation: dict[str, Any] = field(default_factory=dict)
    registered: dict[str, str] = field(default_factory=dict)
    denied: dict[str, str] = field(default_factory=dict)
    changed: dict[str, str] = field(default_factory=dict)
    approved: dict[str, str] = field(default_factory=dict)


def is_of_card(facts: Facts) -> bool:
    """Tell whether the event may stand on what a card signed.

    Raises:
        ValueError: the evidence is not JSON.
    """
    kept = msgspec.json.decode(facts.evidence, type=dict[str, Any])
    return facts.action in PURPOSES and "assertion" not in kept


def read_statement(facts: Facts) -> SignedStatement:
    """Read the evidence of an event.

    Raises:
        NoEvidenceError: there is none, or none that a card signed.
        ValueError: it is not of the form that was kept.
    """
    kept = msgspec.json.decode(facts.evidence, type=dict[str, Any])
    if facts.action not in PURPOSES or "signature" not in kept:
        raise NoEvidenceError
    return msgspec.convert(kept, SignedStatement)


def check_card(
    facts: Facts,
    kept: SignedStatement,
    verifier: CardVerifier,
    hierarchy: Hierarchy,
    origin: str,
    registered: Facts | None = None,
) -> dict[str, Check]:
    """Check what a card signed, by the rules of the time when the event was written.

    Does no I/O, but computes for some milliseconds.

    Args:
        origin: Of the server whose log this is: cards sign for others, too.
        registered: For what any card of a person may do, the event that registered its actor.
    """
    of_person = facts.action in OF_PERSONS
    return {
        **({"holder": _holder(facts, kept, registered)} if of_person else {}),
        "origin": HOLDS if kept.origin == origin else broken(f"signed for {kept.origin}"),
        "purpose": _purpose(facts, kept),
        "signature": _signature(kept),
        "names": _names(facts, kept, hierarchy),
        **_certificate(facts, kept, verifier),
    }


def _purpose(facts: Facts, kept: SignedStatement) -> Check:
    if kept.purpose not in PURPOSES[facts.action]:
        return broken(f"the card was asked for {kept.purpose}")
    return HOLDS


def _signature(kept: SignedStatement) -> Check:
    """Rebuild the signed bytes, and check the signature with the certificate's key."""
    message = proof_message(kept.origin, kept.id, kept.nonce, kept.purpose, kept.statement)
    try:
        certificate = load_certificate(decode_base64(kept.certificate))
        verify_proof(certificate, decode_base64(kept.signature), kept.algorithm, message)
    except CardRefused as refusal:
        return broken(refusal.code)
    return HOLDS


def _names(facts: Facts, kept: SignedStatement, hierarchy: Hierarchy) -> Check:
    """Check that event, statement and card are of the same person and organisation."""
    try:
        card = read_card(load_certificate(decode_base64(kept.certificate)), hierarchy)
    except CardRefused as refusal:
        return broken(refusal.code)
    # A phone's organisation is the one that it was bound for, and a login's the one that asks,
    # whichever card is shown.
    if facts.ura != card.ura and facts.action not in OF_PERSONS:
        return broken(f"the card is of URA {card.ura}, the event of {facts.ura}")
    if not _is_composed(kept, card):
        return broken("the statement names another server or card")
    wrong = {
        "OrganisationRegistered": _wrong_organisation,
        "PersonRegistered": _wrong_person,
        "RegistrationDenied": _wrong_denial,
        BY_CARD: _wrong_login,
    }.get(facts.action, _wrong_phone)(facts, kept, card)
    return broken(wrong) if wrong else HOLDS


def _is_composed(kept: SignedStatement, card: Card) -> bool:
    """Tell whether the statement is what the server at `origin` has this card sign."""
    host = kept.origin.partition("://")[2]
    if kept.purpose == Purpose.SIGN_REGISTRATION:
        return is_about(kept.statement, host, card)
    program = kept.approved.get("client", "")
    return kept.purpose in set(Purpose) and kept.statement == statement(
        Purpose(kept.purpose), host, program
    )


def _wrong_organisation(facts: Facts, kept: SignedStatement, card: Card) -> str:
    if facts.object != f"organisation:{card.ura}":
        return "the event is about another organisation than the card's"
    return _wrong_number(kept.registered, card)


def _wrong_person(facts: Facts, kept: SignedStatement, card: Card) -> str:
    if facts.actor != facts.object:
        return "another registered this person"
    user = kept.registered.get("user_name")
    if not kept.statement.endswith(f" (URA {card.ura}), als gebruiker {user}."):
        return "the statement names another organisation or user"
    return _wrong_number(kept.registered, card)


def _wrong_denial(facts: Facts, kept: SignedStatement, card: Card) -> str:
    if facts.actor != f"uzi:{card.uzi_number}":
        return "the event was done by another than the card's holder"
    if facts.object != f"person:{kept.denied.get('person')}":
        return "the event is about another person than the one denied"
    return _wrong_number(kept.denied, card)


def _wrong_login(facts: Facts, kept: SignedStatement, card: Card) -> str:
    if not facts.object.startswith("auth-request:"):
        return "the event is about no login"
    if not kept.approved.get("client"):
        return "it is not kept which program asked"
    if kept.approved.get("card") != card.serial_number:
        return "another card was shown"
    return _wrong_number(kept.approved, card)


def _wrong_phone(facts: Facts, kept: SignedStatement, card: Card) -> str:
    if facts.object != f"credential:{kept.changed.get('credential')}":
        return "the event is about another phone"
    return _wrong_number(kept.changed, card)


def _holder(facts: Facts, kept: SignedStatement, registered: Facts | None) -> Check:
    """Check that the card's number is that of the person who did it."""
    if registered is None:
        return untold("no event in the log registers this person")
    known = msgspec.json.decode(registered.evidence, type=dict[str, Any])
    number = msgspec.convert(known.get("registered", {}), dict[str, str]).get("uzi_number")
    shown = kept.approved if facts.action == BY_CARD else kept.changed
    if registered.object != facts.actor or number != shown.get("uzi_number"):
        return broken("another card's holder is registered as this person")
    return HOLDS


def _wrong_number(of: Mapping[str, str], card: Card) -> str:
    return "" if of.get("uzi_number") == card.uzi_number else "the card has another UZI number"


def _certificate(facts: Facts, kept: SignedStatement, verifier: CardVerifier) -> dict[str, Check]:
    at = from_milliseconds(facts.time)
    try:
        chain = [decode_base64(one) for one in kept.chain]
        verified = verifier.verify(decode_base64(kept.certificate), chain, at)
    except CardRefused as refusal:
        return {
            "certificate": broken(refusal.code),
            "revocation": untold("the certificate's path is not known"),
        }
    return {
        "certificate": HOLDS,
        "revocation": check_kept(kept.revocation, verified.path, at),
    }
