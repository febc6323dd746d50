"""The form of NEN 7513: every field, for every kind of event."""

import json
from datetime import datetime

import pytest

from pairing_server.audit import admin_events, events
from pairing_server.audit.chain import link
from pairing_server.audit.kinds import KINDS
from pairing_server.audit.nen7513 import Directory, Known, nen7513
from tests.audit.doubles import facts

SOURCE = "https://login.example"
EVENT = {
    *("EventID", "EventActionCode", "EventDateTime", "EventOutcomeIndicator", "eventTypeCode"),
    *("users", "participants", "AuditEnterpriseSiteID", "AuditSourceID", "AuditSourceTypeCode"),
    *("autorisatieProtocol", "behandelrelatieProtocol", "toestemmingsProfiel"),
}
USER = {
    *("userID", "alternateUserID", "userName", "userIsRequestor", "roleIDCode", "purposeOfUse"),
    *("networkAccessPointTypeCode", "networkAccessPointID"),
}
PARTICIPANT = {
    f"participantObject{name}"
    for name in (
        *("TypeCode", "TypeCodeRole", "DataLifeCycle", "IDTypeCode", "PermissionPolicySet"),
        *("Sensitivity", "ID", "Name", "Detail", "Description"),
    )
}
NAMES = Directory(
    people={"p": Known("Anna de Vries", "900000001", "01.015"), "q": Known("Bram Bos")},
    phones={"c": "Anna's phone"},
    clients={"x": "XIS"},
    organisations={"90000380": "Praktijk De Linde"},
)


def told(directory=NAMES, evidence=None, **changed):
    entry = link("00" * 32, facts(7, evidence=json.dumps(evidence or {}), **changed))
    return nen7513(entry, SOURCE, directory)


def participants(event):
    return {
        each["participantObjectID"]: each["participantObjectName"]
        for each in event["participants"]
    }


@pytest.mark.parametrize("action", sorted(KINDS))
def test_every_kind_of_event_has_every_field(action):
    event = told(action=action, actor="person:p", object="credential:c", ura="90000380")

    assert event.keys() == EVENT | {"chain", "sequence", "id", "hash"}
    assert [each.keys() for each in event["users"]] == [USER]
    assert {frozenset(each) for each in event["participants"]} == {frozenset(PARTICIPANT)}
    assert event["EventID"] == action
    assert event["EventActionCode"] == {**vars(events), **vars(admin_events)}[action].kind
    assert event["eventTypeCode"].startswith("1101")
    assert event["EventOutcomeIndicator"] in {"0", "8"}
    assert datetime.fromisoformat(event["EventDateTime"]).timestamp() == 1.007
    assert (event["AuditEnterpriseSiteID"], event["AuditSourceID"]) == ("90000380", SOURCE)
    assert json.loads(json.dumps(event)) == event


def test_the_user_is_who_did_it_where_and_as_what():
    (user,) = told(
        action="AuthRequestApproved",
        actor="person:p",
        object="auth-request:r",
        evidence={"credential": "c", "signed": {"workstation": "Balie 1"}},
    )["users"]

    assert user == {
        "userID": "person:p",
        "alternateUserID": "2.16.528.1.1007.3.1:900000001",
        "userName": "Anna de Vries",
        "userIsRequestor": True,
        "roleIDCode": "2.16.840.1.113883.2.4.15.111:01.015",
        "purposeOfUse": "",
        "networkAccessPointTypeCode": "1",
        "networkAccessPointID": "Balie 1",
    }


def test_a_card_is_its_uzi_number_and_a_person_without_one_has_none():
    (card,) = told(action="CardProved", actor="uzi:900000009")["users"]
    (person,) = told(actor="person:q")["users"]

    assert card["alternateUserID"] == "2.16.528.1.1007.3.1:900000009"
    assert (person["alternateUserID"], person["roleIDCode"]) == ("", "")
    assert (person["networkAccessPointTypeCode"], person["networkAccessPointID"]) == ("", "")


def test_all_that_an_event_mentions_takes_part_in_it_once():
    event = told(
        action="SessionEnded",
        actor="system",
        object="session:s",
        ura="90000380",
        evidence={"client": "x", "person": "p", "credential": "c", "reason": "revoked"},
    )

    assert participants(event) == {
        "s": "",
        "p": "Anna de Vries",
        "c": "Anna's phone",
        "x": "XIS",
        "90000380": "Praktijk De Linde",
    }
    assert len(event["participants"]) == 5
    details = [each["participantObjectDetail"] for each in event["participants"]]
    assert details[0]["reason"] == "revoked"
    assert details[1:] == [{}] * 4


def test_an_object_that_is_the_organisation_takes_part_once():
    event = told(action="KeyPolicyChanged", object="organisation:90000380", ura="90000380")

    assert participants(event) == {"90000380": "Praktijk De Linde"}
    (organisation,) = event["participants"]
    assert organisation["participantObjectIDTypeCode"] == "2.16.528.1.1007.3.3"
    assert organisation["participantObjectTypeCode"] == "3"


@pytest.mark.parametrize(
    ("action", "outcome", "expected"),
    [
        ("AuthRequestApproved", "success", "0"),
        ("CardRefused", "refused", "4"),
        ("CloneSuspected", "refused", "8"),
        ("CodeReused", "refused", "8"),
        ("AuthRequestApproved", "another", "4"),
    ],
)
def test_the_outcome_is_a_code(action, outcome, expected):
    assert told(action=action, outcome=outcome)["EventOutcomeIndicator"] == expected


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("AuthenticatorBound", "1"),
        ("LogViewed", "6"),
        ("PhoneRenamed", "3"),
        ("AuthenticatorRevoked", "14"),
        ("AuthRequestApproved", "6"),
        ("AuditExported", "10"),
        ("AuditPruned", "15"),
    ],
)
def test_what_became_of_the_object_is_a_code(action, expected):
    (participant, *_) = told(action=action)["participants"]

    assert participant["participantObjectDataLifeCycle"] == expected


def test_how_sure_it_is_who_it_was_is_told():
    loa = "http://eidas.europa.eu/LoA/substantial"

    assert told(action="AssertionIssued", evidence={"acr": loa})["autorisatieProtocol"] == loa


def test_who_is_not_known_goes_by_the_identifier():
    event = told(Directory(), actor="person:z", object="client:y")

    assert (event["users"][0]["userID"], event["users"][0]["userName"]) == ("person:z", "")
    assert participants(event) == {"y": ""}


def test_an_event_of_a_newer_version_has_every_field_too():
    event = told(action="PhoneSung")

    assert event.keys() >= EVENT
    assert (event["EventActionCode"], event["eventTypeCode"]) == ("E", "")
