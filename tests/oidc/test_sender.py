"""To whom tokens are bound, by policy and by what was shown; and each proof once."""

import asyncio
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pairing_server.errors import InvalidRequest, Unauthenticated
from pairing_server.oidc.confirmation import certificate_thumbprint, thumbprint
from pairing_server.oidc.refusals import (
    DpopChallenge,
    DpopProofRefused,
    InvalidDpopProof,
    UseDpopNonce,
)
from pairing_server.oidc.sender import SenderConstraints, Shown
from pairing_server.ports import Ports
from pairing_server.registry.client_metadata import read
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.uzi.client_cert import ClientCertificate
from tests.oidc.dpop import DpopKey

ORIGINS = ("https://login.example", "https://login.example:8443")
KNOWN = Client(
    id="his",
    name="HIS",
    jwks={},
    uras=(),
    redirect_uris=(),
    policy={},
    status=ClientStatus.ACTIVE,
    created_at=datetime(2026, 11, 26, tzinfo=UTC),
)
CERTIFICATE = ClientCertificate(b"one")
KEY, OTHER = DpopKey(), DpopKey()
BY_DPOP = (
    replace(KNOWN, policy={"sender_constraint": "dpop"}),
    replace(KNOWN, metadata=read({"dpop_bound_access_tokens": True})),
)
BY_CERTIFICATE = (
    replace(KNOWN, policy={"sender_constraint": "mtls"}),
    replace(KNOWN, metadata=read({"tls_client_certificate_bound_access_tokens": True})),
)


@pytest.fixture
def senders(registry, store, clock):
    return SenderConstraints(
        Ports(registry, store, clock, secrets.token_bytes), ORIGINS, b"k" * 32
    )


def proof(key=KEY, path="/token", method="POST", origin=ORIGINS[0], token=None, **changed):
    return key.proof(method, origin + path, token, **changed)


def shown(*proofs, certificate=None, method="POST", path="/token"):
    return Shown(method, path, proofs, certificate)


async def test_where_nothing_is_agreed_and_nothing_shown_a_token_is_a_bearers(senders):
    assert await senders.confirmation(KNOWN, shown()) is None
    # A certificate that authenticates binds nothing by itself.
    assert await senders.confirmation(KNOWN, shown(certificate=CERTIFICATE)) is None


@pytest.mark.parametrize("client", [KNOWN, *BY_DPOP])
@pytest.mark.parametrize("origin", ORIGINS)
async def test_a_proof_binds(senders, client, origin):
    bound = await senders.confirmation(client, shown(proof(origin=origin)))
    assert bound == {"jkt": thumbprint(KEY.jwk)}


@pytest.mark.parametrize("client", BY_DPOP)
async def test_who_has_to_prove_and_does_not_gets_none(senders, client):
    with pytest.raises(InvalidDpopProof):
        await senders.confirmation(client, shown())


@pytest.mark.parametrize("client", BY_CERTIFICATE)
async def test_a_certificate_binds_and_has_to_be_there(senders, client):
    bound = await senders.confirmation(client, shown(certificate=CERTIFICATE))
    assert bound == {"x5t#S256": certificate_thumbprint(b"one")}
    with pytest.raises(InvalidRequest, match=r"^$"):
        await senders.confirmation(client, shown())


async def test_by_the_profile_whatever_is_shown_binds_and_something_has_to_be(senders):
    client = replace(KNOWN, policy={"profile": "fapi-ciba"})
    certified = certificate_thumbprint(CERTIFICATE.leaf)
    proved = await senders.confirmation(client, shown(proof()))
    assert set(proved) == {"jkt"}
    by_certificate = await senders.confirmation(client, shown(certificate=CERTIFICATE))
    assert by_certificate == {"x5t#S256": certified}
    with pytest.raises(InvalidRequest):
        await senders.confirmation(client, shown())


async def test_a_proof_is_taken_once_however_many_show_it(senders):
    once = shown(proof())
    calls = [senders.confirmation(KNOWN, once) for _ in range(16)]
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(each, dict) for each in done) == 1
    assert sum(isinstance(each, InvalidDpopProof) for each in done) == 15


async def test_two_keys_may_draw_the_same_jti(senders):
    for key in (KEY, OTHER):
        assert await senders.confirmation(KNOWN, shown(proof(key, jti="one")))


async def test_a_proof_that_does_not_hold_uses_up_no_jti(senders):
    with pytest.raises(InvalidDpopProof):
        await senders.confirmation(KNOWN, shown(proof(jti="mine", method="GET")))
    assert await senders.confirmation(KNOWN, shown(proof(jti="mine")))


