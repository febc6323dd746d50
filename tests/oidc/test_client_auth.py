"""`private_key_jwt`: one assertion of this client, for this server, now, once."""

import asyncio
import hmac
import json
import secrets
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from pairing_server.oidc.client_auth import ClientAuthentication, check_claims
from pairing_server.oidc.client_key_sets import ClientKeySets
from pairing_server.oidc.refusals import InvalidClient
from pairing_server.ports import Ports
from pairing_server.registry import clients
from pairing_server.registry.client_metadata import AuthMethod, ClientMetadata
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.uzi.client_cert import ClientCertificate
from tests.card_tls import der
from tests.doubles import FrozenClock
from tests.oidc.client import ASSERTION_TYPE, claims, part
from tests.oidc.client_ca import SUBJECT, ClientCa

ISSUER = "https://login.example"
KEY, RSA_KEY = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
SHORT_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505  (that is the point)
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())


def jwk(key, **members):
    if isinstance(key, rsa.RSAPrivateKey):
        return RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | members
    return ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | members


KNOWN = Client(
    id="his",
    name="HIS",
    jwks={
        "keys": [
            jwk(KEY, kid="a", alg="ES256"),
            jwk(RSA_KEY, kid="r", alg="PS256"),
            jwk(RSA_KEY, kid="old", alg="RS256"),
            jwk(SHORT_KEY, kid="short", alg="PS256"),
            {"kty": "oct", "k": part(b"k" * 32), "kid": "s", "alg": "HS256"},
            {"kty": "strange"},
        ]
    },
    uras=(),
    redirect_uris=(),
    policy={},
    status=ClientStatus.ACTIVE,
    created_at=datetime(2026, 11, 22, tzinfo=UTC),
)

CA = ClientCa()
CERTIFICATE = CA.issue()
BY_NAME = ClientMetadata(
    token_endpoint_auth_method=AuthMethod.TLS_CLIENT_AUTH, tls_client_auth_subject_dn=SUBJECT
)


@pytest.fixture
async def authentication(registry, store, clock):
    def register(tx):
        clients.add(tx, KNOWN)
        clients.add(tx, replace(KNOWN, id="other", jwks={"keys": [jwk(OTHER_KEY)]}))
        clients.add(tx, replace(KNOWN, id="gone", status=ClientStatus.CLOSED))
        clients.add(tx, replace(KNOWN, id="xis", metadata=BY_NAME))

    await registry.commit(register)
    ports = Ports(registry, store, clock, secrets.token_bytes)
    # Nobody here has a `jwks_uri`.
    return ClientAuthentication(
        ports, ClientKeySets(None, time.monotonic), ISSUER, authorities=[CA.root.certificate]
    )


def signed(key=KEY, algorithm="ES256", headers=None, **changed):
    return jwt.encode(claims("his", ISSUER, **changed), key, algorithm, headers)


def form(assertion, **changed):
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion} | changed


async def refused(authentication, assertion, **changed):
    with pytest.raises(InvalidClient) as error:
        await authentication.authenticate(form(assertion, **changed))
    assert (error.value.status, error.value.code) == (401, "invalid_client")
    return error.value


@pytest.mark.parametrize(
    "assertion",
    [
        signed,
        lambda: signed(headers={"kid": "a"}),
        lambda: signed(RSA_KEY, "PS256"),
        lambda: signed(RSA_KEY, "PS256", {"kid": "r"}),
        lambda: signed(aud=[ISSUER, ISSUER + "/token"]),
        lambda: signed(aud=ISSUER + "/token"),
        lambda: signed(aud=[ISSUER + "/bc-authorize"]),
        lambda: signed(iat=None),
    ],
)
async def test_the_client_that_signed(authentication, assertion):
    assertion = assertion()
    assert (await authentication.authenticate(form(assertion))).id == "his"
    await refused(authentication, assertion)


async def test_the_client_id_may_stand_beside(authentication):
    found = await authentication.authenticate(form(signed(), client_id="his"))
    assert found.id == "his"


async def test_another_client_id_beside_is_refused(authentication):
    await refused(authentication, signed(), client_id="other")


