"""What tokens open, and that they open nothing once what they rest on has ended."""

from datetime import timedelta

import jwt
import pytest
import sqlalchemy as sa

from pairing_server.oidc.id_token import LIFETIME
from pairing_server.registry.tables import client as client_table
from pairing_server.registry.tables import membership
from tests.oidc.client import BareClient
from tests.oidc.dpop import DpopKey
from tests.registry.listings import written_past


async def change(desk, statement):
    await desk.house.registry.commit(lambda tx: written_past(tx, statement))


async def logged_in(desk, client, **form):
    started, request = await desk.ask(**form)
    await desk.phone.approve(request, started.binding_code)
    status, body = await client.poll(started.auth_req_id)
    assert status == 200, body
    return body


async def introspected(client, token):
    status, said = await client.post("/introspect", {"token": token})
    assert status == 200, said
    return said


async def userinfo(house, token, *, scheme="Bearer", proofs=(), method="GET"):
    headers = [("Authorization", f"{scheme} {token}"), *(("DPoP", proof) for proof in proofs)]
    async with house.http.request(
        method, f"{house.base_url}/userinfo", headers=headers
    ) as response:
        challenge = response.headers.get("WWW-Authenticate", "")
        body = await response.text()
        return response.status, response.content_type, body, challenge


async def test_introspection_tells_what_was_issued(desk, client):
    body = await logged_in(desk, client)
    claims = jwt.decode(body["id_token"], options={"verify_signature": False})
    said = await introspected(client, body["access_token"])
    told = {name: claims[name] for name in ("iss", "sub", "aud", "exp", "iat", "acr")}
    assert said == {
        "active": True,
        "client_id": client.id,
        "scope": body["scope"],
        "token_type": "Bearer",
        **told,
    }
    about_assertion = await introspected(client, body["id_token"])
    assert about_assertion == {name: said[name] for name in said if name != "token_type"}


async def test_what_was_issued_before_a_block_stays_closed_when_the_phone_is_unblocked(
    desk, client, clock
):
    """Who has blocked a phone does not know what its thief still holds."""
    body = await logged_in(desk, client)
    clock.advance(timedelta(seconds=1))
    await desk.block()
    await desk.unblock()
    for token in (body["access_token"], body["id_token"]):
        assert await introspected(client, token) == {"active": False}
    assert (await userinfo(desk.house, body["access_token"]))[0] == 401
    anew = await logged_in(desk, client)
    assert (await introspected(client, anew["access_token"]))["active"]


async def test_foreign_and_unknown_tokens_are_not_active(desk, client):
    body = await logged_in(desk, client)
    house = desk.house
    await house.workstation("Ander HIS")
    other = BareClient(house, house.client_id, house.client_key)
    for token in (body["access_token"], body["id_token"]):
        assert await introspected(other, token) == {"active": False}
        assert (await introspected(client, token))["active"]
    for token in ("x", body["access_token"] + "x", body["id_token"][:-1], "é"):
        assert await introspected(client, token) == {"active": False}


async def test_an_assertion_opens_no_userinfo(desk, client):
    body = await logged_in(desk, client)
    assert (await userinfo(desk.house, body["id_token"]))[0] == 401


async def test_introspection_is_for_clients_and_takes_a_token(client):
    assert (await client.send("/introspect", {"token": "x"}))[1]["error"] == "invalid_client"
    status, said = await client.post("/introspect", {})
    assert (status, said["error"]) == (400, "invalid_request")


async def block(desk):
    await desk.house.phone_status().block(desk.phone.credential_id, "operator:test")


async def revoke(desk):
    await desk.house.phone_status().revoke(desk.phone.credential_id, "operator:test")


async def unlink(desk):
    await change(desk, sa.delete(membership))


async def drop_organisation(desk):
    await change(desk, sa.text("DELETE FROM client_organisation"))


@pytest.mark.parametrize("end", [block, revoke, unlink, drop_organisation])
async def test_nothing_is_active_from_the_moment_its_ground_ends(desk, client, end):
    body = await logged_in(desk, client)
    assert (await introspected(client, body["access_token"]))["active"]
    await end(desk)
    for token in (body["access_token"], body["id_token"]):
        assert await introspected(client, token) == {"active": False}
    assert (await userinfo(desk.house, body["access_token"]))[0] == 401


