"""The rules of a pairing: against a small model, and each by itself."""

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pairing_server.errors import Expired, NotFound
from pairing_server.keys.credential import AttestationVerdict, NewKey
from pairing_server.keys.identity import Identity
from pairing_server.qr import pairing as rules
from pairing_server.qr.pairing import Device, Pairing, Scan, Status
from pairing_server.qr.refusals import PairingClosed, WrongCheckNumber
from pairing_server.tokens import digest

NOW = datetime(2026, 1, 1, tzinfo=UTC)
END = NOW + rules.PAIRING_LIFETIME
INSTANT = timedelta(microseconds=1)
SECRET = digest("secret")
KEY = NewKey(
    credential_id="AAAA",
    public_key=b"cose",
    sign_count=0,
    aaguid="",
    attestation_format="none",
    attestation_verdict=AttestationVerdict.UNKNOWN,
    backup_eligible=False,
    backed_up=False,
)
OFFERED = Pairing(
    id="pairing",
    status=Status.OFFERED,
    person_id="person",
    user_name="jansen",
    identity=Identity(name="", uzi_number="", role_code="", organisation="", ura=""),
    browser="browser",
    bound_by="uzi-pas",
    secret_digest=SECRET,
    expires_at=END,
)


def scan_by(phone="mine", said="secret", number="1234"):
    return Scan(
        secret_digest=digest(said),
        device_token_digest=digest(phone),
        device=Device("ios", phone, ""),
        check_number=number,
        challenge=f"challenge of {phone}",
        user_id=f"user of {phone}",
    )


SCANNED = rules.scan(OFFERED, scan_by(), NOW)
PROVED = rules.prove(SCANNED, digest("mine"), KEY, None, NOW)
BINDING = rules.type_check_number(PROVED, "1234", NOW)
PAIRED = rules.paired(BINDING)
REFUSED = rules.refused(BINDING)
EVERY = [OFFERED, SCANNED, PROVED, BINDING, PAIRED, REFUSED]
OPEN = [OFFERED, SCANNED, PROVED, BINDING]

pairings = st.sampled_from(EVERY)
open_ones = st.sampled_from(OPEN)
phones = st.sampled_from(["mine", "theirs", "third"])
numbers = st.sampled_from(["1234", "0000", "12345", "", "\uff11\uff12\uff13\uff14"]) | st.text(
    max_size=20
)
late = st.timedeltas(timedelta(0), timedelta(days=1)).map(lambda after: END + after)
in_time = st.timedeltas(timedelta(0), rules.PAIRING_LIFETIME - INSTANT).map(NOW.__add__)

never_late = settings(deadline=None)

MOVES = {
    "scan": lambda held, now: rules.scan(held, scan_by(), now),
    "prove": lambda held, now: rules.prove(held, digest("mine"), KEY, None, now),
    "right": lambda held, now: rules.type_check_number(held, "1234", now),
    "wrong": lambda held, now: rules.type_check_number(held, "0000", now),
}
moves = st.sampled_from(sorted(MOVES)).map(MOVES.get)


@never_late
@given(pairings)
def test_a_pairing_comes_back_from_the_store_as_it_was(held):
    assert msgspec.json.decode(msgspec.json.encode(held), type=Pairing) == held


@never_late
@given(open_ones, moves, late)
def test_nobody_moves_an_expired_pairing(held, move, now):
    assert held.status_at(now) is Status.EXPIRED
    with pytest.raises((Expired, NotFound)):
        move(held, now)


@never_late
@given(st.sampled_from([SCANNED, PROVED, BINDING]), moves, late)
def test_who_has_a_part_in_an_expired_pairing_hears_that_it_expired(held, move, now):
    with pytest.raises(Expired):
        move(held, now)


@never_late
@given(st.sampled_from([PAIRED, REFUSED]), moves, in_time | late)
def test_what_has_ended_stays_as_it_ended(held, move, now):
    assert held.status_at(now) is held.status
    with contextlib.suppress(PairingClosed):
        assert move(held, now) == held


@never_late
@given(in_time, phones, phones)
def test_the_first_scan_wins(now, first, second):
    held = rules.scan(OFFERED, scan_by(first), now)
    assert held.device_token_digest == digest(first)
    assert held.device.model == first
    again = scan_by(second, number="9999")
    if first == second:
        assert rules.scan(held, again, now) is held
    else:
        with pytest.raises(NotFound):
            rules.scan(held, again, now)


@never_late
@given(pairings, phones, st.text(), in_time | late)
def test_no_other_secret_scans(held, phone, secret, now):
    with pytest.raises(NotFound):
        rules.scan(held, scan_by(phone, "not " + secret), now)


@never_late
@given(pairings, in_time | late)
def test_another_phone_hears_nothing_but_that_there_is_nothing(held, now):
    with pytest.raises(NotFound):
        rules.check_scanned(held, digest("theirs"), now)
    with pytest.raises(NotFound):
        rules.prove(held, digest("theirs"), KEY, None, now)


@never_late
@given(st.sampled_from([SCANNED, PROVED, BINDING, PAIRED, REFUSED]), in_time)
def test_the_same_phone_again_gets_the_same_answer(held, now):
    assert rules.scan(held, scan_by(number="9999"), now) is held


