"""What a phone signed, checked again with one thing changed at a time."""

import json

import pytest

from clients.authenticator import Authenticator
from clients.client_data import HONEST
from pairing_server.approvals.evidence import challenge
from pairing_server.audit.chain import Facts
from pairing_server.evidence import NoEvidenceError
from pairing_server.evidence.phone import check_approval, read_approval, read_redeemed
from pairing_server.keys.ceremony import RelyingParty, verify_registration
from pairing_server.tokens import b64url
from tests.keys.handset import CHALLENGE, ORIGIN, RP, registration

SIGNED = {
    "auth_request": "request",
    "client": "HIS",
    "organisation": "Zorg",
    "ura": "90000382",
    "role_code": "01.015",
    "workstation": "Balie",
    "location": "",
    "message": "",
    "nonce": "nonce",
    "requested_at": "2026-11-22T12:00:00Z",
    "decision": "approve",
    "code": "042917",
}


@pytest.fixture(scope="module")
def authenticator():
    return Authenticator()


@pytest.fixture(scope="module")
def bound(authenticator):
    """The event that bound the key."""
    made = registration(authenticator)
    key = verify_registration(RP, made, challenge=CHALLENGE)
    evidence = {"public_key": b64url(key.public_key)}
    return event("AuthenticatorBound", f"credential:{made.id}", evidence, time=1)


def event(action, about, evidence, **changed):
    return Facts(
        **{
            "chain": "main",
            "sequence": 1,
            "id": "event",
            "time": 2,
            "action": action,
            "actor": "person:p",
            "object": about,
            "ura": SIGNED["ura"],
            "outcome": "success",
            "evidence": json.dumps(evidence),
            **changed,
        }
    )


@pytest.fixture(scope="module")
def approved(authenticator, bound):
    """Let the phone approve; returns the evidence that is kept."""

    def approve(signed=SIGNED, twist=HONEST):
        made = authenticator.get(challenge(signed), RP.id, ORIGIN, twist)
        response = made["response"]
        names = ("clientDataJSON", "authenticatorData", "signature")
        return {
            "credential": bound.object.partition(":")[2],
            "signed": signed,
            "assertion": {name: response[name] for name in names},
        }

    return approve


@pytest.fixture
def broken(bound):
    """Name the checks that do not hold."""

    def check(evidence, rp=RP, binding=bound, action="AuthRequestApproved", **changed):
        facts = event(action, "auth-request:request", evidence, **changed)
        checks = check_approval(facts, read_approval(facts), binding, rp)
        return {name for name, one in checks.items() if not one.holds}

    return check


def test_what_was_signed_holds(broken, approved):
    assert broken(approved()) == set()
    assert broken(approved(), action="AuthRequestDenied") == set()


@pytest.mark.parametrize("member", sorted(SIGNED))
def test_the_signature_is_over_every_detail(broken, approved, member):
    changed = {**SIGNED, member: "another"}

    assert "signature" in broken({**approved(), "signed": changed})


@pytest.mark.parametrize("member", ["auth_request", "ura", "decision"])
def test_another_request_is_not_what_the_event_says(broken, approved, member):
    assert broken(approved({**SIGNED, member: "another"})) == {"names"}


@pytest.mark.parametrize("member", ["clientDataJSON", "authenticatorData", "signature"])
@pytest.mark.parametrize("value", ["", "AAAA", "?"])
def test_a_changed_assertion_is_found_out(broken, approved, member, value):
    evidence = approved()
    evidence["assertion"][member] = value

    assert broken(evidence) == {"signature"}


def test_an_assertion_for_another_server_proves_nothing(broken, approved):
    assert broken(approved(), RelyingParty("else", [ORIGIN])) == {"signature"}
    assert broken(approved(), RelyingParty(RP.id, ["https://else"])) == {"signature"}


def test_without_the_event_that_bound_the_key_nothing_is_proved(broken, approved, bound):
    assert broken(approved(), binding=None) == {"key", "signature"}
    for evidence in ("{}", "nothing", "[]"):
        other = event("AuthenticatorBound", bound.object, {}, time=1)
        object.__setattr__(other, "evidence", evidence)
        assert broken(approved(), binding=other) == {"key", "signature"}


def test_the_key_was_bound_to_the_same_person_before(broken, approved, bound):
    evidence = approved()
    assert broken(evidence, actor="person:q") == {"key"}
    assert broken(evidence, time=0) == {"key"}
    other = event("AuthenticatorBound", "credential:x", json.loads(bound.evidence), time=1)
    assert broken(evidence, binding=other) == {"key"}


def test_where_no_phone_signed_there_is_no_evidence():
    for action, evidence in (
        ("AuthRequestDenied", {"credential": "x", "reason": "not_me"}),
        ("ServerStarted", {"assertion": {}}),
    ):
        with pytest.raises(NoEvidenceError):
            read_approval(event(action, "x", evidence))


@pytest.mark.parametrize("evidence", [[], {"assertion": 1}, {"assertion": {}}])
def test_what_is_of_another_form_is_malformed(evidence):
    with pytest.raises(ValueError, match=r"Expected|missing"):
        read_approval(event("AuthRequestApproved", "x", evidence))


def test_an_assertion_names_the_request_that_was_approved():
    assert read_redeemed(event("AssertionIssued", "x", {"auth_request": "r"})) == "r"
    for evidence in ([], {}, {"auth_request": 1}):
        with pytest.raises(ValueError, match="Expected"):
            read_redeemed(event("AssertionIssued", "x", evidence))
