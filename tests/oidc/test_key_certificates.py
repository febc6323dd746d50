"""Until when a client's keys have certificates: what is not known is not said."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from pairing_server.oidc.key_certificates import last_until

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = timedelta(days=1)
EC_KEYS = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
RSA_KEY = rsa.generate_private_key(65537, 2048)
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "HIS")])
days = st.integers(-900, 900)


def public(key):
    algorithm = RSAAlgorithm if key is RSA_KEY else ECAlgorithm
    return json.loads(algorithm.to_jwk(key.public_key())) | {"use": "sig"}


def certificate(key, until):
    made = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(until - 1000 * DAY)
        .not_valid_after(until)
        .sign(EC_KEYS[0], hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(Encoding.DER)).decode()


def certified(key, until, **changed):
    return {**public(key), "x5c": [certificate(key, until)], **changed}


@pytest.mark.parametrize("key", [EC_KEYS[0], RSA_KEY], ids=["EC", "RSA"])
def test_a_key_with_a_certificate_is_good_as_long_as_that(key):
    assert last_until([certified(key, NOW + DAY)]) == NOW + DAY


@given(st.lists(st.tuples(st.sampled_from(EC_KEYS), days), min_size=1, max_size=5))
def test_of_several_the_last_one_counts_in_whatever_order(found):
    ends = [NOW + each * DAY for _, each in found]
    keys = [certified(key, end) for (key, _), end in zip(found, ends, strict=True)]

    assert last_until(keys) == last_until(keys[::-1]) == max(ends)


@given(st.lists(days, max_size=3), st.integers(0, 3))
def test_one_key_of_which_nothing_is_known_may_go_on_for_ever(ends, place):
    keys = [certified(EC_KEYS[0], NOW + each * DAY) for each in ends]
    keys.insert(place, public(EC_KEYS[1]))

    assert last_until(keys) is None


def test_what_is_no_key_to_sign_with_is_passed_over():
    by = certified(EC_KEYS[0], NOW + DAY)

    assert last_until([by, public(EC_KEYS[1]) | {"use": "enc"}]) == NOW + DAY
    assert last_until([certified(EC_KEYS[0], NOW, use="enc")]) is None
    assert last_until([]) is None


def test_the_certificate_of_another_key_says_nothing_of_this_one():
    theirs = certificate(EC_KEYS[1], NOW + DAY)

    assert last_until([certified(EC_KEYS[0], NOW, x5c=[theirs])]) is None


def test_of_a_chain_the_first_is_the_keys_own():
    chain = [certificate(EC_KEYS[0], NOW + DAY), certificate(EC_KEYS[1], NOW)]

    assert last_until([certified(EC_KEYS[0], NOW, x5c=chain)]) == NOW + DAY


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("AAAA"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)


@given(values)
def test_what_cannot_be_read_is_not_known(value):
    assert last_until([certified(EC_KEYS[0], NOW, x5c=value)]) is None


@given(st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "n", "use", "alg"]), values))
def test_whatever_is_registered_as_a_key_is_read_without_an_error(changed):
    assert last_until([certified(EC_KEYS[0], NOW) | changed]) in {None, NOW}


@given(st.binary(min_size=1, max_size=60), st.integers(0, 300))
def test_a_certificate_that_was_damaged_is_read_without_an_error(raw, place):
    der = bytearray(base64.b64decode(certificate(EC_KEYS[0], NOW)))
    der[place : place + len(raw)] = raw

    x5c = [base64.b64encode(bytes(der)).decode()]

    assert isinstance(last_until([certified(EC_KEYS[0], NOW, x5c=x5c)]), datetime | None)