def test_a_phone_that_was_never_scanned_with_scans_no_ended_pairing():
    with pytest.raises(NotFound):
        rules.scan(replace(OFFERED, status=Status.REFUSED), scan_by(), NOW)


def test_a_key_is_taken_once():
    assert PROVED.key == KEY
    assert (PROVED.push_service, PROVED.push_address) == (None, None)
    with pytest.raises(PairingClosed) as refused:
        rules.prove(PROVED, digest("mine"), KEY, None, NOW)
    assert refused.value.members == {"status": Status.PROVED}


def test_a_push_address_comes_with_the_key():
    held = rules.prove(SCANNED, digest("mine"), KEY, ("fcm", "token"), NOW)
    assert (held.push_service, held.push_address) == ("fcm", "token")


@never_late
@given(numbers, in_time)
def test_only_the_right_number_binds(number, now):
    held = rules.type_check_number(PROVED, number, now)
    is_right = number == "1234"
    assert held.status is (Status.BINDING if is_right else Status.PROVED)
    assert held.attempts_left == 3 - (not is_right)


@never_late
@given(st.sampled_from([OFFERED, SCANNED]), numbers, in_time)
def test_no_number_is_taken_before_the_key(held, number, now):
    with pytest.raises(PairingClosed):
        rules.type_check_number(held, number, now)


def test_three_wrong_numbers_end_it_and_the_right_one_comes_too_late():
    held = PROVED
    for left in (2, 1, 0):
        held = rules.type_check_number(held, "0000", NOW)
        assert held.attempts_left == left
    assert held.status is Status.REFUSED
    with pytest.raises(PairingClosed):
        rules.type_check_number(held, "1234", NOW)


def test_a_wrong_number_beside_the_right_one_changes_nothing():
    with pytest.raises(WrongCheckNumber) as refused:
        rules.type_check_number(BINDING, "0000", NOW)
    assert refused.value.members == {"attempts_left": 3}


def test_binding_is_told_as_proved():
    assert BINDING.status_at(NOW) is Status.PROVED
    with pytest.raises(PairingClosed) as closed:
        rules.check_scanned(BINDING, digest("mine"), NOW)
    assert closed.value.members == {"status": Status.PROVED}


def test_what_was_paired_is_not_refused():
    assert rules.refused(PAIRED) is PAIRED


def test_what_the_registry_has_is_paired():
    assert rules.paired(REFUSED).status is Status.PAIRED


class PairingMachine(RuleBasedStateMachine):
    """Three phones, a page and the time, against a model of five facts."""

    def __init__(self):
        super().__init__()
        self.held, self.now = OFFERED, NOW
        self.owner, self.has_key, self.wrong, self.is_right, self.bound = None, False, 0, False, 0

    def step(self, move, *expected):
        before = self.held
        try:
            self.held = move()
        except expected:
            assert self.held == before
            return False
        return True

    @property
    def is_late(self):
        return self.now >= END

    @property
    def is_over(self):
        return self.wrong == 3 or self.bound

    @rule(seconds=st.sampled_from([1, 60, 299]))
    def time_passes(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule(phone=phones, secret=st.sampled_from(["secret", "secret", "guess"]))
    def scan(self, phone, secret):
        done = self.step(
            lambda: rules.scan(self.held, scan_by(phone, secret), self.now), NotFound, Expired
        )
        in_time = self.is_over or not self.is_late
        assert done == (secret == "secret" and self.owner in (None, phone) and in_time)
        self.owner = phone if done else self.owner

    @rule(phone=phones)
    def prove(self, phone):
        done = self.step(
            lambda: rules.prove(self.held, digest(phone), KEY, None, self.now),
            *(NotFound, Expired, PairingClosed),
        )
        assert done == (self.owner == phone and not self.has_key and not self.is_late)
        self.has_key |= done

    @rule(number=st.sampled_from(["1234", "0000"]))
    def type_number(self, number):
        done = self.step(
            lambda: rules.type_check_number(self.held, number, self.now),
            *(Expired, PairingClosed, WrongCheckNumber),
        )
        awaited = self.has_key and not self.is_over and not self.is_late
        assert done == (awaited and (number == "1234" or not self.is_right))
        self.is_right |= done and number == "1234"
        self.wrong += done and number != "1234"

    @precondition(lambda self: self.is_right and not self.bound)
    @rule()
    def registry_has_it(self):
        self.held = rules.paired(self.held)
        self.bound += 1

    @precondition(lambda self: self.bound)
    @rule()
    def somebody_else_gives_up(self):
        self.held = rules.refused(self.held)

    @invariant()
    def is_what_the_model_says(self):
        late = Status.EXPIRED if self.is_late else None
        steps = (
            (self.bound, Status.PAIRED),
            (self.wrong == 3, Status.REFUSED),
            (late, Status.EXPIRED),
            (self.has_key, Status.PROVED),
            (self.owner, Status.SCANNED),
            (True, Status.OFFERED),
        )
        assert self.held.status_at(self.now) is next(status for holds, status in steps if holds)
        assert self.held.device_token_digest == (self.owner and digest(self.owner))
        assert self.held.attempts_left == 3 - self.wrong
        assert (self.held.key is not None) == self.has_key


test_a_pairing_is_what_the_model_says = PairingMachine.TestCase
test_a_pairing_is_what_the_model_says.settings = settings(deadline=None)
