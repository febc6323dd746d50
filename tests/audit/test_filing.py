"""Filing: under which names an event is found again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.audit.filing import Filing, filing, filing_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("actor", "about", "evidence", "expected"),
    [
        ("client:c", "person:p", {}, Filing("p", None, None)),
        ("person:p", "person:p", {}, Filing(None, None, None)),
        ("person:q", "person:p", {}, Filing("p", None, None)),
        ("system", "session:s", {"person": "p", "credential": "c"}, Filing("p", "c", None)),
        ("person:p", "credential:c", {"credential": "d"}, Filing(None, "c", None)),
        ("person:p", "client:c", {"workstation": "Balie"}, Filing(None, None, "Balie")),
        ("a", "b", {"shown": {"workstation": "Balie"}}, Filing(None, None, "Balie")),
        (
            *("a", "b", {"signed": {"workstation": "Balie"}, "workstation": "x"}),
            Filing(None, None, "Balie"),
        ),
    ],
)
def test_an_event_is_filed_under_what_it_says(actor, about, evidence, expected):
    assert filing(actor, about, evidence) == expected


@pytest.mark.parametrize("value", ["", "a\0b", None, 5, ["p"], {"p": 1}])
def test_what_no_column_holds_is_not_filed(value):
    evidence = {"person": value, "credential": value, "workstation": value, "shown": value}

    assert filing("system", "session:s", evidence) == Filing(None, None, None)


@given(st.dictionaries(st.sampled_from(["person", "signed", "shown", "workstation"]), JSON))
def test_no_evidence_is_too_odd_to_be_filed(evidence):
    assert isinstance(filing("a", "b", evidence), Filing)


def test_a_row_is_filed_as_its_event_was():
    row = {"actor": "client:c", "object": "person:p", "evidence": '{"credential":"c"}'}

    assert filing_of(row) == Filing("p", "c", None)


@pytest.mark.parametrize("evidence", ["", "{", "[]", None, b"\0"])
def test_a_row_that_cannot_be_read_is_filed_nowhere(evidence):
    assert filing_of({"actor": "a", "object": "b", "evidence": evidence}) is None
