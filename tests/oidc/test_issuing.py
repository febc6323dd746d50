"""What a grant adds to an assertion, and what it cannot change."""

from datetime import timedelta

import jwt
import pytest

from pairing_server.approvals.auth_request import Grant
from pairing_server.keys.signing import PUBLISHED_AFTER_USE, PUBLISHED_BEFORE_USE, REFRESH
from pairing_server.oidc.access import AccessToken
from pairing_server.registry import clients
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest
from tests.oidc.flows import issuer

NO_TIME = timedelta(0)


@pytest.fixture
def issued(desk, stores):
    """Issue the assertion of a login that was approved."""

    async def issue(**options):
        house, approvals, started = desk.house, desk.flow(), await desk.approved()
        client = await house.registry.read(lambda tx: clients.get(tx, desk.client_id))
        request = await approvals.for_client(started.auth_req_id, client.id, Grant.CIBA, NO_TIME)
        flow = issuer(house.ports, approvals, stores, house.settings)
        body = await flow.issue(request, client, **options)
        claims = jwt.decode(body["id_token"], options={"verify_signature": False})
        return body, claims

    return issue


async def test_what_the_grant_adds_is_asserted(issued):
    _, claims = await issued(extra={"nonce": "n", "sid": "s"})
    assert (claims["nonce"], claims["sid"]) == ("n", "s")
    assert "cnf" not in claims


async def test_what_the_grant_adds_changes_nothing_of_what_is_asserted(desk, issued):
    forged = dict.fromkeys(("iss", "sub", "aud", "exp", "acr", "uzi_number", "auth_time"), "x")
    _, claims = await issued(extra=forged)
    assert "x" not in claims.values()
    assert (claims["aud"], claims["uzi_number"]) == (
        desk.client_id,
        desk.house.holder.uzi_number,
    )


async def test_a_key_that_is_bound_is_asserted_and_kept_with_the_access_token(desk, issued):
    body, claims = await issued(confirmation={"jkt": "thumbprint"}, extra={"cnf": "other"})
    assert claims["cnf"] == {"jkt": "thumbprint"}
    tokens = Shelf(desk.house.store, "access-token", AccessToken)
    stored = await tokens.get(digest(body["access_token"]))
    assert stored.value.confirmation == {"jkt": "thumbprint"}


async def test_without_a_key_the_access_token_is_a_bearers(desk, issued):
    body, _ = await issued()
    tokens = Shelf(desk.house.store, "access-token", AccessToken)
    assert (await tokens.get(digest(body["access_token"]))).value.confirmation is None
    assert body["token_type"] == "Bearer"


async def key_set(house):
    async with house.http.get(f"{house.base_url}/jwks.json") as response:
        return jwt.PyJWKSet.from_dict(await response.json())


def verified(keys, token, client):
    key = keys[jwt.get_unverified_header(token)["kid"]]
    options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    return jwt.decode(token, key, ["ES256"], options, audience=client.id)["sub"]


async def test_a_rotation_of_the_servers_keys_fails_no_login(desk, client, stores, clock):
    """Who keeps the key set for as long as it is told to verifies what either key signed."""

    def fresh():
        now = int(clock().timestamp())
        return {"client_assertion": client.assertion(exp=now + 60, iat=now)}

    async def log_in():
        _, asked = await client.ask(**fresh())
        (request,) = await desk.phone.auth_requests()
        await desk.phone.approve(request, asked["binding_code"])
        status, body = await client.poll(asked["auth_req_id"], **fresh())
        assert status == 200, body
        return body["id_token"]

    clock.advance(PUBLISHED_BEFORE_USE)
    before, kept = await log_in(), await key_set(desk.house)
    await stores.keys.rotate("operator:test")
    clock.advance(REFRESH)
    after, fetched = await log_in(), await key_set(desk.house)
    assert jwt.get_unverified_header(before)["kid"] != jwt.get_unverified_header(after)["kid"]
    pairs = [(keys, token) for keys in (kept, fetched) for token in (before, after)]
    subjects = {verified(keys, token, client) for keys, token in pairs}
    assert len(subjects) == 1
    clock.advance(PUBLISHED_AFTER_USE)
    with pytest.raises(KeyError):
        verified(await key_set(desk.house), before, client)