def hs256_with(secret):
    signing_input = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims('his', ISSUER))}"
    mac = hmac.new(secret, signing_input.encode(), "sha256").digest()
    return f"{signing_input}.{part(mac)}"


def spki(key, encoding=serialization.Encoding.PEM):
    return key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)


def tampered():
    head, _, signature = signed().split(".")
    return f"{head}.{part(claims('his', ISSUER))}.{signature}"


def hand_made(header, payload, key=KEY):
    """Sign what no library would."""
    signing_input = f"{part(header)}.{part(payload)}"
    algorithm = ECAlgorithm(ECAlgorithm.SHA256)
    return f"{signing_input}.{part(algorithm.sign(signing_input.encode(), key))}"


def hand_made_pkcs1():
    signing_input = f"{part({'alg': 'RS256', 'kid': 'r'})}.{part(claims('his', ISSUER))}"
    signature = RSA_KEY.sign(signing_input.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signing_input}.{part(signature)}"


def hand_made_with_a_short_key():
    signing_input = f"{part({'alg': 'PS256', 'kid': 'short'})}.{part(claims('his', ISSUER))}"
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
    return f"{signing_input}.{part(SHORT_KEY.sign(signing_input.encode(), pss, hashes.SHA256()))}"


FORGED = {
    "alg none": lambda: jwt.encode(claims("his", ISSUER), None, "none"),
    "alg none, in capitals": lambda: f"{part({'alg': 'None'})}.{part(claims('his', ISSUER))}.",
    "no alg": lambda: f"{part({})}.{part(claims('his', ISSUER))}.",
    "alg a list": lambda: hand_made({"alg": ["ES256"]}, claims("his", ISSUER)),
    "HS256 with the public key as PEM": lambda: hs256_with(spki(KEY)),
    "HS256 with the public key as DER": lambda: hs256_with(spki(KEY, serialization.Encoding.DER)),
    "HS256 with the public key as JWK": lambda: hs256_with(json.dumps(jwk(KEY)).encode()),
    "HS256 with a registered secret": lambda: hs256_with(b"k" * 32),
    "RS256 with the key for PS256": lambda: signed(RSA_KEY, "RS256", {"kid": "r"}),
    "RS256 with a registered key for RS256": lambda: signed(RSA_KEY, "RS256", {"kid": "old"}),
    "RS256 by hand": hand_made_pkcs1,
    "a key that is too short": hand_made_with_a_short_key,
    "the wrong key": lambda: signed(OTHER_KEY),
    "the wrong key under a known kid": lambda: signed(OTHER_KEY, headers={"kid": "a"}),
    "the key in the header": lambda: signed(OTHER_KEY, headers={"jwk": jwk(OTHER_KEY)}),
    "the wrong kid": lambda: signed(headers={"kid": "b"}),
    "the kid of another key": lambda: signed(headers={"kid": "r"}),
    "kid a number": lambda: hand_made({"alg": "ES256", "kid": 5}, claims("his", ISSUER)),
    "kid an object": lambda: hand_made({"alg": "ES256", "kid": {}}, claims("his", ISSUER)),
    "changed claims": tampered,
    "without signature": lambda: ".".join(signed().split(".")[:2]) + ".",
    "critical extension": lambda: signed(headers={"crit": ["exp"], "exp": 1}),
    "detached payload": lambda: signed(headers={"crit": ["b64"], "b64": False}),
}


@pytest.mark.parametrize("assertion", FORGED.values(), ids=FORGED)
async def test_a_forged_assertion(authentication, assertion):
    await refused(authentication, assertion())


