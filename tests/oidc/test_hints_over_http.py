"""Each hint calls the same person to their phone, and each refusal has its name."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from pairing_server.registry import clients
from pairing_server.registry.client_metadata import GrantType
from pairing_server.registry.tables import client as client_table
from pairing_server.registry.tables import organisation
from pairing_server.settings import AssuranceLevel
from tests.oidc.client import BareClient
from tests.oidc.signing import hint_claims, signed
from tests.oidc.test_redemption import change

SUBJECT = {"format": "opaque", "id": "uzi:900000009"}


def hinted(client, key=None, subject=None, **changed):
    uzi = {"format": "opaque", "id": f"uzi:{client.house.holder.uzi_number}"}
    claims = hint_claims(client.id, client.house.base_url, subject or uzi, **changed)
    return {"login_hint": None, "login_hint_token": signed(claims, key or client.key)}


async def login(desk, client):
    """Log in, and return the ID token."""
    _, body = await client.ask()
    (request,) = await desk.phone.auth_requests()
    await desk.phone.approve(request, body["binding_code"])
    _, tokens = await client.poll(body["auth_req_id"])
    return tokens["id_token"]


async def test_a_signed_hint_calls_the_person(desk, client):
    status, body = await client.ask(**hinted(client))
    assert status == 200
    (request,) = await desk.phone.auth_requests()
    await desk.phone.approve(request, body["binding_code"])
    assert (await client.poll(body["auth_req_id"]))[0] == 200


async def test_a_signed_hint_of_nobody_runs_out(desk, client):
    status, _ = await client.ask(**hinted(client, subject=SUBJECT))
    assert status == 200
    assert await desk.phone.auth_requests() == []


async def test_an_earlier_id_token_calls_the_person(desk, client):
    id_token = await login(desk, client)
    status, _ = await client.ask(login_hint=None, id_token_hint=id_token)
    assert status == 200
    assert len(await desk.phone.auth_requests()) == 1


async def test_an_id_token_of_another_client_calls_nobody(house, desk, client):
    id_token = await login(desk, client)
    await house.workstation("Another")
    another = BareClient(house, house.client_id, house.client_key)
    status, body = await another.ask(login_hint=None, id_token_hint=id_token)
    assert (status, body["error"]) == (400, "invalid_request")
    assert await desk.phone.auth_requests() == []


async def test_a_hint_that_is_over_is_said_to_be(client):
    status, body = await client.ask(**hinted(client, exp=1))
    assert (status, body["error"]) == (400, "expired_login_hint_token")


async def test_a_hint_that_another_client_signed_is_refused(house, desk, client):
    await house.workstation("Another")
    status, body = await client.ask(**hinted(client, key=house.client_key))
    assert (status, body["error"]) == (400, "invalid_request")


async def test_a_level_that_nobody_reaches_calls_nobody(desk, client):
    status, body = await client.ask(acr_values=AssuranceLevel.HIGH)
    assert (status, body["error"]) == (400, "unmet_authentication_requirements")
    # The same answer for who is not there.
    assert await client.ask(acr_values=AssuranceLevel.HIGH, login_hint="nobody") == (status, body)
    assert await desk.phone.auth_requests() == []


@pytest.mark.parametrize("asked", [f"{AssuranceLevel.HIGH} {AssuranceLevel.LOW}", "gold"])
async def test_a_level_that_may_be_reached_or_is_not_known_is_taken(client, asked):
    assert (await client.ask(acr_values=asked))[0] == 200


async def test_the_level_is_the_organisations(desk, client):
    low = '{"verdicts": ["unknown"], "synced": "low"}'
    await change(desk, sa.update(organisation).values(key_policy=low))
    status, body = await client.ask(acr_values=AssuranceLevel.SUBSTANTIAL)
    assert (status, body["error"]) == (400, "unmet_authentication_requirements")


async def test_a_client_that_is_registered_for_another_grant_alone_is_refused(desk, client):
    def change_grants(tx):
        his = clients.get(tx, desk.client_id)
        other = (GrantType.DEVICE_CODE,)
        metadata = type(his.metadata)(grant_types=other)
        clients.update(tx, replace(his, metadata=metadata))

    await desk.house.registry.commit(change_grants)
    status, body = await client.ask()
    assert (status, body["error"]) == (400, "unauthorized_client")
    status, body = await client.poll("x")
    assert (status, body["error"]) == (400, "unauthorized_client")


async def test_a_client_that_is_not_to_know_hears_of_nobody_without_a_phone(desk, client):
    await desk.block()
    assert (await client.ask())[1]["error"] == "unknown_user_id"
    policy = '{"knows_users": "none"}'
    await change(desk, sa.update(client_table).values(policy=policy))
    assert (await client.ask())[0] == 200
