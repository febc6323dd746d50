"""What a client does by itself: as far as was agreed, for five minutes, with its own key."""

from dataclasses import replace

import pytest

from pairing_server.errors import Unauthenticated
from pairing_server.oidc.client_credentials import LIFETIME, MachineTokens
from pairing_server.oidc.client_policy import MachineScope
from pairing_server.oidc.refusals import DpopChallenge, InsufficientScope
from pairing_server.oidc.sender import SenderConstraints, Shown
from pairing_server.registry import clients
from pairing_server.registry.client_metadata import ClientMetadata, GrantType
from pairing_server.registry.clients import ClientStatus
from tests.oidc.client import BareClient
from tests.oidc.dpop import DpopKey

GRANT = {"grant_type": "client_credentials"}
REGISTERED = ClientMetadata(grant_types=(GrantType.CLIENT_CREDENTIALS,))
READ, MANAGE, ADMIN = MachineScope
PATH = "/ssf/streams"


async def machine(house, *scopes, metadata=REGISTERED, **policy):
    await house.add_organisation()
    await house.workstation("SIEM", metadata=metadata, machine_scopes=list(scopes), **policy)
    return BareClient(house, house.client_id, house.client_key)


def tokens_of(house):
    return MachineTokens(house.ports, SenderConstraints(house.ports, (house.base_url,), b"k" * 32))


async def shown(house, token, *scopes, by_dpop=False, proofs=()):
    here = Shown("GET", PATH, proofs)
    return await tokens_of(house).check(token, here, scopes, by_dpop=by_dpop)


async def change(house, **changed):
    def edit(tx):
        found = clients.get_for_update(tx, house.client_id)
        clients.update(tx, replace(found, **changed))

    await house.registry.commit(edit)


async def test_a_client_gets_what_it_asks_for_and_was_agreed(house):
    client = await machine(house, READ, ADMIN)
    status, body = await client.post("/token", GRANT | {"scope": "admin ssf.manage openid"})

    assert status == 200
    token = body.pop("access_token")
    assert body == {"token_type": "Bearer", "expires_in": 300, "scope": "admin"}
    assert (await shown(house, token, ADMIN)).id == client.id


async def test_who_names_no_scope_gets_all_that_was_agreed(house):
    client = await machine(house, MANAGE, READ)
    _, body = await client.post("/token", GRANT)

    assert body["scope"] == "ssf.read ssf.manage"


@pytest.mark.parametrize("scope", ["admin", "openid", "nothing", "ssf"])
async def test_nothing_is_given_that_was_not_agreed(house, scope):
    client = await machine(house, READ)
    status, body = await client.post("/token", GRANT | {"scope": scope})

    assert (status, body["error"]) == (400, "invalid_scope")


async def test_a_client_has_to_be_registered_for_it(house):
    client = await machine(house, READ, metadata=ClientMetadata())
    status, body = await client.post("/token", GRANT)

    assert (status, body["error"]) == (400, "unauthorized_client")


async def test_a_token_is_good_for_its_scope_alone(house):
    client = await machine(house, READ, ADMIN)
    _, body = await client.post("/token", GRANT | {"scope": "ssf.read"})

    with pytest.raises(InsufficientScope):
        await shown(house, body["access_token"], ADMIN)
    assert await shown(house, body["access_token"], MANAGE, READ)


async def test_a_token_is_over_after_five_minutes(house, clock):
    client = await machine(house, READ)
    _, body = await client.post("/token", GRANT)
    clock.advance(LIFETIME)

    with pytest.raises(Unauthenticated):
        await shown(house, body["access_token"], READ)


async def introspected(client, token):
    status, said = await client.post("/introspect", {"token": token})
    assert status == 200, said
    return said


async def test_a_client_is_told_what_its_own_token_opens(house, clock):
    client = await machine(house, READ, ADMIN)
    _, body = await client.post("/token", GRANT)
    now = int(clock().timestamp())

    assert await introspected(client, body["access_token"]) == {
        "active": True,
        "iss": house.base_url,
        "sub": client.id,
        "aud": house.base_url,
        "client_id": client.id,
        "scope": "ssf.read admin",
        "exp": now + 300,
        "iat": now,
        "token_type": "Bearer",
    }


