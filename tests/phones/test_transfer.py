"""Rules of a transfer: who may do what when, and that no wrong code is compared a fourth time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.errors import Expired, NotFound, Refusal
from pairing_server.keys.credential import AttestationVerdict, NewKey
from pairing_server.keys.identity import Identity
from pairing_server.phones import transfer as rules
from pairing_server.phones.refusals import TransferClosed
from pairing_server.phones.transfer import (
    CODE_ATTEMPTS,
    TRANSFER_LIFETIME,
    Claim,
    Device,
    Status,
    Transfer,
)

NOW = datetime(2026, 11, 26, 6, tzinfo=UTC)
OFFERED = Transfer(
    id="t",
    status=Status.OFFERED,
    token_digest="new-token",
    secret_digest="secret",
    device=Device("android", "Pixel 9", "1"),
    code="123456",
    nonce="n",
    challenge="c",
    user_id="u",
    expires_at=NOW + TRANSFER_LIFETIME,
)
CLAIM = Claim(
    secret_digest="secret",
    credential_id="old",
    person_id="p",
    user_name="jansen",
    identity=Identity("Jan", "900000001", "01.000", "De Linde", "90000001"),
)
KEY = NewKey(
    credential_id="new",
    public_key=b"",
    sign_count=0,
    aaguid="",
    attestation_format="none",
    attestation_verdict=AttestationVerdict.UNKNOWN,
    backup_eligible=False,
    backed_up=False,
)
CLAIMED = rules.claim(OFFERED, CLAIM, NOW)
PROVED = rules.prove(CLAIMED, "new-token", KEY, ("fcm", "address"), NOW)
LATE = OFFERED.expires_at
statuses = st.sampled_from(Status)


@given(statuses, st.sampled_from(["old", "other"]), st.sampled_from(["secret", "wrong"]))
def test_only_the_secret_claims_and_only_once(status, phone, secret):
    transfer = replace(CLAIMED, status=status, claimed_by=None if status == "offered" else "old")
    by = replace(CLAIM, credential_id=phone, secret_digest=secret)
    try:
        claimed = rules.claim(transfer, by, NOW)
    except Refusal:
        return
    assert secret == "secret"
    assert claimed.claimed_by == phone
    assert status is Status.OFFERED or claimed == transfer


@given(statuses, st.sampled_from(["new-token", "other"]))
def test_only_the_new_phone_of_a_claimed_transfer_hands_in_a_key(status, token):
    transfer = replace(CLAIMED, status=status)
    try:
        proved = rules.prove(transfer, token, KEY, None, NOW)
    except Refusal:
        assert (status, token) != (Status.CLAIMED, "new-token")
        return
    assert (status, token) == (Status.CLAIMED, "new-token")
    assert (proved.status, proved.key) == (Status.PROVED, KEY)


@given(st.lists(st.sampled_from(["123456", "000000", "111111", "222222", "333333"]), max_size=8))
def test_no_fourth_code_is_compared(codes):
    transfer, wrong = PROVED, set()
    for code in codes:
        if transfer.status is Status.REFUSED:
            with pytest.raises(TransferClosed):
                rules.type_code(transfer, "old", code, code, NOW)
            continue
        transfer = rules.type_code(transfer, "old", code, code, NOW)
        if code == "123456":
            assert (transfer.status, transfer.answered) == (Status.BINDING, code)
        elif transfer.status is not Status.BINDING:
            wrong.add(code)
            assert transfer.attempts_left == CODE_ATTEMPTS - len(wrong)
            assert (transfer.status is Status.REFUSED) is (len(wrong) == CODE_ATTEMPTS)


@pytest.mark.parametrize(
    "act",
    [
        lambda: rules.claim(OFFERED, CLAIM, LATE),
        lambda: rules.claim(CLAIMED, CLAIM, LATE),
        lambda: rules.prove(CLAIMED, "new-token", KEY, None, LATE),
        lambda: rules.type_code(PROVED, "old", "123456", "d", LATE),
        lambda: rules.deny(PROVED, "old", LATE),
    ],
)
def test_after_its_time_nothing_goes(act):
    with pytest.raises(Expired):
        act()


@pytest.mark.parametrize(
    "act",
    [
        lambda: rules.claim(OFFERED, replace(CLAIM, secret_digest="wrong"), NOW),
        lambda: rules.claim(CLAIMED, replace(CLAIM, credential_id="other"), NOW),
        lambda: rules.prove(CLAIMED, "other", KEY, None, NOW),
        lambda: rules.type_code(PROVED, "other", "123456", "d", NOW),
        lambda: rules.deny(PROVED, "other", NOW),
        lambda: rules.deny(OFFERED, "old", NOW),
    ],
)
def test_another_phones_transfer_is_not_there(act):
    with pytest.raises(NotFound):
        act()


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (Status.OFFERED, Status.OFFERED),
        (Status.CLAIMED, Status.CLAIMED),
        (Status.PROVED, Status.PROVED),
        (Status.BINDING, Status.PROVED),
        (Status.DONE, Status.DONE),
        (Status.REFUSED, Status.REFUSED),
    ],
)
def test_what_is_told_of_a_status(status, told):
    transfer = replace(PROVED, status=status)
    ended = status in (Status.DONE, Status.REFUSED)
    assert transfer.status_at(NOW) is told
    assert transfer.status_at(LATE) is (told if ended else Status.EXPIRED)


def test_a_no_is_no_longer_taken_when_the_key_is_being_bound():
    for status in (Status.BINDING, Status.DONE):
        with pytest.raises(TransferClosed):
            rules.deny(replace(PROVED, status=status), "old", NOW)


def test_a_key_that_was_bound_stays_bound():
    done = rules.done(PROVED)
    assert rules.refused(done) is done
    assert rules.refused(PROVED).status is Status.REFUSED


def test_without_a_key_there_is_nothing_to_sign_for():
    with pytest.raises(TransferClosed):
        rules.check_answerable(replace(PROVED, key=None), "old", NOW)


@given(st.timedeltas(timedelta(0), TRANSFER_LIFETIME - timedelta(microseconds=1)))
def test_within_its_time_it_goes_to_its_end(after):
    now = NOW + after
    claimed = rules.claim(OFFERED, CLAIM, now)
    proved = rules.prove(claimed, "new-token", KEY, None, now)
    typed = rules.type_code(proved, "old", "123456", "d", now)
    assert rules.done(typed).status_at(LATE) is Status.DONE
