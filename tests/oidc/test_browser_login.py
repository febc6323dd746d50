"""How far a login is, as its page shows it, and that its program is answered once."""

from dataclasses import replace

import pytest

from pairing_server.approvals.auth_request import FETCHED_BY, DenyReason, Status
from pairing_server.errors import Conflict
from pairing_server.oidc import browser_login as rules
from pairing_server.oidc.browser_login import BrowserLogin, Progress, Way, Workplace
from tests.approvals.requests import NOW, PENDING
from tests.oidc.test_code import REQUEST

PLACE = Workplace(
    browser="b", workstation_id="browser:w", workstation="Chrome", location="ip", message=""
)
LOGIN = BrowserLogin(
    id="l",
    place=PLACE,
    request=REQUEST,
    expires_at=NOW + rules.LIFETIME,
    way=Way.QR,
    auth_req_id="a",
    code="042917",
)
BY_PHONE = replace(LOGIN, way=Way.PHONE)
FOR_ANYBODY = replace(PENDING, person_id=None, is_for_whoever_scans=True, asked_at=NOW)
ASKED = replace(PENDING, asked_at=NOW)


def at(login=LOGIN, request=FOR_ANYBODY, now=NOW):
    return rules.progress(login, request, now)


def test_a_code_is_to_be_scanned_until_a_phone_has_it():
    taken = replace(FOR_ANYBODY, person_id="p", scanned_by="k")

    assert at() is Progress.SCAN
    assert at(request=taken) is Progress.TAKEN
    assert at(request=replace(taken, scanned_by=None)) is Progress.TYPE


def test_what_was_sent_arrives_or_finds_nobody():
    late = NOW + FETCHED_BY

    assert at(BY_PHONE, ASKED) is Progress.SENT
    assert at(BY_PHONE, ASKED, late) is Progress.OFFLINE
    assert at(BY_PHONE, replace(ASKED, is_fetched=True), late) is Progress.ARRIVED


def test_whom_nobody_may_ask_is_no_other_than_who_does_not_answer():
    """A page that told them apart would tell who works here."""
    nobody = replace(ASKED, person_id=None)

    for now in (NOW, NOW + FETCHED_BY, ASKED.expires_at):
        assert at(BY_PHONE, nobody, now) is at(BY_PHONE, ASKED, now)


def test_a_card_is_awaited():
    assert at(replace(LOGIN, way=Way.CARD)) is Progress.CARD


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (Status.CLAIMED, Progress.SCAN),
        (Status.APPROVED, Progress.APPROVED),
        (Status.DENIED, Progress.DENIED),
        (Status.SUPERSEDED, Progress.SUPERSEDED),
        (Status.REVOKED, Progress.REVOKED),
        (Status.REDEEMED, Progress.FINISHED),
    ],
)
def test_every_end_is_told(status, told):
    assert at(request=replace(FOR_ANYBODY, status=status)) is told


def test_three_wrong_codes_are_told_as_that():
    denied = replace(ASKED, status=Status.DENIED, reason=DenyReason.WRONG_CODE)

    assert at(BY_PHONE, denied) is Progress.WRONG_CODE


def test_what_is_over_or_lost_has_expired():
    assert at(now=FOR_ANYBODY.expires_at) is Progress.EXPIRED
    assert at(request=None) is Progress.EXPIRED
    assert at(replace(LOGIN, expires_at=NOW)) is Progress.EXPIRED


def test_a_finished_login_shows_nothing_else():
    approved = replace(FOR_ANYBODY, status=Status.APPROVED)

    assert at(rules.finish(LOGIN), approved) is Progress.FINISHED


def test_the_program_is_answered_once_and_asked_no_other_way_after_that():
    finished = rules.finish(LOGIN)

    with pytest.raises(Conflict):
        rules.finish(finished)
    with pytest.raises(Conflict):
        rules.go_another_way(finished, Way.PHONE, "b", "1", is_remembered=False)


def test_another_way_keeps_what_the_program_asked_and_nothing_of_the_way_before():
    by_card = replace(LOGIN, way=Way.CARD, uzi_session="u", is_remembered=True)
    changed = rules.go_another_way(by_card, Way.QR, "b", "1", is_remembered=False)

    assert changed == replace(LOGIN, auth_req_id="b", code="1")


def test_a_code_is_shown_only_while_it_is_to_be_typed():
    assert not rules.TYPED & rules.OVER
    assert {Progress.SCAN, Progress.TAKEN, Progress.CARD}.isdisjoint(rules.TYPED)