CLAIMS = {
    "no exp": {"exp": None},
    "no jti": {"jti": None},
    "no aud": {"aud": None},
    "no iss": {"iss": None},
    "no sub": {"sub": None},
    "expired": {"exp": int(time.time()) - 1},
    "expires too far ahead": {"exp": int(time.time()) + 3600},
    "never expires": {"exp": 2**62},
    "expires before time": {"exp": -(2**62)},
    "exp a text": {"exp": str(int(time.time()) + 60)},
    "exp a truth": {"exp": True},
    "exp a list": {"exp": [int(time.time()) + 60]},
    "exp not a number": {"exp": float("nan")},
    "exp without end": {"exp": float("inf")},
    "nbf ahead": {"nbf": int(time.time()) + 3600},
    "nbf a text": {"nbf": "now"},
    "iat ahead": {"iat": int(time.time()) + 3600},
    "iat not a number": {"iat": float("nan")},
    "another issuer": {"iss": "other"},
    "another subject": {"sub": "other"},
    "unknown": {"iss": "nobody", "sub": "nobody"},
    "closed": {"iss": "gone", "sub": "gone"},
    "another client's": {"iss": "other", "sub": "other"},
    "iss a list": {"iss": ["his"]},
    "sub a list": {"sub": ["his"]},
    "sub empty": {"iss": "", "sub": ""},
    "sub half a character": {"iss": "\ud800", "sub": "\ud800"},
    "sub with NUL": {"iss": "his\0", "sub": "his\0"},
    "aud another": {"aud": "https://elsewhere.example"},
    "aud longer": {"aud": ISSUER + "/"},
    "aud in capitals": {"aud": ISSUER.upper()},
    "aud another endpoint": {"aud": ISSUER + "/userinfo"},
    "aud a list with another": {"aud": [ISSUER, "https://elsewhere.example"]},
    "aud a list with a number": {"aud": [ISSUER, 1]},
    "aud a list of others": {"aud": ["https://elsewhere.example"]},
    "aud a list in a list": {"aud": [[ISSUER]]},
    "aud empty": {"aud": []},
    "aud an object": {"aud": {ISSUER: 1}},
    "aud a number": {"aud": 1},
    "jti a number": {"jti": 1},
    "jti empty": {"jti": ""},
    "jti too long": {"jti": "x" * 257},
    "jti half a character": {"jti": "\ud800"},
}


@pytest.mark.parametrize("changed", CLAIMS.values(), ids=CLAIMS)
async def test_a_claim_that_does_not_hold(authentication, changed):
    await refused(authentication, hand_made({"alg": "ES256"}, claims("his", ISSUER, **changed)))


MALFORMED = {
    "empty": lambda: "",
    "no token": lambda: "x",
    "five parts": lambda: "a.b.c.d.e",
    "not base64": lambda: "!.!.!",
    "header a list": lambda: hand_made([], claims("his", ISSUER)),
    "header deep": lambda: hand_made(b"[" * 5000, claims("his", ISSUER)),
    "header deep objects": lambda: hand_made(b'{"a":' * 1000, claims("his", ISSUER)),
    "payload deep": lambda: hand_made({"alg": "ES256"}, b"[" * 5000),
    "payload a list": lambda: hand_made({"alg": "ES256"}, []),
    "payload no JSON": lambda: hand_made({"alg": "ES256"}, b"\xff"),
    "exp of 1e400": lambda: hand_made(
        {"alg": "ES256"},
        json.dumps(claims("his", ISSUER, exp=7)).replace("7", "1e400").encode(),
    ),
    "huge": lambda: signed(more="x" * 9000),
    "huge number": lambda: hand_made({"alg": "ES256"}, b'{"sub": ' + b"9" * 5000 + b"}"),
    "not ASCII": lambda: "\u00e9.\u00e9.\u00e9",
    "half a character": lambda: "\ud800.a.b",
}


@pytest.mark.parametrize("assertion", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_no_assertion(authentication, assertion):
    await refused(authentication, assertion())


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"client_assertion": "signed"},
        {"client_assertion_type": ASSERTION_TYPE},
        {"client_assertion": "signed", "client_assertion_type": "urn:example:saml2-bearer"},
        {"client_id": "his", "client_secret": "secret"},
    ],
)
async def test_any_other_way_to_authenticate(authentication, sent):
    sent = {name: signed() if value == "signed" else value for name, value in sent.items()}
    with pytest.raises(InvalidClient):
        await authentication.authenticate(sent)


