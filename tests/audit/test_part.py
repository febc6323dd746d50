"""What an organisation's export has in full: what the list would show, of its own events."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from pairing_server.audit.events import (
    AssertionIssued,
    AuthenticatorBlocked,
    AuthRequestApproved,
    CardProved,
)
from pairing_server.audit.part import Part
from pairing_server.audit.search import Search, find
from pairing_server.clock import to_milliseconds
from tests.audit.doubles import facts

HERE, THERE = "90000380", "90000381"
MOMENT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def event(**changed):
    evidence = {"credential": "c", "signed": {"workstation": "Balie"}}
    return facts(
        1,
        **{
            "action": "AuthRequestApproved",
            "actor": "person:p",
            "object": "auth-request:r",
            "ura": HERE,
            "time": to_milliseconds(MOMENT),
            "evidence": json.dumps(evidence),
            **changed,
        },
    )


@pytest.mark.parametrize("ura", [THERE, None])
def test_another_organisations_event_is_in_no_part(ura):
    assert not Part(Search(ura=HERE)).has(event(ura=ura))
    assert not Part(Search(ura=HERE, people=("p",), credentials=("c",))).has(event(ura=ura))


def test_everybody_is_told_of_deletions():
    assert Part(Search(ura=HERE, people=("q",))).has(event(action="AuditPruned", ura=None))


def test_an_event_that_cannot_be_read_is_in_no_part():
    assert not Part(Search(ura=HERE)).has(event(evidence="x"))


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ({}, True),
        ({"people": ("p",)}, True),
        ({"people": ("q",)}, False),
        ({"credentials": ("c",)}, True),
        ({"credentials": ("d",)}, False),
        ({"workstation": "Balie"}, True),
        ({"workstation": "Balie 2"}, False),
        ({"actions": ("CardProved", "AuthRequestApproved")}, True),
        ({"actions": ("CardProved",)}, False),
        ({"since": MOMENT}, True),
        ({"since": MOMENT + timedelta(milliseconds=1)}, False),
        ({"until": MOMENT + timedelta(milliseconds=1)}, True),
        ({"until": MOMENT}, False),
        ({"people": ("p",), "workstation": "Balie 2"}, False),
    ],
)
def test_a_part_is_what_is_looked_for(search, expected):
    assert Part(Search(ura=HERE, **search)).has(event()) is expected


SEARCHES = [
    Search(ura=HERE),
    Search(ura=HERE, people=("p",), credentials=("c",), uzi_number="900000001"),
    Search(ura=HERE, people=("p",)),
    Search(ura=HERE, credentials=("c",)),
    Search(ura=HERE, workstation="Balie"),
    Search(ura=HERE, actions=("CardProved", "AssertionIssued")),
    Search(ura=HERE, since=MOMENT + timedelta(seconds=2), until=MOMENT + timedelta(seconds=5)),
    Search(ura=HERE, people=("p",), credentials=("c",), actions=("AuthenticatorBlocked",)),
]


@pytest.mark.parametrize("search", SEARCHES)
async def test_an_export_has_what_the_list_shows(registry, clock, search):
    clock.moment = MOMENT
    told = {"credential": "c", "signed": {"workstation": "Balie"}}
    for each in (
        AuthRequestApproved(actor="person:p", object="auth-request:r", ura=HERE, evidence=told),
        AuthRequestApproved(actor="person:p", object="auth-request:r", ura=THERE, evidence=told),
        AssertionIssued(actor="client:x", object="person:p", ura=HERE),
        AssertionIssued(actor="client:x", object="person:q", ura=HERE),
        AuthenticatorBlocked(actor="operator:o", object="credential:c", ura=HERE),
        AuthenticatorBlocked(actor="operator:o", object="credential:d", ura=HERE),
        CardProved(actor="uzi:900000001", object="uzi-session:s", ura=HERE),
        AuthRequestApproved(actor="person:q", object="auth-request:r", ura=HERE, evidence=told),
    ):
        clock.advance(timedelta(seconds=1))
        await registry.commit(lambda tx, each=each: tx.record(each))
    everything = [
        found.entry.facts
        for ura in (HERE, THERE)
        for found in await registry.read(lambda tx, ura=ura: find(tx, Search(ura=ura)))
    ]

    shown = {found.entry.facts.id for found in await registry.read(lambda tx: find(tx, search))}

    assert len(everything) == 8
    assert {each.id for each in everything if Part(search).has(each)} == shown
    assert shown
