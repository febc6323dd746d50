"""What a phone signed for itself and its siblings, checked again with one thing changed."""

import json

import pytest

from clients.authenticator import Authenticator
from clients.client_data import HONEST
from pairing_server.evidence import NoEvidenceError
from pairing_server.evidence.acts import check_act, read_act
from pairing_server.keys.ceremony import RelyingParty, verify_registration
from pairing_server.keys.credential import unbind_challenge
from pairing_server.phones import details
from pairing_server.tokens import b64url
from tests.evidence.test_phone import event
from tests.keys.handset import CHALLENGE, ORIGIN, RP, registration


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


@pytest.fixture(scope="module")
def own(bound):
    return bound.object.partition(":")[2]


@pytest.fixture(scope="module")
def acts(own):
    """What is signed for each event, the context, and what the event is about."""

    def change(kind):
        return {
            "change": "c",
            "kind": kind,
            "credential": "other",
            "device_name": "iPhone",
            "value": "",
            "nonce": "n",
            "requested_at": "2026-11-26T06:00:00Z",
        }

    transfer = {
        "transfer": "t",
        "credential": own,
        "new_credential": "other",
        "platform": "ios",
        "model": "iPhone",
        "nonce": "n",
        "decision": "approve",
        "revoke": "true",
        "code": "123456",
    }
    renewal = {"renewal": "r", "credential": own, "new_credential": "other", "nonce": "n"}
    unblock = {"challenge": "c", "credential": own, "code": "123456"}
    return {
        "rename": ("PhoneRenamed", details.CHANGE, change("rename"), "other"),
        "default": ("DefaultPhoneChosen", details.CHANGE, change("default"), "other"),
        "block": ("AuthenticatorBlocked", details.CHANGE, change("block"), "other"),
        "revoke": ("AuthenticatorRevoked", details.CHANGE, change("revoke"), "other"),
        "transfer": ("AuthenticatorBound", details.TRANSFER, transfer, "other"),
        "replaced": ("AuthenticatorRevoked", details.TRANSFER, transfer, own),
        "renewal": ("AuthenticatorBound", details.RENEWAL, renewal, "other"),
        "renewed": ("AuthenticatorRevoked", details.RENEWAL, renewal, own),
        "unblock": ("AuthenticatorUnblocked", details.UNBLOCK, unblock, own),
    }


NAMES = [
    *("rename", "default", "block", "revoke"),
    *("transfer", "replaced", "renewal", "renewed", "unblock"),
]


@pytest.fixture(scope="module")
def kept(authenticator, own, acts):
    """The evidence that is kept of an act."""

    def make(name, signed=None, twist=HONEST):
        _, context, shown, _ = acts[name]
        challenge = details.challenge(context, shown if signed is None else signed)
        return {
            "by": own,
            "signed": shown if signed is None else signed,
            "assertion": assertion_of(authenticator, challenge, twist),
        }

    return make


def assertion_of(authenticator, challenge, twist=HONEST):
    response = authenticator.get(challenge, RP.id, ORIGIN, twist)["response"]
    return {name: response[name] for name in ("clientDataJSON", "authenticatorData", "signature")}


@pytest.fixture
def broken(bound, acts):
    """Name the checks that do not hold."""

    def check(name, evidence, rp=RP, binding=bound, **changed):
        action, _, _, about = acts[name]
        facts = event(
            changed.pop("action", action),
            changed.pop("about", f"credential:{about}"),
            evidence,
            **changed,
        )
        checks = check_act(facts, read_act(facts), binding, rp)
        return {name for name, one in checks.items() if not one.holds}

    return check


@pytest.mark.parametrize("name", NAMES)
def test_what_was_signed_holds(broken, kept, name):
    assert broken(name, kept(name)) == set()


@pytest.mark.parametrize("name", NAMES)
def test_the_signature_is_over_every_detail(broken, kept, acts, name):
    _, _, shown, _ = acts[name]
    for member in set(shown) - {"credential"}:
        evidence = kept(name) | {"signed": shown | {member: shown[member] + "x"}}
        if member == "decision":
            with pytest.raises(ValueError, match="no phone signs"):
                broken(name, evidence)
        else:
            assert "signature" in broken(name, evidence)


@pytest.mark.parametrize("name", NAMES)
def test_another_phones_act_is_not_what_the_event_says(broken, kept, name):
    assert broken(name, kept(name), about="credential:stranger") == {"names"}


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("rename", "AuthenticatorBlocked"),
        ("block", "AuthenticatorRevoked"),
        ("revoke", "PhoneRenamed"),
        ("transfer", "AuthenticatorUnblocked"),
        ("unblock", "AuthenticatorRevoked"),
    ],
)
def test_another_act_is_not_what_was_signed(broken, kept, name, action):
    assert "names" in broken(name, kept(name), action=action)


def test_a_transfer_that_left_the_old_key_proves_no_revocation(broken, kept, acts):
    shown = acts["transfer"][2] | {"revoke": "false"}
    assert broken("transfer", kept("transfer", shown)) == set()
    assert broken("replaced", kept("replaced", shown)) == {"names"}


@pytest.mark.parametrize("name", NAMES)
def test_an_assertion_for_another_server_proves_nothing(broken, kept, name):
    assert broken(name, kept(name), RelyingParty("else", [ORIGIN])) == {"signature"}


@pytest.mark.parametrize("name", NAMES)
def test_the_key_was_bound_to_the_same_person_before(broken, kept, name):
    assert broken(name, kept(name), actor="person:q") == {"key"}
    assert broken(name, kept(name), time=0) == {"key"}
    assert broken(name, kept(name), binding=None) == {"key", "signature"}


def test_an_unbinding_is_over_the_key_alone(broken, authenticator, own):
    evidence = {
        "reason": "unbound",
        "assertion": assertion_of(authenticator, unbind_challenge(own)),
    }
    about = f"credential:{own}"
    assert broken("revoke", evidence, about=about) == set()
    assert "names" in broken("revoke", evidence, about=about, action="AuthenticatorBlocked")
    assert broken("revoke", evidence, about="credential:other") == {"key", "signature"}


def test_where_no_phone_signed_there_is_no_evidence():
    for action, evidence in (
        ("AuthenticatorBlocked", {}),
        ("AuthenticatorBound", {"pairing": "p", "public_key": "k"}),
        ("ServerStarted", {"assertion": {}}),
    ):
        with pytest.raises(NoEvidenceError):
            read_act(event(action, "x", evidence))


@pytest.mark.parametrize(
    "evidence",
    [{"assertion": 1}, {"assertion": {}, "signed": 1}, {"assertion": {}, "signed": {"a": 1}}],
)
def test_what_is_of_another_form_is_malformed(evidence):
    with pytest.raises(ValueError, match="Expected"):
        read_act(event("PhoneRenamed", "x", json.loads(json.dumps(evidence))))