async def test_tokens_are_over_after_five_minutes(desk, client, clock):
    body = await logged_in(desk, client)

    async def is_active(token):
        fresh = client.assertion(exp=int(clock().timestamp()) + 60)
        form = {"token": token, "client_assertion": fresh}
        return (await client.post("/introspect", form))[1]["active"]

    tokens = (body["access_token"], body["id_token"])
    clock.advance(LIFETIME - timedelta(seconds=5))
    assert [await is_active(token) for token in tokens] == [True, True]
    clock.advance(timedelta(seconds=5))
    assert [await is_active(token) for token in tokens] == [False, False]


async def test_userinfo_is_signed_for_who_is_registered_so(desk, client):
    signed = '{"userinfo_signed_response_alg": "ES256"}'
    await change(desk, sa.update(client_table).values(metadata=signed))
    body = await logged_in(desk, client)
    status, content_type, token, _ = await userinfo(desk.house, body["access_token"])
    assert (status, content_type) == (200, "application/jwt")
    async with desk.house.http.get(f"{desk.house.base_url}/jwks.json") as response:
        keys = jwt.PyJWKSet.from_dict(await response.json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, ["ES256"], audience=client.id, issuer=desk.house.base_url)
    assert claims["uzi_number"] == desk.house.holder.uzi_number


async def test_a_guest_is_told_from_the_organisations_own(desk, client):
    assert "membership" not in jwt.decode(
        (await logged_in(desk, client))["id_token"], options={"verify_signature": False}
    )
    await change(desk, sa.update(membership).values(kind="guest"))
    body = await logged_in(desk, client, scope="openid")
    claims = jwt.decode(body["id_token"], options={"verify_signature": False})
    assert claims["membership"] == "guest"


async def bound_login(desk, client, key):
    """Log in with a proof at the token endpoint."""
    started, request = await desk.ask()
    await desk.phone.approve(request, started.binding_code)
    form = {
        "grant_type": "urn:openid:params:grant-type:ciba",
        "auth_req_id": started.auth_req_id,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": client.assertion(),
    }
    url = f"{desk.house.base_url}/token"
    headers = {"DPoP": key.proof("POST", url)}
    async with desk.house.http.post(url, data=form, headers=headers) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def test_a_login_is_bound_to_a_key_from_the_token_endpoint_to_userinfo(desk, client):
    key, other = DpopKey(), DpopKey()
    await change(desk, sa.update(client_table).values(policy='{"sender_constraint": "dpop"}'))
    body = await bound_login(desk, client, key)
    token, url = body["access_token"], f"{desk.house.base_url}/userinfo"
    claims = jwt.decode(body["id_token"], options={"verify_signature": False})
    said = await introspected(client, token)
    assert body["token_type"] == said["token_type"] == "DPoP"
    assert set(claims["cnf"]) == {"jkt"}
    assert said["cnf"] == (await introspected(client, body["id_token"]))["cnf"] == claims["cnf"]

    fitting = key.proof("GET", url, token)
    assert (await userinfo(desk.house, token, scheme="DPoP", proofs=[fitting]))[0] == 200
    refused = {
        "again": await userinfo(desk.house, token, scheme="DPoP", proofs=[fitting]),
        "bearer": await userinfo(desk.house, token),
        "other": await userinfo(
            desk.house, token, scheme="DPoP", proofs=[other.proof("GET", url, token)]
        ),
    }
    assert {name: answer[0] for name, answer in refused.items()} == dict.fromkeys(refused, 401)
    assert 'DPoP error="invalid_dpop_proof"' in refused["again"][3]
    assert 'DPoP error="invalid_token"' in refused["bearer"][3]


async def test_a_client_that_has_to_prove_its_key_uses_up_nothing_without(desk, client):
    await change(desk, sa.update(client_table).values(policy='{"sender_constraint": "dpop"}'))
    started, request = await desk.ask()
    await desk.phone.approve(request, started.binding_code)
    status, said = await client.poll(started.auth_req_id)
    assert (status, said["error"]) == (400, "invalid_dpop_proof")
    assert (await desk.record(started)).status == "approved"