BOUND = {"jkt": thumbprint(KEY.jwk)}
USERINFO = {"path": "/userinfo", "method": "GET"}


async def test_the_key_of_a_token_opens_it(senders):
    fitting = shown(proof(token="t", **USERINFO), **USERINFO)
    await senders.check(BOUND, "t", fitting, by_dpop=True)
    with pytest.raises(DpopProofRefused):
        await senders.check(BOUND, "t", fitting, by_dpop=True)


@pytest.mark.parametrize(
    ("refusal", "by_dpop", "proofs"),
    [
        (DpopChallenge, False, lambda: ()),
        (DpopChallenge, False, lambda: (proof(token="t", **USERINFO),)),
        (DpopChallenge, True, lambda: (proof(OTHER, token="t", **USERINFO),)),
        (DpopProofRefused, True, lambda: ()),
        (DpopProofRefused, True, lambda: (proof(**USERINFO),)),
        (DpopProofRefused, True, lambda: (proof(token="u", **USERINFO),)),
        (DpopProofRefused, True, lambda: (proof(token="t"),)),
    ],
)
async def test_nothing_else_opens_a_token_that_is_bound_by_dpop(senders, refusal, by_dpop, proofs):
    with pytest.raises(refusal) as error:
        await senders.check(BOUND, "t", shown(*proofs(), **USERINFO), by_dpop=by_dpop)
    assert error.value.status == 401
    assert error.value.challenge.startswith("DPoP error=")
    assert 'algs="ES256 PS256 EdDSA"' in error.value.challenge


async def test_a_token_that_is_not_bound_is_not_shown_as_if_it_were(senders):
    await senders.check({}, "t", shown(**USERINFO), by_dpop=False)
    fitting = shown(proof(token="t", **USERINFO), **USERINFO)
    with pytest.raises(DpopChallenge):
        await senders.check({}, "t", fitting, by_dpop=True)


async def test_the_certificate_of_a_token_opens_it_and_no_other(senders):
    bound = {"x5t#S256": certificate_thumbprint(b"one")}
    await senders.check(bound, "t", shown(certificate=CERTIFICATE, **USERINFO), by_dpop=False)
    for other in (None, ClientCertificate(b"two")):
        with pytest.raises(Unauthenticated):
            await senders.check(bound, "t", shown(certificate=other, **USERINFO), by_dpop=False)


WITH_NONCE = replace(KNOWN, policy={"sender_constraint": "dpop", "dpop_nonce": True})


async def nonce_for(senders, client, made):
    with pytest.raises(UseDpopNonce) as told:
        await senders.confirmation(client, shown(made))
    assert told.value.headers["Cache-Control"] == "no-store"
    return told.value.headers["DPoP-Nonce"]


async def test_a_proof_with_the_nonce_that_was_given_binds(senders):
    given = await nonce_for(senders, WITH_NONCE, proof())
    bound = await senders.confirmation(WITH_NONCE, shown(proof(nonce=given)))
    assert bound == {"jkt": thumbprint(KEY.jwk)}


async def test_a_nonce_is_one_clients_and_of_now(senders, clock):
    given = await nonce_for(senders, WITH_NONCE, proof())
    other = replace(WITH_NONCE, id="other")
    assert await nonce_for(senders, other, proof(nonce=given)) != given
    clock.advance(timedelta(minutes=2))
    later = int(clock().timestamp())
    assert await nonce_for(senders, WITH_NONCE, proof(nonce=given, iat=later)) != given


async def test_a_proof_with_a_nonce_is_good_once(senders):
    given = await nonce_for(senders, WITH_NONCE, proof())
    made = proof(nonce=given)
    await senders.confirmation(WITH_NONCE, shown(made))
    with pytest.raises(InvalidDpopProof):
        await senders.confirmation(WITH_NONCE, shown(made))


async def test_what_does_not_hold_is_told_no_nonce(senders):
    with pytest.raises(InvalidDpopProof):
        await senders.confirmation(WITH_NONCE, shown(proof(path="/par")))


async def test_who_has_agreed_no_nonce_may_show_any(senders):
    assert await senders.confirmation(BY_DPOP[0], shown(proof(nonce="x")))


async def test_with_a_token_no_nonce_is_asked_for(senders):
    """Its proofs name the token, which nobody could sign for before there was one."""
    bound, made = {"jkt": thumbprint(KEY.jwk)}, proof(path="/userinfo", method="GET", token="t")
    await senders.check(bound, "t", shown(made, method="GET", path="/userinfo"), by_dpop=True)
