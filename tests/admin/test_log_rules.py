"""What is looked for: it reads back from its own URL, and nothing else is taken."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.log_rules import Wanted, before, evidence, wanted
from pairing_server.audit.kinds import KINDS, Group
from pairing_server.audit.search import NEWEST, Place
from pairing_server.errors import InvalidRequest

PLACE = Place(5, 7, "ab" * 32)
IDENTIFIER = st.text("abcXYZ019_-", max_size=20)
DAY = st.dates(max_value=datetime(9998, 1, 1, tzinfo=UTC).date()).map(str)
WORKSTATION = st.text(
    st.characters(exclude_categories=["Cs", "Zs", "Zl", "Zp", "Cc"]), max_size=20
).map(str.strip)
WANTED = st.builds(
    Wanted,
    person=IDENTIFIER,
    phone=IDENTIFIER,
    workstation=WORKSTATION,
    kind=st.sampled_from(["", *KINDS, *Group]),
    since=st.just("") | DAY,
    until=st.just("") | DAY,
)


@given(WANTED)
def test_it_reads_back_from_its_own_url(seen):
    query = dict(parse_qsl(seen.query(PLACE).removeprefix("?")))

    assert wanted(query) == seen
    assert before(query) == PLACE


def test_whatever_is_not_looked_for_is_not_in_the_url():
    assert Wanted().query() == ""
    assert Wanted(person="p").query() == "?person=p"
    assert Wanted(person="p", phone="c", kind="x").without("person", "phone").query() == "?kind=x"


@pytest.mark.parametrize(
    "query",
    [
        {"kind": "Nothing"},
        {"since": "2026-13-01"},
        {"since": "20261101"},
        {"since": "2026-W01-1"},
        {"until": "9999-12-31"},
        {"until": "x"},
        {"person": "a b"},
        {"person": "Anna de Vries"},
        {"phone": "a\0b"},
        {"workstation": "x" * 201},
        {"workstation": "a\0b"},
    ],
)
def test_what_there_is_not_is_not_looked_for(query):
    with pytest.raises(InvalidRequest):
        wanted(query)


@pytest.mark.parametrize("text", ["x", "1.2.3", "-1.2." + "ab" * 32])
def test_a_page_goes_on_behind_an_event_and_nothing_else(text):
    with pytest.raises(InvalidRequest):
        before({"before": text})


def test_a_group_is_all_its_kinds():
    assert set(Wanted(kind="phones").actions) == {
        name for name, kind in KINDS.items() if kind.group is Group.PHONES
    }
    assert Wanted(kind="LogViewed").actions == ("LogViewed",)
    assert Wanted().actions == ()


def test_a_period_is_whole_days():
    seen = Wanted(since="2026-11-01", until="2026-11-02")

    assert seen.first_moment == datetime(2026, 11, 1, tzinfo=UTC)
    assert seen.end == datetime(2026, 11, 3, tzinfo=UTC)
    assert (Wanted().first_moment, Wanted().end) == (None, None)


def test_the_log_is_told_what_was_looked_for_and_about_whom():
    seen = Wanted(person="p", phone="c", kind="LogViewed")

    assert evidence(seen, PLACE) == {
        "looked_for": {"person": "p", "phone": "c", "kind": "LogViewed"},
        "person": "p",
        "credential": "c",
        "before": str(PLACE),
    }
    assert evidence(Wanted(), NEWEST) == {"looked_for": {}}
    assert evidence(Wanted(), NEWEST, "csv") == {"looked_for": {}, "form": "csv"}
