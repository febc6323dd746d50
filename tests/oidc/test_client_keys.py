"""Which of a client's keys may sign, with what, and whether one did."""

import json
from base64 import urlsafe_b64encode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from pairing_server.oidc.client_keys import (
    MAX_KEYS,
    Part,
    UnverifiedError,
    algorithms_of,
    check_key_set,
    read_key_set,
    unverified,
    verified,
)
from pairing_server.oidc.client_policy import DEFAULT_ALGORITHMS
from pairing_server.registry.client_metadata import Algorithm

EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
P384_KEY = ec.generate_private_key(ec.SECP384R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
RSA_KEY = rsa.generate_private_key(65537, 2048)
SHORT_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505  (that is the point)
ALL = tuple(Algorithm)


def jwk(key, **members):
    kinds = {
        ec.EllipticCurvePrivateKey: ECAlgorithm,
        ed25519.Ed25519PrivateKey: OKPAlgorithm,
        rsa.RSAPrivateKey: RSAAlgorithm,
    }
    kind = next(kind for base, kind in kinds.items() if isinstance(key, base))
    return {**kind.to_jwk(key.public_key(), as_dict=True), **members}


def token(key, algorithm, **headers):
    return jwt.encode({"sub": "his"}, key, algorithm, headers)


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(EC_KEY, "ES256"), (RSA_KEY, "PS256"), (ED_KEY, "EdDSA")],
)
def test_each_algorithm_of_the_default_policy_verifies(key, algorithm):
    for keys in ([jwk(key)], [jwk(key, alg=algorithm, use="sig", kid="k")]):
        found = verified(token(key, algorithm), keys, DEFAULT_ALGORITHMS)
        assert found == {"sub": "his"}


def test_rs256_verifies_only_where_the_policy_takes_it():
    signed = token(RSA_KEY, "RS256")

    assert verified(signed, [jwk(RSA_KEY)], ALL) == {"sub": "his"}
    with pytest.raises(UnverifiedError):
        verified(signed, [jwk(RSA_KEY)], DEFAULT_ALGORITHMS)


@pytest.mark.parametrize(
    "key",
    [
        jwk(RSA_KEY, alg="PS256"),
        jwk(RSA_KEY, use="enc"),
        jwk(EC_KEY, alg="RS256"),
        {"kty": "RSA", "n": 5, "e": []},
    ],
)
def test_a_key_signs_with_nothing_but_what_it_is_for(key):
    with pytest.raises(UnverifiedError):
        verified(token(RSA_KEY, "RS256"), [key], ALL)


def test_a_short_key_signs_nothing():
    part = urlsafe_b64encode(b'{"alg": "RS256"}').decode()
    made = SHORT_KEY.sign(f"{part}.e30".encode(), PKCS1v15(), SHA256())
    signed = f"{part}.e30.{urlsafe_b64encode(made).decode().rstrip('=')}"

    with pytest.raises(UnverifiedError):
        verified(signed, [jwk(SHORT_KEY)], ALL)


def test_a_key_of_another_curve_is_of_no_use():
    assert algorithms_of(jwk(P384_KEY), ALL) == ()


def test_a_key_that_is_not_there_is_told_from_one_that_does_not_verify():
    keys = [jwk(EC_KEY, kid="a")]

    def is_of_unknown_key(signed):
        with pytest.raises(UnverifiedError) as error:
            verified(signed, keys, ALL)
        return error.value.is_of_unknown_key

    assert is_of_unknown_key(token(OTHER_KEY, "ES256", kid="b"))
    assert is_of_unknown_key(token(OTHER_KEY, "ES256"))
    assert not is_of_unknown_key(token(OTHER_KEY, "ES256", kid="a"))
    assert not is_of_unknown_key("no token")


def test_no_more_keys_are_tried_than_anybody_rotates():
    keys = [jwk(OTHER_KEY)] * MAX_KEYS + [jwk(EC_KEY)]

    with pytest.raises(UnverifiedError):
        verified(token(EC_KEY, "ES256"), keys, ALL)
    assert verified(token(EC_KEY, "ES256"), keys[1:], ALL) == {"sub": "his"}


