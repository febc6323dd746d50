"""An ID token comes back as a hint: ours, of any age, and nothing else that we signed."""

import jwt
import pytest

from pairing_server.oidc.id_token_hint import MAX_CHARACTERS, read_own

ISSUER = "https://op.example"
CLAIMS = {"iss": ISSUER, "aud": "his", "sub": "p", "jti": "j", "auth_time": 1, "exp": 2}


@pytest.fixture
async def keys(stores):
    return stores.keys


async def hint(keys, claims=CLAIMS, kind="JWT"):
    token = await keys.sign(claims, kind)
    return read_own(token, await keys.authentic_jwks(), ISSUER)


async def test_ours_is_read_however_old(keys):
    assert await hint(keys) == CLAIMS


async def test_ours_is_read_however_far_ahead_the_clock_was_that_issued_it(keys):
    ahead = CLAIMS | {"iat": 2**40, "nbf": 2**40}

    assert await hint(keys, ahead) == ahead


@pytest.mark.parametrize(
    "claims",
    [
        CLAIMS | {"iss": "https://evil.example"},
        CLAIMS | {"aud": ["his"]},
        {name: value for name, value in CLAIMS.items() if name != "auth_time"},
        {name: value for name, value in CLAIMS.items() if name != "sub"},
    ],
)
async def test_what_is_no_id_token_of_ours_is_not(keys, claims):
    assert await hint(keys, claims) is None


async def test_what_we_signed_as_something_else_is_not(keys):
    assert await hint(keys, kind="logout+jwt") is None


async def test_what_others_signed_is_not(keys):
    jwks = await keys.authentic_jwks()
    other = jwt.encode(CLAIMS, "s" * 32, "HS256", headers={"kid": jwks[0]["kid"]})
    unsigned = jwt.encode(CLAIMS, None, "none", headers={"kid": jwks[0]["kid"]})
    token = await keys.sign(CLAIMS)

    for each in (other, unsigned, f"{token[:-4]}AAAA", "x", "", "a.b.c", "." * MAX_CHARACTERS * 2):
        assert read_own(each, jwks, ISSUER) is None
    assert read_own(token, [], ISSUER) is None
