"""Which open requests a person has, and which of them a newer one ends."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.approvals.inbox import (
    CROWDED,
    FAIR_SHARE,
    MAX_OF_CLIENT,
    MAX_OPEN,
    Entry,
    Inbox,
    approved,
    drop,
    put,
    superseded,
    tag_of,
)
from pairing_server.approvals.refusals import TooManyOpen
from tests.approvals.requests import NOW

LATER = NOW + timedelta(minutes=2)
places = st.tuples(st.sampled_from(["c1", "c2"]), st.sampled_from(["w1", "w2"]))


def entry(identifier, client="c1", workstation="w1", expires_at=LATER):
    return Entry(identifier, client, workstation, expires_at)


@given(st.lists(places, max_size=8), places)
def test_a_newer_request_ends_only_those_of_its_own_client_and_workstation(before, place):
    inbox = Inbox(tuple(entry(str(n), *where) for n, where in enumerate(before)))
    newest = entry("newest", *place)
    ended = superseded(inbox, newest)
    assert {(e.client_id, e.workstation_id) for e in ended} <= {place}
    after = put(inbox, newest, NOW)
    assert after.entries == (newest, *inbox.entries)
    kept = drop(after, *(e.id for e in ended)).entries
    assert sum((e.client_id, e.workstation_id) == place for e in kept) == 1


@given(st.lists(places, max_size=8), st.integers(0, 7))
def test_what_is_put_again_stays_once_and_does_not_end_itself(before, at):
    inbox = Inbox(tuple(entry(str(n), *where) for n, where in enumerate(before)))
    again = entry(str(at), *(before[at] if at < len(before) else ("c1", "w1")))
    assert again not in superseded(inbox, again)
    after = put(inbox, again, NOW)
    assert after.entries.count(again) == 1
    assert put(after, again, NOW) == after


def test_without_a_workstation_nothing_is_ended():
    inbox = Inbox((entry("1", workstation=""), entry("2")))
    assert superseded(inbox, entry("3", workstation="")) == ()


def test_three_without_a_workstation_may_be_open():
    inbox = Inbox(tuple(entry(str(n), workstation="") for n in range(MAX_OPEN)))
    with pytest.raises(TooManyOpen):
        put(inbox, entry("4", workstation=""), NOW)
    assert put(inbox, entry("4"), NOW).entries[0].id == "4"
    assert put(inbox, entry("4", client="c2", workstation=""), NOW).entries[0].id == "4"


def test_what_has_run_out_does_not_count_and_does_not_stay():
    over = Inbox(tuple(entry(str(n), workstation="", expires_at=NOW) for n in range(MAX_OPEN)))
    assert put(over, entry("4", workstation=""), NOW).entries == (entry("4", workstation=""),)


def asked(count, client="c1"):
    return tuple(entry(f"{client}-{n}", client, f"w{n}") for n in range(count))


def test_a_client_that_names_many_workstations_may_have_ten_open():
    inbox = Inbox(asked(MAX_OF_CLIENT))
    with pytest.raises(TooManyOpen):
        put(inbox, entry("more", workstation="new"), NOW)
    assert put(inbox, entry("again", workstation="w0"), NOW).entries[0].id == "again"
    assert put(inbox, entry("other", client="c2"), NOW).entries[0].id == "other"


def test_in_a_crowded_inbox_a_client_has_its_fair_share_and_no_more():
    inbox = Inbox(asked(MAX_OF_CLIENT) + asked(CROWDED - MAX_OF_CLIENT, "c2"))
    for n in range(FAIR_SHARE):
        inbox = put(inbox, entry(str(n), "c3", f"w{n}"), NOW)
    with pytest.raises(TooManyOpen):
        put(inbox, entry("more", "c3", "new"), NOW)
    assert put(inbox, entry("other", "c4"), NOW).entries[0].id == "other"


def test_what_was_approved_stays_and_is_neither_counted_nor_superseded():
    inbox = Inbox(asked(MAX_OF_CLIENT))
    inbox = approved(inbox, "c1-0")
    newest = entry("newest", workstation="w0")
    assert superseded(inbox, newest) == ()
    assert len(put(inbox, newest, NOW).entries) == MAX_OF_CLIENT + 1
    assert [e.id for e in inbox.entries if e.is_approved] == ["c1-0"]


def test_what_has_ended_leaves():
    inbox = Inbox((entry("1"), entry("2", "c2")))
    assert drop(inbox, "1").entries == (entry("2", "c2"),)
    assert drop(inbox, "3") == inbox


@given(st.text(max_size=3), st.text(max_size=3))
def test_wake_ups_of_one_workstation_replace_each_other_and_no_others(one, other):
    tags = [tag_of("p", entry(str(n), "c", place)) for n, place in enumerate((one, other))]
    assert (tags[0] == tags[1]) == bool(one and one == other)
    assert {len(tag) for tag in tags} == {22}
    assert tag_of("q", entry("0", "c", one)) != tags[0]
    assert tag_of("p", entry("0", "c", "w1")) != tag_of("p", entry("0", "d", "w1"))
