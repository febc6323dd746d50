"""DPoP proofs: of this call, by this key, now; and the thumbprints that tokens are bound to."""

import base64
import hashlib
import json
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from pairing_server.oidc.confirmation import certificate_thumbprint, read_proof, thumbprint
from pairing_server.oidc.refusals import InvalidDpopProof
from tests.doubles import FrozenClock
from tests.oidc.dpop import DpopKey, ath

URL = "https://login.example/token"
NOW = FrozenClock()()
SECONDS = int(NOW.timestamp())
KEY, OTHER = DpopKey(), DpopKey()
P384 = ec.generate_private_key(ec.SECP384R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)


def made(key=KEY, method="POST", url=URL, token=None, headers=None, **changed):
    return key.proof(method, url, token, headers, **({"iat": SECONDS} | changed))


def read(*proofs, **options):
    return read_proof(proofs, **({"method": "POST", "urls": {URL}, "now": NOW} | options))


def test_a_proof_of_this_call_names_its_key():
    proof = read(made(jti="one"))

    assert (proof.jti, proof.thumbprint) == ("one", thumbprint(KEY.jwk))
    assert proof.until == NOW + timedelta(seconds=60)


def test_a_proof_beside_a_token_is_of_that_token():
    assert read(made(token="t"), access_token="t").thumbprint == thumbprint(KEY.jwk)
    for other in (made(), made(token="u"), made(ath=5), made(ath=ath("t") + "=")):
        with pytest.raises(InvalidDpopProof):
            read(other, access_token="t")


@pytest.mark.parametrize(
    "htu", [f"{URL}?a=b", f"{URL}#x", "HTTPS://LOGIN.EXAMPLE/token", f"{URL}?#"]
)
def test_the_url_is_compared_without_query_and_fragment(htu):
    assert read(made(url=htu))


REFUSED = {
    "no proof": lambda: (),
    "two proofs": lambda: (made(), made()),
    "no token": lambda: ("x",),
    "too long": lambda: (made(more="x" * 5000),),
    "of another method": lambda: (made(method="GET"),),
    "of the method in small letters": lambda: (made(method="post"),),
    "of another path": lambda: (made(url="https://login.example/userinfo"),),
    "of another host": lambda: (made(url="https://other.example/token"),),
    "of the path in capitals": lambda: (made(url="https://login.example/TOKEN"),),
    "of no URL": lambda: (made(url="https://["),),
    "of a number": lambda: (made(htu=5),),
    "too old": lambda: (made(iat=SECONDS - 61),),
    "too far ahead": lambda: (made(iat=SECONDS + 11),),
    "iat a text": lambda: (made(iat="now"),),
    "no iat": lambda: (made(iat=None),),
    "no jti": lambda: (made(jti=None),),
    "jti a number": lambda: (made(jti=5),),
    "jti empty": lambda: (made(jti=""),),
    "jti too long": lambda: (made(jti="x" * 257),),
    "no htm": lambda: (made(method=None),),
    "no htu": lambda: (made(url=None),),
    "of another type": lambda: (made(headers={"typ": "JWT"}),),
    "without a key": lambda: (made(headers={"jwk": None}),),
    "with another key": lambda: (made(headers={"jwk": OTHER.jwk}),),
    "with the private key": lambda: (
        made(headers={"jwk": ECAlgorithm.to_jwk(KEY.private, as_dict=True)}),
    ),
    "by a kid": lambda: (made(headers={"jwk": None, "kid": "a"}),),
    "alg none": lambda: (
        jwt.encode({"jti": "a"}, None, "none", {"typ": "dpop+jwt", "jwk": KEY.jwk}),
    ),
    "RS256": lambda: (
        jwt.encode(
            {"jti": "a", "htm": "POST", "htu": URL, "iat": SECONDS},
            RSA_KEY,
            "RS256",
            {"typ": "dpop+jwt", "jwk": RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True)},
        ),
    ),
    "HS256": lambda: (
        jwt.encode(
            {"jti": "a", "htm": "POST", "htu": URL, "iat": SECONDS},
            "k" * 32,
            "HS256",
            {"typ": "dpop+jwt", "jwk": {"kty": "oct", "k": "a2" * 16}},
        ),
    ),
    "of a key without its parts": lambda: (made(headers={"jwk": {"kty": "EC", "crv": "P-256"}}),),
}


@pytest.mark.parametrize("proofs", REFUSED.values(), ids=REFUSED)
def test_what_is_no_proof_of_this_call(proofs):
    with pytest.raises(InvalidDpopProof) as error:
        read(*proofs())
    assert (error.value.code, error.value.status) == ("invalid_dpop_proof", 400)


def test_a_minute_and_ten_seconds_of_another_clock_are_accepted():
    assert read(made(iat=SECONDS - 60))
    assert read(made(iat=SECONDS + 10))


def test_the_thumbprint_is_that_of_rfc_7638():
    # RFC 7638 section 3.1.
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJE"
        "CPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Q"
        "vzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6"
        "WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    jwk = {"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}

    assert thumbprint(jwk) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_a_certificate_is_known_by_its_digest():
    digest = hashlib.sha256(b"der").digest()

    assert certificate_thumbprint(b"der") == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(
    st.dictionaries(st.sampled_from(["jti", "htm", "htu", "iat", "ath"]), json_values),
    st.dictionaries(st.sampled_from(["typ", "jwk", "kid", "alg2"]), json_values),
)
def test_any_proof_is_accepted_or_refused(changed, headers):
    head = {"alg": "ES256", "typ": "dpop+jwt", "jwk": KEY.jwk} | headers
    claims = {"jti": "j", "htm": "POST", "htu": URL, "iat": SECONDS} | changed
    signing_input = ".".join(
        base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode()
        for each in (head, claims)
    )
    signature = ECAlgorithm(ECAlgorithm.SHA256).sign(signing_input.encode(), KEY.private)
    proof = f"{signing_input}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    try:
        found = read(proof)
    except InvalidDpopProof:
        return
    assert found.thumbprint == thumbprint(KEY.jwk)
    assert NOW - timedelta(seconds=1) < found.until <= NOW + timedelta(seconds=70)


def test_a_key_that_is_nested_without_end_is_no_key():
    """What the reader just takes, the writer may not."""
    for depth in range(900, 1000):
        jwk = KEY.jwk | {"x": json.loads("[" * 90 + "]" * 90)}
        header = json.dumps({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk})
        nested = header.replace("[" * 90 + "]" * 90, "[" * depth + "]" * depth)
        encoded = base64.urlsafe_b64encode(nested.encode()).rstrip(b"=").decode()
        with pytest.raises(InvalidDpopProof):
            read(f"{encoded}.e30.{'A' * 86}")
