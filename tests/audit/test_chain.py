"""The rules of the chain."""

import hashlib
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.audit.chain import (
    Facts,
    Head,
    NotCanonicalError,
    canonical,
    canonical_facts,
    entry_hash,
    entry_of,
    genesis,
    link,
    row_of,
)
from tests.audit.doubles import facts

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBER = st.integers(min_value=0, max_value=2**53 - 1)
FACTS = st.builds(
    Facts,
    chain=TEXT,
    sequence=NUMBER,
    id=TEXT,
    time=NUMBER,
    action=TEXT,
    actor=TEXT,
    object=TEXT,
    ura=st.none() | TEXT,
    outcome=TEXT,
    evidence=TEXT,
)
HASH = st.binary(min_size=32, max_size=32).map(bytes.hex)


def test_the_canonical_form_is_that_of_rfc_8785():
    assert (
        canonical_facts(facts(1, ura="12345678", evidence='{"é":1}'))
        == (
            '{"action":"AuthenticatorBlocked","actor":"operator:test","chain":"main",'
            '"evidence":"{\\"é\\":1}","id":"id-1","object":"credential:1","outcome":"success",'
            '"sequence":1,"time":1001,"ura":"12345678"}'
        ).encode()
    )


def test_the_hash_is_over_the_one_before_and_the_event():
    digest = hashlib.sha256(canonical_facts(facts(1))).digest()
    expected = hashlib.sha256(b"\x01" * 32 + digest).hexdigest()

    assert entry_hash("01" * 32, facts(1)) == expected


def test_a_chain_begins_with_its_name():
    expected = hashlib.sha256(b"pairing_server/audit/v1\nmain").hexdigest()

    assert genesis("main") == Head(0, expected)
    assert genesis("other").hash != expected


@given(FACTS, FACTS, HASH)
def test_different_events_have_different_hashes(one, other, previous):
    assert (entry_hash(previous, one) == entry_hash(previous, other)) == (one == other)


@given(FACTS, HASH, HASH)
def test_the_hash_tells_what_was_before(event, one, other):
    assert (entry_hash(one, event) == entry_hash(other, event)) == (one == other)


@pytest.mark.parametrize("name", [field.name for field in fields(Facts)])
def test_every_field_is_hashed(name):
    event = facts(1)
    changed = replace(event, **{name: 7 if name in ("sequence", "time") else "changed"})

    assert canonical_facts(event) != canonical_facts(changed)


@given(FACTS, HASH)
def test_an_entry_survives_its_row(event, previous):
    entry = link(previous, event)

    assert entry_of(row_of(entry)) == entry
    assert entry.head == Head(event.sequence, entry.hash)


@pytest.mark.parametrize("value", ["\ud800", 2**53, float("nan"), b"bytes", object()])
def test_what_json_cannot_hold_has_no_canonical_form(value):
    with pytest.raises(NotCanonicalError):
        canonical({"value": value})


@pytest.mark.parametrize("previous", ["", "xx", None, 1])
def test_an_event_behind_no_hash_has_none(previous):
    with pytest.raises(NotCanonicalError):
        entry_hash(previous, facts(1))
