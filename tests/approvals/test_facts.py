"""What somebody said yes to is known by every fact that decides what comes of it."""

from dataclasses import fields, replace

import pytest

from pairing_server.approvals.auth_request import Grant, Shown, Status
from pairing_server.approvals.facts import facts_digest
from tests.approvals.requests import NOW, PENDING

ROLE = PENDING.shown.role_code
OTHERS = {
    "id": "another",
    "client_id": "another",
    "person_id": "another",
    "workstation_id": "another",
    "scope": "openid",
    "grant": Grant.CODE,
}
SHOWN = [field.name for field in fields(Shown) if field.name != "role_code"]
#: What changes between a yes and its redemption.
PASSING = {"status": Status.APPROVED, "scanned_by": "k", "expires_at": NOW, "is_fetched": True}


@pytest.mark.parametrize("name", OTHERS)
def test_every_fact_counts(name):
    other = replace(PENDING, **{name: OTHERS[name]})
    assert facts_digest(other, ROLE) != facts_digest(PENDING, ROLE)


@pytest.mark.parametrize("name", SHOWN)
def test_all_that_was_shown_counts(name):
    other = replace(PENDING, shown=replace(PENDING.shown, **{name: "another"}))
    assert facts_digest(other, ROLE) != facts_digest(PENDING, ROLE)


def test_the_role_is_the_chosen_one():
    chosen = replace(PENDING, shown=replace(PENDING.shown, role_code="30.000"))
    assert facts_digest(PENDING, "30.000") == facts_digest(chosen, "30.000")
    assert facts_digest(PENDING, "30.000") != facts_digest(PENDING, ROLE)


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_does_not_count(name):
    later = replace(PENDING, **{name: PASSING[name]})
    assert facts_digest(later, ROLE) == facts_digest(PENDING, ROLE)
