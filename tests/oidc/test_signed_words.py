"""Who signed what: the client its requests and its hints, this server its ID tokens."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from pairing_server.errors import InvalidRequest
from pairing_server.keys.signing import PUBLISHED_BEFORE_USE
from pairing_server.oidc.hints import EarlierLogin, UserName, UziNumber
from pairing_server.oidc.refusals import ExpiredLoginHintToken
from pairing_server.oidc.request_object import MAX_CHARACTERS, PARAMETERS, SKEW
from pairing_server.oidc.signed_words import SignedWords
from pairing_server.registry.client_metadata import Algorithm, ClientMetadata
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.settings import load
from pairing_server.tokens import digest
from tests.oidc.flows import key_sets
from tests.oidc.signing import hint_claims, request_claims, signed
from tests.valkey import run

ISSUER = "https://login.example"
KEY, OTHER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
RSA_KEY = rsa.generate_private_key(65537, 2048)
ED_KEY = ed25519.Ed25519PrivateKey.generate()
HIS = Client(
    id="his",
    name="HIS",
    jwks={
        "keys": [
            ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True),
            RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True),
            OKPAlgorithm.to_jwk(ED_KEY.public_key(), as_dict=True),
        ]
    },
    uras=("90000001",),
    redirect_uris=(),
    policy={},
    status=ClientStatus.ACTIVE,
    created_at=datetime(2026, 11, 22, tzinfo=UTC),
)
FAPI = replace(HIS, policy={"profile": "fapi-ciba", "algorithms": ["ES256", "EdDSA", "RS256"]})
ASKED = {"scope": "openid", "login_hint": "jansen"}


@pytest.fixture
def words(ports, stores):
    return SignedWords(ports, stores.keys, key_sets(load({})), ISSUER)


def request(key=KEY, algorithm="ES256", **changed):
    claims = request_claims("his", ISSUER, **ASKED) | changed
    return {"request": signed(claims, key, algorithm)}


async def refused(awaitable):
    with pytest.raises(InvalidRequest) as caught:
        await awaitable
    return caught.value.description


async def test_a_form_that_nobody_signed_is_taken_as_it_stands(words):
    assert await words.form(ASKED, HIS) == ASKED


async def test_a_signed_request_is_read(words):
    assert await words.form(request() | {"client_assertion": "x"}, HIS) == ASKED


async def test_a_profile_can_ask_for_signatures(words):
    assert "signed" in await refused(words.form(ASKED, FAPI))
    assert await words.form(request(), FAPI) == ASKED


@pytest.mark.parametrize("name", sorted(PARAMETERS))
async def test_nothing_stands_beside_a_signed_request(words, name):
    await refused(words.form(request() | {name: "x"}, HIS))


@pytest.mark.parametrize(
    ("key", "algorithm"), [(KEY, "ES256"), (RSA_KEY, "PS256"), (ED_KEY, "EdDSA")]
)
async def test_the_algorithms_of_the_policy_are_taken(words, key, algorithm):
    assert await words.form(request(key, algorithm), HIS) == ASKED


FORGED = {
    "another key": request(OTHER_KEY),
    "RS256": request(RSA_KEY, "RS256"),
    "none": request(None, "none"),
    "HS256": request("x" * 32, "HS256"),
    "no token": {"request": "eyJ"},
    "half a token": {"request": request()["request"].rpartition(".")[0]},
    "a signature that was changed": {"request": request()["request"][:-6] + "AAAAAA"},
    "too long": request(acr_values="x" * MAX_CHARACTERS),
    "of another client": request(iss="other"),
    "over": request(exp=1),
}


@pytest.mark.parametrize("form", FORGED.values(), ids=FORGED)
async def test_what_the_client_did_not_sign_so_is_refused(words, form):
    await refused(words.form(form, HIS))


async def test_by_the_profile_other_algorithms_are_refused_whatever_else_is_agreed(words):
    for key, algorithm in ((ED_KEY, "EdDSA"), (RSA_KEY, "RS256")):
        await refused(words.form(request(key, algorithm), FAPI))
        await refused(words.hint("login_hint_token", token(key, algorithm), FAPI))


async def test_the_registered_algorithm_is_the_only_one(words):
    registered = ClientMetadata(backchannel_authentication_request_signing_alg=Algorithm.PS256)
    client = replace(HIS, metadata=registered)
    assert await words.form(request(RSA_KEY, "PS256"), client) == ASKED
    await refused(words.form(request(), client))


async def test_a_request_is_shown_once(words):
    form = request()
    await words.form(form, HIS)
    assert "jti" in await refused(words.form(form, HIS))


async def test_of_many_that_show_one_request_at_once_one_is_heard(words):
    form = request()
    calls = (words.form(form, HIS) for _ in range(8))
    shown = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(call == ASKED for call in shown) == 1
    assert sum(isinstance(call, InvalidRequest) for call in shown) == 7


async def test_what_is_refused_does_not_use_up_the_jti(words):
    await refused(words.form(request(jti="one", exp=1), HIS))
    await refused(words.form(request(OTHER_KEY, jti="one"), HIS))
    assert await words.form(request(jti="one"), HIS) == ASKED


async def test_each_client_has_its_own_jti(words):
    await words.form(request(jti="one"), HIS)
    other = replace(HIS, id="other")
    assert await words.form(request(jti="one", iss="other"), other) == ASKED


async def test_a_jti_is_kept_for_as_long_as_the_request_counts(words, store, clock):
    now = int(clock().timestamp())
    await words.form(request(nbf=now, exp=now + 3600, jti="one"), HIS)
    left = await run(store, "TTL", f"request-object:his:{digest('one')}")
    assert 3600 <= left <= 3600 + SKEW.total_seconds()


def token(key=KEY, algorithm="ES256", subject=None, **changed):
    named = subject or {"format": "opaque", "id": "uzi:900000001"}
    return signed(hint_claims("his", ISSUER, named, **changed), key, algorithm)


async def test_a_hint_that_nobody_signs_is_read(words):
    assert await words.hint("login_hint", "uzi:900000001", HIS) == UziNumber("900000001")


async def test_a_hint_token_is_read_as_often_as_it_is_shown(words):
    subject = {"format": "account", "uri": "acct:jansen@login.example"}
    hint = token(subject=subject)
    for _ in range(2):
        assert await words.hint("login_hint_token", hint, HIS) == UserName("jansen")


@pytest.mark.parametrize(
    "hint",
    [
        token(OTHER_KEY),
        token(None, "none"),
        token(RSA_KEY, "RS256"),
        token(iss="other"),
        token(aud="https://other.example"),
        "eyJ",
    ],
)
async def test_a_hint_token_that_the_client_did_not_sign_so_is_refused(words, hint):
    await refused(words.hint("login_hint_token", hint, HIS))


async def test_a_hint_token_that_is_over_is_refused_by_its_own_name(words):
    with pytest.raises(ExpiredLoginHintToken):
        await words.hint("login_hint_token", token(exp=1), HIS)


ID_TOKEN = {"iss": ISSUER, "aud": "his", "sub": "pairwise", "jti": "one", "exp": 1, "nbf": 1}


async def test_an_id_token_of_ours_is_read_long_after_it_expired(words, stores):
    hint = await stores.keys.sign(ID_TOKEN)
    assert await words.hint("id_token_hint", hint, HIS) == EarlierLogin("one", "pairwise")


async def test_an_id_token_of_a_key_that_was_retired_is_read_while_it_is_published(
    words, stores, clock
):
    hint = await stores.keys.sign(ID_TOKEN)
    clock.advance(PUBLISHED_BEFORE_USE)
    await stores.keys.rotate("operator:test")
    assert await words.hint("id_token_hint", hint, HIS) == EarlierLogin("one", "pairwise")


async def test_an_id_token_of_a_key_that_others_have_is_not(words, stores):
    hint = await stores.keys.sign(ID_TOKEN)
    await stores.keys.rotate("operator:test", compromised=True)
    await refused(words.hint("id_token_hint", hint, HIS))


async def test_what_else_we_sign_is_no_id_token(words, stores):
    hint = await stores.keys.sign(ID_TOKEN, "logout+jwt")
    await refused(words.hint("id_token_hint", hint, HIS))


@pytest.mark.parametrize(
    "hint",
    [
        signed(ID_TOKEN, KEY),
        signed(ID_TOKEN, None, "none"),
        "eyJ",
    ],
)
async def test_an_id_token_that_we_did_not_sign_is_refused(words, hint):
    await refused(words.hint("id_token_hint", hint, HIS))


async def test_an_id_token_of_another_client_is_refused(words, stores):
    hint = await stores.keys.sign(ID_TOKEN | {"aud": "other"})
    await refused(words.hint("id_token_hint", hint, HIS))
