"""The rules of an auth request, by property and against a small model."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from pairing_server.approvals.auth_request import (
    ANSWER_ON_PHONE,
    CODE_ATTEMPTS,
    AuthRequest,
    Decision,
    DenyReason,
    Status,
    Taker,
    approve,
    claim,
    is_nobody,
    nobody,
    redeem,
    release,
    revoke,
    scan,
    settle,
    standing,
    supersede,
    take,
)
from pairing_server.approvals.refusals import AuthRequestClosed
from pairing_server.tokens import b64url, new_id
from tests.approvals.requests import (
    CODE,
    NOW,
    PENDING,
    answers,
    approval,
    auth_requests,
    denial,
    times,
)

ENDED = (Status.DENIED, Status.SUPERSEDED, Status.REVOKED, Status.REDEEMED)
OTHER_PHONE = "another phone"


@given(auth_requests())
def test_a_record_survives_the_store(request):
    assert msgspec.json.decode(msgspec.json.encode(request), type=AuthRequest) == request


@given(auth_requests(), answers, answers, times)
def test_the_first_answer_that_the_registry_has_stands(request, answer, other, now):
    with suppress(AuthRequestClosed):
        first = settle(claim(request, answer, now), answer)
        assert first.answer.digest == answer.digest
        with pytest.raises(AuthRequestClosed):
            claim(first, replace(other, digest="another"), now)


@given(auth_requests(), times)
def test_a_scan_counts_for_what_is_open_and_for_the_first_phone(request, now):
    first = scan(request, "k", now)
    is_open = request.status is Status.PENDING and now < request.expires_at

    assert first.scanned_by == ("k" if is_open else None)
    assert scan(first, "k", now) == first
    assert scan(first, OTHER_PHONE, now).scanned_by == ("k" if is_open else None)
    assert replace(first, scanned_by=None) == request


takers = st.builds(
    Taker,
    person_id=st.sampled_from("pq"),
    organisation=st.just("De Linde"),
    role_codes=st.just(("01.010", "30.000")),
    scanned_by=st.sampled_from(["k", None]),
)


@given(auth_requests(), st.booleans(), takers, takers, times)
def test_what_is_for_whoever_scans_becomes_the_first_ones(request, is_for_all, one, other, now):
    unowned = replace(request, person_id=None, is_for_whoever_scans=is_for_all)
    taken = take(unowned, one, now)
    can_be = is_for_all and request.status is Status.PENDING and now < request.expires_at

    assert taken.person_id == (one.person_id if can_be else None)
    assert taken.scanned_by == (one.scanned_by if can_be else None)
    assert (taken.shown.role_code == "01.010") is can_be
    assert (taken == unowned) is not can_be
    assert taken.status is unowned.status
    if can_be:
        assert take(taken, other, now) == taken


@given(auth_requests(), takers, times)
def test_what_is_asked_of_somebody_is_nobody_elses(request, taker, now):
    asked = replace(request, is_for_whoever_scans=True)
    assert take(asked, taker, now) == asked


def test_who_waits_hears_of_the_scan_and_is_not_told_to_open_the_app():
    shown = replace(PENDING, person_id=None, is_for_whoever_scans=True, asked_at=NOW)
    taken = replace(shown, person_id="p")
    late = PENDING.expires_at
    assert (shown.hint_due, taken.hint_due) == (None, None)
    assert (shown.hint_at(late), taken.hint_at(NOW)) == (None, ANSWER_ON_PHONE)


def test_only_the_phone_that_scanned_needs_no_code():
    scanned = scan(PENDING, "k", NOW)

    assert scanned.code_length_for("k") == 0
    assert scanned.code_length_for(OTHER_PHONE) == len(CODE)
    assert PENDING.code_length_for("k") == len(CODE)
    assert approve(scanned, approval(), "", NOW).status is Status.CLAIMED
    other = replace(approval(), credential_id=OTHER_PHONE)
    assert approve(scanned, other, "", NOW).wrong_answers == (other.digest,)
    assert approve(scanned, other, CODE, NOW).status is Status.CLAIMED
    assert approve(PENDING, approval(), "", NOW).wrong_answers == (approval().digest,)


@given(st.text(max_size=8).filter(lambda code: code not in ("", CODE)))
def test_another_code_is_wrong_at_the_phone_that_scanned_too(code):
    assert approve(scan(PENDING, "k", NOW), approval(), code, NOW).attempts_left == 2


@pytest.mark.parametrize(
    ("claimed", "answer", "gives_way"),
    [
        (approval("1"), denial(), True),
        (approval("1"), replace(denial(), credential_id=OTHER_PHONE), True),
        (approval("1"), approval("2"), True),
        (approval("1"), replace(approval("2"), credential_id=OTHER_PHONE), False),
        (denial("1"), denial("2"), True),
        (denial("1"), approval("2"), False),
    ],
)
def test_a_claim_gives_way_to_a_no_and_to_another_yes_of_its_own_phone(claimed, answer, gives_way):
    request = claim(PENDING, claimed, NOW)
    if gives_way:
        assert approve(request, answer, CODE, NOW).answer == answer
        assert claim(request, answer, NOW).answer == answer
    else:
        with pytest.raises(AuthRequestClosed) as closed:
            approve(request, answer, CODE, NOW)
        assert closed.value.members == {"status": Status.PENDING}


def test_the_third_wrong_code_gives_way_to_no_yes():
    request = replace(PENDING, wrong_answers=("1", "2"))
    claimed = approve(request, approval("3"), "000000", NOW)
    with pytest.raises(AuthRequestClosed):
        approve(claimed, approval("4"), CODE, NOW)


def test_a_wrong_code_after_a_claim_counts_and_leaves_the_claim():
    claimed = claim(PENDING, approval("1"), NOW)
    counted = approve(claimed, approval("2"), "000000", NOW)
    assert (counted.status, counted.answer) == (Status.CLAIMED, claimed.answer)
    assert counted.attempts_left == CODE_ATTEMPTS - 1


@given(auth_requests(), answers, times, st.sampled_from([CODE, "000000"]))
def test_the_identical_answer_again_changes_nothing(request, answer, now, code):
    with suppress(AuthRequestClosed):
        once = approve(request, answer, code, now)
        assert approve(once, answer, code, now) == once


@given(auth_requests(), answers, times)
def test_the_standing_answer_again_changes_nothing_at_any_time(request, answer, now):
    with suppress(AuthRequestClosed):
        once = claim(request, answer, now)
        assert claim(once, answer, now + timedelta(days=1)) == once


@given(auth_requests(), answers, st.timedeltas(timedelta(0), timedelta(days=400)))
def test_nobody_answers_after_expiry(request, answer, late):
    request = replace(request, answer=None)
    now = request.expires_at + late
    with pytest.raises(AuthRequestClosed):
        approve(request, answer, CODE, now)
    with pytest.raises(AuthRequestClosed):
        claim(request, answer, now)


def test_the_last_moment_is_the_one_before_the_expiry():
    last = PENDING.expires_at - timedelta(microseconds=1)
    assert claim(PENDING, approval(), last).status is Status.CLAIMED
    assert PENDING.status_at(last) is Status.PENDING
    assert PENDING.status_at(PENDING.expires_at) is Status.EXPIRED


@given(auth_requests(), answers, times, st.text())
def test_only_the_code_on_the_workstation_approves(request, answer, now, code):
    with suppress(AuthRequestClosed):
        request = replace(request, answer=None)
        yes = replace(answer, decision=Decision.APPROVE)
        after = approve(request, yes, code, now)
        assert (after.answer == yes) == (code == CODE)


def test_three_wrong_codes_deny():
    request = PENDING
    request = approve(request, approval("1"), "000000", NOW)
    request = approve(request, approval("2"), "", NOW)
    assert (request.status, request.attempts_left) == (Status.PENDING, 1)
    request = approve(request, approval("3"), CODE + "0", NOW)
    assert request.attempts_left == 0
    denied = settle(request, request.answer)
    assert (denied.status, denied.reason) == (Status.DENIED, DenyReason.WRONG_CODE)
    with pytest.raises(AuthRequestClosed):
        approve(denied, approval("4"), CODE, NOW)


def test_a_wrong_answer_whose_refusal_got_lost_is_counted_once():
    once = approve(PENDING, approval(), "000000", NOW)
    assert approve(once, approval(), "000000", NOW) == once


def test_the_last_wrong_answer_repeated_is_the_same_denial():
    request = replace(PENDING, wrong_answers=("1", "2"))
    once = approve(request, approval("3"), "000000", NOW)
    assert approve(once, approval("3"), "000000", NOW) == once
    assert once.answer.decision is Decision.DENY
    denied = settle(once, once.answer)
    assert approve(denied, approval("3"), "000000", NOW) == denied


@given(auth_requests(), answers)
def test_what_the_registry_has_takes_effect_whatever_is_claimed(request, answer):
    settled = settle(request, answer)
    if request.status in (Status.PENDING, Status.CLAIMED):
        approved = answer.decision is Decision.APPROVE
        assert settled.status is (Status.APPROVED if approved else Status.DENIED)
        assert settled.answer.digest == answer.digest
        assert settled.reason == settled.answer.reason
    else:
        assert settled == request


def test_a_claim_that_the_registry_has_keeps_its_reason():
    from_registry = replace(denial(), reason=None)
    settled = settle(claim(PENDING, denial(), NOW), from_registry)
    assert (settled.status, settled.reason) == (Status.DENIED, DenyReason.NOT_ME)


@given(auth_requests(), answers)
def test_only_the_answer_that_claimed_is_released(request, answer):
    released = release(request, answer)
    claimed = request.status is Status.CLAIMED and request.answer == answer
    assert released == (
        replace(request, status=Status.PENDING, answer=None) if claimed else request
    )


def test_a_released_request_may_be_answered_anew():
    released = release(claim(PENDING, approval(), NOW), approval())
    assert released == PENDING


@given(auth_requests(), times)
def test_a_newer_request_ends_only_what_is_unanswered_and_alive(request, now):
    ends = request.status is Status.PENDING and now < request.expires_at
    assert supersede(request, now) == (
        replace(request, status=Status.SUPERSEDED) if ends else request
    )


@given(auth_requests(), times)
def test_a_cut_off_phone_ends_what_is_not_redeemed_and_alive(request, now):
    lives = request.status in (Status.PENDING, Status.CLAIMED, Status.APPROVED)
    revoked = replace(request, status=Status.REVOKED)
    assert revoke(request, now) == (revoked if lives and now < request.expires_at else request)


@given(auth_requests(), times)
def test_what_is_told_hides_the_claim_and_the_past(request, now):
    told = request.status_at(now)
    assert told is not Status.CLAIMED
    if request.status in ENDED:
        assert told is request.status
    elif now >= request.expires_at:
        assert told is Status.EXPIRED


@given(auth_requests(), answers)
def test_an_answer_that_did_not_take_effect_does_not_stand(request, answer):
    if request.status in (Status.PENDING, Status.SUPERSEDED, Status.REVOKED):
        assert standing(replace(request, answer=answer), answer) is None


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (Status.CLAIMED, Status.PENDING),
        (Status.APPROVED, Status.APPROVED),
        (Status.REDEEMED, Status.APPROVED),
        (Status.DENIED, Status.DENIED),
        (Status.SUPERSEDED, Status.SUPERSEDED),
        (Status.REVOKED, Status.REVOKED),
    ],
)
def test_a_closed_request_says_how_it_ended(status, told):
    with pytest.raises(AuthRequestClosed) as closed:
        claim(replace(PENDING, status=status), denial(), NOW)
    assert closed.value.members == {"status": told}


@dataclass
class Model:
    """What anybody may believe of a request.

    Attributes:
        claimed: The answer that is on its way to the registry, and whether it is a yes.
        held: The first answer that the registry had, for ever.
    """

    claimed: tuple[str, bool] | None = None
    held: tuple[str, bool] | None = None
    wrong: int = 0
    ended: bool = False


class RequestMachine(RuleBasedStateMachine):
    """Phones, workstations, blocks and the clock, in any order."""

    signatures = Bundle("signatures")

    @initialize()
    def begin(self):
        self.request, self.now, self.model = PENDING, NOW, Model()

    @property
    def is_open(self):
        alive = self.now < self.request.expires_at
        return alive and self.model.held is None and not self.model.ended

    def is_repeated(self, digest):
        stands = self.model.held or self.model.claimed
        return stands is not None and stands[0] == digest and not self.model.ended

    @rule(target=signatures, digest=st.uuids().map(str))
    def sign(self, digest):
        return digest

    @rule(digest=signatures, right=st.booleans())
    def type_code(self, digest, right):
        repeated = self.is_repeated(digest)
        counted = digest in self.request.wrong_answers
        refused = self.model.claimed is not None and not self.model.claimed[1]
        try:
            self.request = approve(
                self.request, approval(digest), CODE if right else "1", self.now
            )
        except AuthRequestClosed:
            assert refused or not self.is_open
            assert not repeated
            return
        assert repeated or (self.is_open and not refused)
        if repeated:
            return
        if right:
            self.model.claimed = digest, True
        elif not counted:
            self.model.wrong += 1
            if self.model.wrong == CODE_ATTEMPTS:
                self.model.claimed = digest, False

    @rule(digest=signatures)
    def deny(self, digest):
        repeated = self.is_repeated(digest)
        try:
            self.request = claim(self.request, denial(digest), self.now)
        except AuthRequestClosed:
            assert not self.is_open
            assert not repeated
            return
        assert self.is_open or repeated
        if not repeated:
            self.model.claimed = digest, False

    @rule()
    def the_registry_has_it(self):
        if self.request.status is Status.CLAIMED:
            self.model.held = self.model.held or self.model.claimed
            self.request = settle(self.request, self.request.answer)

    @rule()
    def the_registry_refuses_it(self):
        if self.request.status is Status.CLAIMED:
            self.request = release(self.request, self.request.answer)
            self.model.claimed = None

    @rule()
    def a_newer_one(self):
        if self.is_open and self.model.claimed is None:
            self.model.ended = True
        self.request = supersede(self.request, self.now)

    @rule()
    def block(self):
        lives = self.request.status in (Status.PENDING, Status.CLAIMED, Status.APPROVED)
        if lives and self.now < self.request.expires_at:
            self.model.ended = True
        self.request = revoke(self.request, self.now)

    @rule()
    def poll(self):
        if self.request.status_at(self.now) is Status.APPROVED:
            self.request = redeem(self.request)

    @rule(seconds=st.integers(0, 50))
    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)

    @invariant()
    def only_the_first_yes_approves(self):
        if self.request.status in (Status.APPROVED, Status.REDEEMED):
            assert self.model.held == (self.request.answer.digest, True)

    @invariant()
    def no_more_than_three_codes_are_compared(self):
        assert len(self.request.wrong_answers) == self.model.wrong <= CODE_ATTEMPTS


TestRequestMachine = RequestMachine.TestCase


def test_nobody_is_nobody_and_each_time_the_same():
    assert is_nobody(nobody("uzi:900000009"))
    assert nobody("uzi:900000009") == nobody("uzi:900000009") != nobody("uzi:900000008")
    assert "900000009" not in nobody("uzi:900000009")


@given(st.binary(min_size=16, max_size=16))
def test_no_person_is_nobody(drawn):
    # What begins with a hyphen is drawn again, and here would be for ever.
    assume(not b64url(drawn).startswith("-"))
    assert not is_nobody(new_id(lambda _: drawn))
