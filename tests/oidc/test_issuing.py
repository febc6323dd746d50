"""What a grant adds to an assertion, and what it cannot change."""

from datetime import timedelta

import jwt
import pytest

from pairing_server.approvals.auth_request import Grant
from pairing_server.oidc.issuing import AccessToken
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