async def test_an_assertion_is_taken_once_however_many_show_it(authentication):
    assertion = signed()
    shown = [authentication.authenticate(form(assertion)) for _ in range(32)]
    done = await asyncio.gather(*shown, return_exceptions=True)
    assert sum(isinstance(result, Client) for result in done) == 1
    assert sum(isinstance(result, InvalidClient) for result in done) == 31


async def test_one_jti_is_one_assertion_whatever_else_it_says(authentication):
    await authentication.authenticate(form(signed(jti="one")))
    await refused(authentication, signed(jti="one", exp=int(time.time()) + 90))


async def test_two_clients_may_draw_the_same_jti(authentication):
    await authentication.authenticate(form(signed(jti="one")))
    theirs = signed(OTHER_KEY, jti="one", iss="other", sub="other")
    assert (await authentication.authenticate(form(theirs))).id == "other"


async def test_a_forged_assertion_uses_up_no_jti(authentication):
    await refused(authentication, signed(OTHER_KEY, jti="mine"))
    await refused(authentication, signed(jti="mine", aud="https://elsewhere.example"))
    assert (await authentication.authenticate(form(signed(jti="mine")))).id == "his"


async def test_every_refusal_looks_the_same(authentication):
    seen = [
        await refused(authentication, assertion)
        for assertion in (signed(OTHER_KEY), signed(iss="nobody", sub="nobody"), "x")
    ]
    assert len({(error.description, str(error.members)) for error in seen}) == 1


def shown(issued):
    return ClientCertificate(der(issued.certificate), tuple(map(der, issued.chain)))


async def test_the_client_whose_certificate_was_shown(authentication):
    for _ in range(2):
        found = await authentication.authenticate({"client_id": "xis"}, shown(CERTIFICATE))
        assert found.id == "xis"


@pytest.mark.parametrize(
    ("sent", "issued"),
    [
        ({"client_id": "xis"}, CA.issue("CN=other")),
        ({"client_id": "xis"}, ClientCa().issue()),
        ({"client_id": "xis"}, None),
        ({}, CERTIFICATE),
        ({"client_id": "nobody"}, CERTIFICATE),
        ({"client_id": "xis\ud800"}, CERTIFICATE),
        # Registered for signatures.
        ({"client_id": "his"}, CERTIFICATE),
    ],
)
async def test_any_other_certificate_or_client(authentication, sent, issued):
    with pytest.raises(InvalidClient):
        await authentication.authenticate(sent, issued and shown(issued))


async def test_who_is_registered_by_certificate_signs_nothing(authentication):
    await refused(authentication, signed(iss="xis", sub="xis"))
    with pytest.raises(InvalidClient):
        await authentication.authenticate(
            form(signed(iss="xis", sub="xis"), client_id="xis"), shown(CERTIFICATE)
        )


async def test_a_certificate_beside_a_signature_changes_nothing(authentication):
    assert (await authentication.authenticate(form(signed()), shown(CERTIFICATE))).id == "his"


NOW = FrozenClock()()
SECONDS = int(NOW.timestamp())


def checked(**changed):
    made = claims("his", ISSUER, exp=SECONDS + 60, iat=SECONDS) | changed
    return check_claims(made, "his", frozenset({ISSUER}), NOW)


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_ten_seconds_of_another_clock_are_accepted(name):
    assert checked(**{name: SECONDS + 10}) == NOW + timedelta(seconds=60)
    with pytest.raises(InvalidClient):
        checked(**{name: SECONDS + 10.5})


def test_an_assertion_lives_for_ten_minutes_and_a_skew_at_most():
    assert checked(exp=SECONDS + 610) == NOW + timedelta(seconds=610)
    for exp in (SECONDS + 611, SECONDS, SECONDS - 0.5):
        with pytest.raises(InvalidClient):
            checked(exp=exp)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
NAMES = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"]


@given(st.dictionaries(st.sampled_from(NAMES), json_values))
def test_any_claims_are_accepted_or_refused(changed):
    try:
        expires_at = checked(**changed)
    except InvalidClient:
        return
    assert NOW < expires_at <= NOW + timedelta(minutes=10, seconds=10)
