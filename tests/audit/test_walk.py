"""The walk along a chain: whatever was done to it is found where it was done, and named."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.audit.chain import Entry, Head, genesis, link
from pairing_server.audit.walk import ChainWalk, Fault
from tests.audit.doubles import chain_of, facts

LENGTH = 8


def walk(entries, head="last"):
    walked = ChainWalk("main")
    for entry in entries:
        walked.add(entry)
    return walked.end(chain_of(LENGTH)[-1].head if head == "last" else head)


def found(entries, head="last"):
    finding = walk(entries, head)
    return finding.fault, finding.sequence


def changed(entry, **values):
    return Entry(replace(entry.facts, **values), entry.previous, entry.hash)


def placed(entry, sequence):
    return changed(entry, sequence=sequence)


@given(st.integers(0, 30))
def test_an_untouched_chain_is_whole(length):
    entries = chain_of(length)

    assert walk(entries, entries[-1].head if entries else genesis("main")) is None


@given(
    st.integers(0, LENGTH - 1),
    st.sampled_from(["id", "action", "actor", "object", "ura", "outcome", "evidence"]),
    st.text(),
)
def test_a_changed_event_is_found(place, name, value):
    entries = chain_of(LENGTH)
    entries[place] = changed(entries[place], **{name: "!" + value})

    assert found(entries) == (Fault.CHANGED, place + 1)


@pytest.mark.parametrize("time", [0, "1001", None, 2**60, 1001.5])
def test_a_changed_time_is_found(time):
    entries = chain_of(LENGTH)
    entries[2] = changed(entries[2], time=time)

    assert found(entries) == (Fault.CHANGED, 3)


@pytest.mark.parametrize("sequence", ["3", None, 3.5, b"3"])
def test_a_sequence_that_is_no_number_is_found(sequence):
    entries = chain_of(LENGTH)
    entries[2] = changed(entries[2], sequence=sequence)

    assert found(entries) == (Fault.CHANGED, 3)


@given(st.integers(0, LENGTH - 1), st.sampled_from(["previous", "hash"]))
def test_a_changed_hash_is_found(place, name):
    entries = chain_of(LENGTH)
    entries[place] = replace(entries[place], **{name: "00" * 32})

    assert found(entries) == (Fault.CHANGED, place + 1)


def test_the_finding_names_the_event():
    entries = chain_of(LENGTH)
    entries[4] = changed(entries[4], actor="nobody")
    finding = walk(entries)

    assert (finding.chain, finding.sequence, finding.id) == ("main", 5, "id-5")


@given(st.integers(0, LENGTH - 2))
def test_an_event_that_was_rewritten_with_its_hash_is_found(place):
    entries = chain_of(LENGTH)
    forged = replace(entries[place].facts, actor="nobody")
    entries[place] = link(entries[place].previous, forged)
    finding = walk(entries)

    assert (finding.fault, finding.sequence, finding.id) == (
        Fault.CHANGED,
        place + 1,
        f"id-{place + 1}",
    )


def test_a_last_event_that_was_rewritten_with_its_hash_is_found_by_the_head():
    entries = chain_of(LENGTH)
    entries[-1] = link(entries[-1].previous, replace(entries[-1].facts, actor="nobody"))

    assert found(entries) == (Fault.HEAD_MOVED, LENGTH)


@given(st.integers(1, LENGTH - 1))
def test_an_event_put_in_from_elsewhere_is_found(place):
    entries = chain_of(LENGTH)
    entries[place] = link("00" * 32, entries[place].facts)

    assert found(entries) == (Fault.CHANGED, place + 1)


@given(st.integers(0, LENGTH - 2))
def test_a_missing_event_is_found(place):
    entries = chain_of(LENGTH)
    del entries[place]

    assert found(entries) == (Fault.MISSING, place + 1)


@given(st.integers(0, LENGTH - 2), st.integers(1, LENGTH - 1))
def test_events_that_changed_places_are_found(first, distance):
    entries = chain_of(LENGTH)
    second = min(first + distance, LENGTH - 1)
    one, other = entries[first], entries[second]
    entries[first], entries[second] = placed(other, first + 1), placed(one, second + 1)
    finding = walk(entries)

    assert (finding.fault, finding.sequence) == (Fault.REORDERED, first + 1)
    assert finding.id == f"id-{second + 1}"
    assert finding.detail == f"it is the event {second + 1}"


@given(st.integers(0, LENGTH - 2))
def test_a_gap_that_was_closed_up_is_found(place):
    entries = chain_of(LENGTH)
    del entries[place]
    entries[place:] = [placed(entry, entry.facts.sequence - 1) for entry in entries[place:]]

    assert found(entries)[1] == place + 1


@given(st.integers(0, LENGTH - 2), st.integers(1, LENGTH - 1))
def test_lines_that_changed_places_are_found(first, distance):
    entries = chain_of(LENGTH)
    entries.insert(min(first + distance, LENGTH - 1), entries.pop(first))

    assert found(entries) == (Fault.REORDERED, first + 1)


@given(st.integers(0, LENGTH - 1))
def test_two_events_in_one_place_are_found(place):
    entries = chain_of(LENGTH)
    entries.insert(place + 1, link(entries[place].previous, facts(place + 1, id="other")))

    assert found(entries) == (Fault.FORKED, place + 1)


@pytest.mark.parametrize("sequence", [0, -5])
def test_an_event_before_the_first_is_found(sequence):
    entries = [link(genesis("main").hash, facts(sequence)), *chain_of(LENGTH)]

    assert found(entries) == (Fault.FORKED, sequence)


@given(st.integers(0, LENGTH - 1))
def test_a_tail_that_was_cut_off_is_found(length):
    assert found(chain_of(length)) == (Fault.TAIL_CUT, length + 1)


@pytest.mark.parametrize(
    ("head", "sequence"),
    [
        (Head(LENGTH - 1, chain_of(LENGTH)[-2].hash), LENGTH - 1),
        (Head(LENGTH, "00" * 32), LENGTH),
        (Head(0, genesis("main").hash), 0),
        (Head("x", "00" * 32), LENGTH),
    ],
)
def test_a_head_that_was_moved_is_found(head, sequence):
    assert found(chain_of(LENGTH), head) == (Fault.HEAD_MOVED, sequence)


def test_a_chain_without_a_head_is_unknown():
    assert found(chain_of(LENGTH), None) == (Fault.UNKNOWN_CHAIN, LENGTH)


def test_what_was_found_first_is_told():
    entries = chain_of(LENGTH)
    entries[1] = changed(entries[1], actor="nobody")
    entries[5] = changed(entries[5], actor="nobody")

    assert found(entries[:-1], None) == (Fault.CHANGED, 2)


@given(st.data())
def test_whatever_was_done_is_found(data):
    entries = chain_of(LENGTH)
    kept = data.draw(st.lists(st.sampled_from(entries), max_size=LENGTH + 2))

    assert (walk(kept) is None) == (kept == entries)