async def test_no_client_is_told_of_the_token_of_another(house):
    client = await machine(house, READ)
    _, body = await client.post("/token", GRANT)
    await house.workstation("Ander", metadata=REGISTERED, machine_scopes=[READ])
    other = BareClient(house, house.client_id, house.client_key)

    assert await introspected(other, body["access_token"]) == {"active": False}
    assert (await introspected(client, body["access_token"]))["active"]


@pytest.mark.parametrize(
    "changed",
    [{"policy": {}}, {"metadata": ClientMetadata()}],
    ids=["scope", "grant"],
)
async def test_what_is_taken_back_is_not_active_either(house, changed):
    client = await machine(house, READ)
    _, body = await client.post("/token", GRANT)
    await change(house, **changed)

    assert await introspected(client, body["access_token"]) == {"active": False}


async def test_of_what_was_given_that_is_told_which_is_left(house):
    client = await machine(house, READ, ADMIN)
    _, body = await client.post("/token", GRANT)
    await change(house, policy={"machine_scopes": [READ]})

    assert (await introspected(client, body["access_token"]))["scope"] == "ssf.read"


async def test_who_was_closed_is_told_nothing(house):
    client = await machine(house, READ)
    _, body = await client.post("/token", GRANT)
    await change(house, status=ClientStatus.CLOSED)

    status, said = await client.post("/introspect", {"token": body["access_token"]})
    assert (status, said["error"]) == (401, "invalid_client")


async def test_an_own_token_is_not_active_after_five_minutes(house, clock):
    client = await machine(house, READ)
    _, body = await client.post("/token", GRANT)

    clock.advance(LIFETIME)
    fresh = client.assertion(exp=int(clock().timestamp()) + 60)
    form = {"token": body["access_token"], "client_assertion": fresh}

    assert await client.post("/introspect", form) == (200, {"active": False})


@pytest.mark.parametrize(
    "changed",
    [
        {"status": ClientStatus.CLOSED},
        {"policy": {}},
        {"metadata": ClientMetadata()},
    ],
    ids=["closed", "scope", "grant"],
)
async def test_what_is_taken_back_ends_at_once(house, changed):
    client = await machine(house, READ)
    _, body = await client.post("/token", GRANT)
    await change(house, **changed)

    with pytest.raises(Unauthenticated):
        await shown(house, body["access_token"], READ)


async def test_no_other_token_is_one(house):
    with pytest.raises(Unauthenticated):
        await shown(house, "A" * 43, READ)


async def test_a_token_is_bound_to_the_key_that_it_was_asked_for_with(house):
    client = await machine(house, READ, sender_constraint="dpop")
    key, stranger = DpopKey(), DpopKey()
    url = house.base_url + "/token"
    form = {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": client.assertion(),
        **GRANT,
    }
    headers = {"DPoP": key.proof("POST", url)}
    async with house.http.post(url, data=form, headers=headers) as answer:
        body = await answer.json()
    token, here = body["access_token"], house.base_url + PATH

    assert body["token_type"] == "DPoP"
    told = await introspected(client, token)
    assert (told["token_type"], list(told["cnf"])) == ("DPoP", ["jkt"])
    with pytest.raises(DpopChallenge):
        await shown(house, token, READ)
    proofs = (stranger.proof("GET", here, token),)
    with pytest.raises(DpopChallenge):
        await shown(house, token, READ, by_dpop=True, proofs=proofs)
    proofs = (key.proof("GET", here, token),)
    assert await shown(house, token, READ, by_dpop=True, proofs=proofs)


async def test_a_client_that_has_to_bind_its_token_gets_none_unbound(house):
    client = await machine(house, READ, sender_constraint="dpop")
    status, body = await client.post("/token", GRANT)

    assert (status, body["error"]) == (400, "invalid_dpop_proof")
