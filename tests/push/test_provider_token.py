"""One token for everybody who has the key, never too old, and never renewed too often."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import jwt
import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.push.provider_token import (
    LEAST,
    SETTLED,
    SLOT,
    ProviderKey,
    ProviderKeyError,
    ProviderToken,
    read_provider_key,
    slot,
)
from tests.doubles import FrozenClock

NOW = datetime(2026, 11, 26, 12, 7, 31, tzinfo=UTC)
KEY = ProviderKey("ABC123DEFG", "TEAM123456", ec.generate_private_key(ec.SECP256R1()))
HOUR = timedelta(hours=1)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)


def issued_at(token):
    claims = jwt.decode(
        token, KEY.key.public_key(), algorithms=["ES256"], options={"verify_iat": False}
    )
    return datetime.fromtimestamp(claims["iat"], UTC)


def test_a_token_says_who_signed_what():
    token = ProviderToken(KEY, FrozenClock(NOW)).current()
    claims = jwt.decode(token, KEY.key.public_key(), algorithms=["ES256"], issuer="TEAM123456")
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "kid": "ABC123DEFG"}
    assert set(claims) == {"iss", "iat"}


@given(MOMENTS)
def test_every_server_and_every_start_makes_the_same_token(now):
    tokens = {ProviderToken(KEY, FrozenClock(now)).current() for _ in range(3)}
    assert len(tokens) == 1


@given(MOMENTS)
def test_a_token_is_between_one_and_thirty_nine_minutes_old(now):
    age = now - issued_at(ProviderToken(KEY, FrozenClock(now)).current())
    assert SETTLED <= age < SETTLED + SLOT


def test_a_token_is_used_for_its_whole_slot():
    clock = FrozenClock(slot(NOW) + SETTLED)
    token = ProviderToken(KEY, clock)
    first = token.current()
    clock.moment = issued_at(first) + SLOT + SETTLED - timedelta(seconds=1)
    assert token.current() == first
    clock.advance(timedelta(seconds=1))
    assert issued_at(token.current()) - issued_at(first) == SLOT


def test_a_token_that_was_first_used_late_is_used_for_twenty_minutes():
    clock = FrozenClock(slot(NOW) + SLOT)
    token = ProviderToken(KEY, clock)
    first = token.current()
    clock.advance(LEAST - timedelta(seconds=1))
    assert token.current() == first
    clock.advance(timedelta(seconds=1))
    assert token.current() != first


STEPS = st.lists(
    st.tuples(st.integers(0, 7200).map(lambda seconds: timedelta(seconds=seconds)), st.booleans()),
    max_size=30,
)


@given(MOMENTS, STEPS)
def test_however_often_apns_calls_one_expired_tokens_are_twenty_minutes_apart(now, steps):
    clock = FrozenClock(now)
    token = ProviderToken(KEY, clock)
    seen = [(clock(), token.current())]
    for duration, is_expired in steps:
        clock.advance(duration)
        if is_expired:
            token.renew(seen[-1][1])
        if token.current() != seen[-1][1]:
            seen.append((clock(), token.current()))
        assert clock() - issued_at(token.current()) < HOUR
    for (before, old), (after, new) in pairwise(seen):
        assert issued_at(new) - issued_at(old) >= LEAST
        assert after - before >= LEAST


def test_of_many_whose_token_expired_one_makes_the_new_one():
    clock = FrozenClock(NOW)
    token = ProviderToken(KEY, clock)
    expired = token.current()
    clock.advance(LEAST)
    assert [token.renew(expired) for _ in range(3)] == [True, True, True]
    assert issued_at(token.current()) == clock()


def test_a_token_that_is_too_new_to_be_expired_is_not_renewed():
    clock = FrozenClock(NOW)
    token = ProviderToken(KEY, clock)
    first = token.current()
    clock.advance(LEAST - timedelta(seconds=1))
    assert not token.renew(first)
    assert token.current() == first


def test_a_clock_that_was_far_ahead_and_is_put_right_gets_a_token_of_now():
    clock = FrozenClock(NOW + timedelta(days=1))
    token = ProviderToken(KEY, clock)
    token.current()
    clock.moment = NOW
    assert SETTLED <= NOW - issued_at(token.current()) < SETTLED + SLOT


def test_a_clock_that_is_put_back_by_a_second_changes_nothing():
    clock = FrozenClock(NOW)
    token = ProviderToken(KEY, clock)
    expired = token.current()
    clock.advance(LEAST)
    token.renew(expired)
    renewed = token.current()
    clock.advance(timedelta(seconds=-1))
    assert token.current() == renewed


def pem(key, password=serialization.NoEncryption()):  # noqa: B008
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, password
    )


def test_the_file_that_apple_hands_out_is_read(tmp_path):
    file = tmp_path / "AuthKey_ABC123DEFG.p8"
    file.write_bytes(pem(KEY.key))
    read = read_provider_key(file, "ABC123DEFG", "TEAM123456")
    assert read.token(NOW) == KEY.token(NOW)
    assert "key=" not in repr(read)


NO_KEYS = {
    "empty": b"",
    "text": b"s3cret and no key",
    "locked": pem(KEY.key, serialization.BestAvailableEncryption(b"s3cret")),
    "rsa": pem(rsa.generate_private_key(65537, 2048)),
    "p384": pem(ec.generate_private_key(ec.SECP384R1())),
    "public": KEY.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ),
}


@pytest.mark.parametrize("content", NO_KEYS.values(), ids=NO_KEYS)
def test_what_is_no_key_for_apns_is_told_without_quoting_it(tmp_path, content):
    file = tmp_path / "AuthKey.p8"
    file.write_bytes(content)
    with pytest.raises(ProviderKeyError) as refused:
        read_provider_key(file, "ABC123DEFG", "TEAM123456")
    assert str(file) in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ProviderKeyError, match="cannot be read: No such file"):
        read_provider_key(tmp_path / "AuthKey.p8", "ABC123DEFG", "TEAM123456")


def test_a_key_that_cannot_sign_the_same_twice_is_refused_at_the_start(tmp_path, monkeypatch):
    def unsupported(*_):
        raise UnsupportedAlgorithm("deterministic ECDSA")

    monkeypatch.setattr(ProviderKey, "token", unsupported)
    file = tmp_path / "key.p8"
    file.write_bytes(pem(KEY.key))
    with pytest.raises(ProviderKeyError, match=r"OpenSSL before 3\.2"):
        read_provider_key(file, "ABC123DEFG", "TEAM123456")
