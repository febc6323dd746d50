"""How an event of the audit log reads as a security event."""

import json
from datetime import UTC, datetime

import pytest

from pairing_server.audit import events
from pairing_server.audit.chain import Facts
from pairing_server.registry.streams import Stream, StreamStatus, Verification
from pairing_server.signals import security_event as rules

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
STREAM = Stream(
    id="stream-1",
    client_id="client-1",
    status=StreamStatus.ENABLED,
    events_requested=rules.SUPPORTED,
    endpoint_url="https://siem.example/events",
    created_at=NOW,
    due_at=NOW,
)
FACTS = Facts(
    chain="one",
    sequence=7,
    id="event-1",
    time=1_795_348_800_123,
    action="AuthenticatorBlocked",
    actor="operator:root",
    object="credential:abc",
    ura=None,
    outcome="success",
    evidence="{}",
)
USER = {"format": "iss_sub", "iss": "https://login.example", "sub": "pairwise"}


def facts(**changed):
    return Facts(**({name: getattr(FACTS, name) for name in Facts.__slots__} | changed))


def membership(was, now):
    return facts(ura="12345678", evidence=json.dumps({"was": was, "is": now}))


def test_a_set_has_neither_sub_nor_exp():
    event = rules.told(FACTS, STREAM, USER, (), rules.credential_members(FACTS.action))
    claims = rules.claims(event, "https://login.example", "client-1", NOW)

    assert claims == {
        "iss": "https://login.example",
        "aud": "client-1",
        "iat": int(NOW.timestamp()),
        "jti": event.jti,
        "txn": event.txn,
        "sub_id": USER,
        "events": {
            "https://schemas.openid.net/secevent/caep/event-type/credential-change": {
                "credential_type": "app",
                "change_type": "update",
                "event_timestamp": 1_795_348_800,
                "initiating_entity": "admin",
                "reason_admin": {
                    "en": "A phone was blocked and opens nothing until it is unblocked.",
                    "nl": "Een telefoon is geblokkeerd en geeft geen toegang tot hij is "
                    "gedeblokkeerd.",
                },
            }
        },
    }


def test_an_event_has_one_name_on_a_stream_and_tells_the_logs_to_nobody():
    one, again = (rules.told(FACTS, STREAM, USER, (), {}) for _ in range(2))
    other = rules.told(facts(id="event-2"), STREAM, USER, (), {})

    assert one.jti == again.jti != other.jti
    assert len({one.jti, one.txn, FACTS.id}) == 3


def test_all_that_has_a_meaning_is_an_event_of_the_log():
    assert [name for name in rules.MEANINGS if not hasattr(events, name)] == []
    assert {each.type for each in rules.MEANINGS.values()} == set(rules.SUPPORTED)


def test_only_what_was_asked_for_is_looked_for():
    one = Stream(**_members(events_requested=(rules.SESSION_REVOKED, "https://unknown.example")))

    assert rules.actions(one) == {"SessionEnded"}
    assert rules.delivered(one) == [rules.SESSION_REVOKED]


def _members(**changed):
    return {name: getattr(STREAM, name) for name in Stream.__slots__} | changed


@pytest.mark.parametrize(
    ("actor", "entity"),
    [
        ("person:one", "user"),
        ("person:merged", "user"),
        ("person:two", "admin"),
        ("operator:root", "admin"),
        ("client:siem", "admin"),
        ("system", "system"),
    ],
)
def test_who_did_it_is_said_in_caeps_words(actor, entity):
    assert rules.initiator(actor, ("one", "merged")) == entity


def test_a_suspected_copy_is_nobodys_doing():
    suspected = facts(action="CloneSuspected", actor="person:one")
    event = rules.told(suspected, STREAM, USER, ("one",), {})

    assert event.body["initiating_entity"] == "system"


EMPLOYEE = {"role_codes": ["01.015", "30.000"], "kind": "employee"}


@pytest.mark.parametrize(
    ("now", "claims"),
    [
        (EMPLOYEE | {"role_codes": ["30.000"]}, {"role_code": "30.000"}),
        (EMPLOYEE | {"kind": "guest"}, {"role_code": "01.015", "membership": "guest"}),
        (EMPLOYEE | {"valid_until": "2027-01-01T00:00:00Z"}, None),
        (EMPLOYEE | {"role_codes": ["01.015"]}, None),
        ({"role_codes": []}, None),
        (None, None),
    ],
)
def test_only_claims_that_the_client_gets_count_as_changed(now, claims):
    told = rules.changed_claims(membership(EMPLOYEE, now))

    assert told == (None if claims is None else {"ura": "12345678", **claims})


@pytest.mark.parametrize(("state", "body"), [("abc", {"state": "abc"}), (None, {})])
def test_a_verification_tells_the_state_again_and_is_about_the_stream(state, body):
    event = rules.verification(STREAM, Verification("jti-1", state))
    claims = rules.claims(event, "https://login.example", "client-1", NOW)

    assert claims["sub_id"] == {"format": "opaque", "id": "stream-1"}
    assert claims["events"] == {
        "https://schemas.openid.net/secevent/ssf/event-type/verification": body
    }
    assert "txn" not in claims
