"""Appending: what a change records, in the chain of its writer."""

import pytest
import sqlalchemy as sa

from pairing_server.audit.append import draft
from pairing_server.audit.chain import NotCanonicalError, entry_of, genesis, link
from pairing_server.audit.checkpoint import read_heads
from pairing_server.audit.events import AuthenticatorBlocked, Outcome
from pairing_server.clock import to_milliseconds
from pairing_server.registry.tables import audit_event
from pairing_server.tokens import b64url_decode
from tests.audit.doubles import fill, record

_events = sa.select(audit_event).order_by(audit_event.c.chain, audit_event.c.sequence)


def event(**values):
    return AuthenticatorBlocked(**{"actor": "operator:a", "object": "credential:b", **values})


async def test_an_event_is_kept_as_it_was_told(registry, clock):
    told = event(ura="12345678", outcome=Outcome.REFUSED, evidence={"b": 1, "a": "é"})
    await registry.commit(lambda tx: tx.record(told))

    row = await registry.read(lambda tx: dict(tx.one(_events)))

    assert len(b64url_decode(row.pop("id"))) == 16
    assert len(bytes.fromhex(row.pop("hash"))) == 32
    assert row == {
        "chain": "main",
        "sequence": 1,
        "time": to_milliseconds(clock()),
        "action": "AuthenticatorBlocked",
        "actor": "operator:a",
        "object": "credential:b",
        "ura": "12345678",
        "outcome": "refused",
        "evidence": '{"a":"é","b":1}',
        "previous": genesis("main").hash,
        "person": None,
        "credential": "b",
        "workstation": None,
    }


async def test_events_of_one_change_follow_each_other(registry):
    def change(tx):
        record(1)(tx)
        record(2)(tx)

    await registry.commit(change)
    entries = [entry_of(row) for row in await registry.read(lambda tx: tx.all(_events))]

    assert entries == [
        link(genesis("main").hash, entries[0].facts),
        link(entries[0].hash, entries[1].facts),
    ]
    assert await registry.read(read_heads) == {"main": entries[1].head}


async def test_each_writer_has_a_chain_of_its_own(open_at, database_url):
    await fill(open_at(database_url, "a"), 2)
    registry = open_at(database_url, "b")
    await fill(registry, 3)

    heads = await registry.read(read_heads)

    assert {name: head.sequence for name, head in heads.items()} == {"a": 2, "b": 3}


async def test_a_chain_goes_on_after_reopening(open_at, database_url):
    await fill(open_at(database_url), 2)
    registry = open_at(database_url)
    await fill(registry, 2)

    assert (await registry.read(read_heads))["main"].sequence == 4


async def test_a_change_without_events_moves_no_head(registry):
    await registry.commit(lambda _tx: None)

    assert await registry.read(read_heads) == {}


@pytest.mark.parametrize(
    "values",
    [
        {"actor": "\ud800"},
        {"object": "a\0b"},
        {"ura": "\0"},
        {"evidence": {"big": 2**53}},
        {"evidence": {"bytes": b""}},
    ],
)
def test_what_cannot_be_kept_is_refused_when_it_is_told(values):
    with pytest.raises(NotCanonicalError):
        draft(event(**values))


def test_evidence_may_quote_what_somebody_sent():
    assert draft(event(evidence={"sent": "a\0\\b"})).evidence == '{"sent":"a\\u0000\\\\b"}'


def test_a_backslash_is_no_zero_character():
    assert draft(event(object="\\u0000")).object == "\\u0000"
