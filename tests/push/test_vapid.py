"""The key of an installation, and the tokens that it signs for push services."""

import json
import secrets
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.push.vapid import _MOST_ORIGINS, LIFETIME, VapidKey
from pairing_server.tokens import b64url_decode

NOW = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)
CONTACT = "mailto:push@hospital.example.nl"
ORIGIN = "https://push.test"
SECRET = secrets.token_bytes(32)


@pytest.fixture
def key():
    return VapidKey(SECRET, CONTACT)


def claims(key, authorization):
    token, _, told = authorization.removeprefix("vapid t=").partition(", k=")
    assert told == key.public_key
    point = b64url_decode(told)
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    options = {"verify_aud": False, "verify_exp": False}
    return jwt.decode(token, public, algorithms=["ES256"], options=options)


def test_a_token_says_who_asks_whom_and_until_when(key):
    told = claims(key, key.authorization(ORIGIN, NOW))
    assert told == {"aud": ORIGIN, "exp": int((NOW + LIFETIME).timestamp()), "sub": CONTACT}


def test_one_secret_is_one_key_on_every_node(key):
    assert VapidKey(SECRET, "https://other.example.nl/").public_key == key.public_key
    assert VapidKey(secrets.token_bytes(32), CONTACT).public_key != key.public_key


@given(st.binary(min_size=32, max_size=32))
def test_every_secret_is_a_key(secret):
    key = VapidKey(secret, CONTACT)
    assert len(b64url_decode(key.public_key)) == 65
    assert claims(key, key.authorization(ORIGIN, NOW))["aud"] == ORIGIN


def test_the_key_of_a_secret_never_changes():
    """Phones that have subscribed are woken by this key and by no other."""
    assert VapidKey(bytes(32), CONTACT).public_key == (
        "BCBuaoj4NxI2GBzBJnSA2ypBYoIp2IyaKoxWdA8Zz62v-5UIUwVaMm6LTRu588quHEXklAJXyO_csWMj-9oNpfQ"
    )


def test_a_token_is_made_once_and_used_for_hours(key):
    first = key.authorization(ORIGIN, NOW)
    assert key.authorization(ORIGIN, NOW + timedelta(hours=5, minutes=59)) == first
    later = key.authorization(ORIGIN, NOW + timedelta(hours=6))
    assert claims(key, later)["exp"] - claims(key, first)["exp"] == 6 * 3600


def test_a_token_of_a_clock_that_was_put_back_is_not_used(key):
    first = key.authorization(ORIGIN, NOW + timedelta(days=2))
    assert claims(key, first)["exp"] > (NOW + timedelta(days=1)).timestamp()
    again = key.authorization(ORIGIN, NOW)
    assert claims(key, again)["exp"] == (NOW + LIFETIME).timestamp()


def test_a_token_for_one_service_is_not_shown_to_another(key):
    other = "https://other.test"
    key.authorization(ORIGIN, NOW)
    assert claims(key, key.authorization(other, NOW))["aud"] == other


def test_services_without_end_take_no_memory_without_end(key):
    for number in range(_MOST_ORIGINS + 10):
        key.authorization(f"https://a{number}.test", NOW)
    assert len(key._made) == _MOST_ORIGINS


def test_nothing_of_the_secret_is_told(key):
    assert SECRET.hex() not in json.dumps(key.public_key) + repr(key)
