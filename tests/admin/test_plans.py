"""What the pages read is found by an index, in either database, however many rows there are."""

import re

import pytest

from admin import log_flow
from pairing_server.audit import counts
from pairing_server.registry import (
    administrators,
    certified_clients,
    credentials,
    members,
    notices,
    offers,
    pending_acts,
    people,
    people_overview,
    phone_acts,
    phone_uses,
    streams,
)
from tests.databases import *  # noqa: F403  (the fixtures that its `__all__` names)
from tests.plans import plan, read_whole, sorts

#: What any of them may ask for.
VALUES = {
    "action": "A",
    "actor": "person:p",
    "after": "",
    "after_id": "",
    "after_key": 0,
    "after_name": "",
    "at": 0,
    "evidence": "{}",
    "for_ura": "u",
    "id": "i",
    "ids": ["p", "q"],
    "kind": None,
    "most": 51,
    "name_key": "n",
    "objects": ["person:p", "credential:c"],
    "of_action": "A",
    "of_client": "c",
    "of_person": "person:p",
    "of_sid": "s",
    "of_ura": "u",
    "other": "",
    "person_id": "p",
    "role_code": None,
    "since": 0,
    "soon": 9,
    "step": 1,
    "until": 9,
    "ura": "u",
}
STATEMENTS = {
    "who is logged in": administrators._standing,
    "a person": people._person_by_id,
    "a membership": people._membership,
    "memberships": people._memberships,
    "namesakes": people._namesakes,
    "phones": credentials._of_person,
    "members": members._memberships_of,
    "people of an organisation": members._people_of,
    **{f"members, {each}": paged for each, paged in members._page.items()},
    "members, by name": members._in_order_of_names,
    "people by their ids": members._people_in,
    "memberships of some": members._memberships_in,
    "administrators": members._administrators,
    "how many members": members._valid,
    "offers": offers._of_organisation,
    "notices": notices._of_organisation,
    "what waits": pending_acts._open,
    "uses": phone_uses._since,
    "acts": phone_acts._done,
    "a view that was told": log_flow._same_view,
    "people, counted": people_overview._people,
    "phones, counted": people_overview._phones,
    "phones by key": people_overview._kinds,
    **{f"phones, {state}": each for state, each in people_overview._lists.items()},
    "streams, counted": streams._counts,
    "systems that are told": streams._listeners,
    "clients with certificates": certified_clients._of_organisation,
    "events, counted": counts._counts,
    "answers": counts._answers,
}


@pytest.mark.parametrize("what", STATEMENTS)
def test_no_page_reads_all_of_a_table(database_url, what):
    assert read_whole(plan(database_url, STATEMENTS[what], **VALUES)) == []


@pytest.mark.parametrize("what", [*map(str, members.Standing), "by name"])
def test_a_page_of_members_is_read_in_order(database_url, what):
    assert not sorts(plan(database_url, STATEMENTS[f"members, {what}"], **VALUES))


@pytest.mark.parametrize(
    ("what", "index"),
    [
        ("acts", "ix_audit_event_object"),
        ("uses", "ix_audit_event_actor"),
        ("events, counted", "ix_audit_event_action"),
        ("administrators", "ix_membership_administrative_role"),
        ("how many members", "ix_membership_ura"),
        ("people, counted", "ix_membership_ura"),
        ("phones, counted", "ix_phone_listing_ura"),
        ("phones, counted", "ix_push_health_unreached"),
        ("phones by key", "ix_phone_listing_ura"),
        ("phones, blocked", "ix_phone_listing_ura"),
        ("notices", "ix_notice_ura"),
    ],
)
def test_what_is_many_is_found_by_all_that_is_asked(database_url, what, index):
    assert index in plan(database_url, STATEMENTS[what], **VALUES)


@pytest.mark.parametrize(
    "what",
    [
        *("how many members", "people, counted", "events, counted"),
        *("phones, counted", "phones by key"),
    ],
)
def test_counts_read_an_index_and_no_row(database_url, what):
    asked = plan(database_url, STATEMENTS[what], **VALUES)

    reads = re.findall(
        r"(?:SEARCH|SCAN) \w+ USING .*|(?:Index|Seq|Bitmap Heap) .*Scan .* on .*", asked
    )
    assert reads
    assert all("COVERING INDEX" in each or "Index Only Scan" in each for each in reads)