def test_a_key_set_is_registered_when_each_key_is_of_use():
    keys = {"keys": [jwk(EC_KEY), jwk(RSA_KEY), jwk(ED_KEY)]}

    assert check_key_set(keys, DEFAULT_ALGORITHMS) == keys


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"keys": "x"},
        {"keys": ["x"]},
        {"keys": []},
        {"keys": [jwk(EC_KEY), jwk(P384_KEY)]},
        {"keys": [jwk(SHORT_KEY)]},
        {"keys": [jwk(RSA_KEY, alg="RS256")]},
        {"keys": [{"kty": "oct", "k": "AAAA"}]},
        {"keys": [{**ECAlgorithm.to_jwk(EC_KEY, as_dict=True)}]},
        {"keys": [{**RSAAlgorithm.to_jwk(RSA_KEY, as_dict=True)}]},
    ],
)
def test_what_is_no_key_set_of_use_is_not_registered(value):
    with pytest.raises(ValueError, match=r"(?i)key"):
        check_key_set(value, DEFAULT_ALGORITHMS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
members = st.sampled_from(["kty", "crv", "alg", "use", "kid", "n", "e", "x", "y"])
kinds = st.sampled_from(["EC", "RSA", "OKP", "P-256", "Ed25519", "sig", "ES256", "AQAB"])


@given(st.dictionaries(members, kinds | json_values))
def test_any_key_is_of_use_or_refused(key):
    (read,) = read_key_set({"keys": [key]})
    for signed in (token(EC_KEY, "ES256"), token(RSA_KEY, "RS256"), token(ED_KEY, "EdDSA")):
        with pytest.raises(UnverifiedError):
            verified(signed, [read], ALL)


def test_a_key_in_the_place_of_another_verifies_nothing_of_its():
    named = token(EC_KEY, "ES256", kid="k")
    assert verified(named, [jwk(EC_KEY, kid="k")], ALL)
    with pytest.raises(UnverifiedError):
        verified(named, [jwk(OTHER_KEY, kid="k")], ALL)


def test_a_key_that_was_read_for_one_algorithm_is_not_taken_for_another():
    key = jwk(RSA_KEY)
    assert verified(token(RSA_KEY, "PS256"), [key], ALL)
    with pytest.raises(UnverifiedError):
        verified(token(RSA_KEY, "RS256"), [key], DEFAULT_ALGORITHMS)


def test_what_is_read_before_it_is_verified_is_what_stands_there():
    signed = token(EC_KEY, "ES256", kid="k")
    assert unverified(signed, Part.HEADER)["kid"] == "k"
    assert unverified(signed, Part.CLAIMS) == {"sub": "his"}


@pytest.mark.parametrize(
    "claims",
    [b"[]", b"1", b"{", b"\xff", b"[" * 100_000],
    ids=["list", "number", "broken off", "not Unicode", "nested"],
)
def test_what_is_no_object_is_not_read(claims):
    with pytest.raises(ValueError):  # noqa: PT011  (whatever it says)
        unverified(f"e30.{urlsafe_b64encode(claims).decode().rstrip('=')}.e30", Part.CLAIMS)


@pytest.mark.parametrize("text", ["", "e30", "e30.e30", "e30.e30.e30.e30", "e30.!!.e30"])
def test_what_is_no_compact_jws_is_not_read(text):
    with pytest.raises(ValueError):  # noqa: PT011  (whatever it says)
        unverified(text, Part.CLAIMS)


def by_hand(header, claims):
    parts = [
        urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in (header, claims)
    ]
    message = b".".join(parts)
    signature = ECAlgorithm(SHA256).sign(message, EC_KEY)
    return b".".join([message, urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def test_a_token_made_by_hand_verifies_when_nothing_is_wrong_with_it():
    assert verified(by_hand({"alg": "ES256"}, {"sub": "his"}), [jwk(EC_KEY)], ALL)


@pytest.mark.parametrize(
    "members",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": ["b64"], "b64": False},
        {"crit": []},
        {"b64": False},
        {"kid": 7},
        {"kid": ["k"]},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": ["ES256"]},
        {"alg": None},
    ],
)
def test_a_header_that_is_not_understood_verifies_nothing(members):
    with pytest.raises(UnverifiedError):
        verified(by_hand({"alg": "ES256", **members}, {"sub": "his"}), [jwk(EC_KEY)], ALL)


@pytest.mark.parametrize("spoilt", ["", "=", "==", "A", ".", "\n", "é", "+"])
def test_a_signature_has_one_spelling(spoilt):
    signed = by_hand({"alg": "ES256"}, {"sub": "his"})

    with pytest.raises(UnverifiedError):
        verified(signed + spoilt if spoilt else signed[:-1], [jwk(EC_KEY)], ALL)


def test_a_changed_token_verifies_nothing():
    head, body, signature = by_hand({"alg": "ES256"}, {"sub": "his"}).split(".")
    _, other, _ = by_hand({"alg": "ES256"}, {"sub": "hers"}).split(".")

    assert verified(f"{head}.{body}.{signature}", [jwk(EC_KEY)], ALL) == {"sub": "his"}
    with pytest.raises(UnverifiedError):
        verified(f"{head}.{other}.{signature}", [jwk(EC_KEY)], ALL)


@pytest.mark.parametrize("claims", [{}, {"sub": None}])
def test_what_is_required_has_to_be_there(claims):
    signed = by_hand({"alg": "ES256"}, {"iss": "he", **claims})

    assert verified(signed, [jwk(EC_KEY)], ALL, ("iss",))
    with pytest.raises(UnverifiedError):
        verified(signed, [jwk(EC_KEY)], ALL, ("iss", "sub"))


def test_what_was_signed_and_is_no_object_is_no_token():
    for claims in ([], "text", 7, None):
        with pytest.raises(UnverifiedError):
            verified(by_hand({"alg": "ES256"}, claims), [jwk(EC_KEY)], ALL)
