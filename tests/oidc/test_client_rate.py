"""A client asks for so many logins a second, whoever it names; no other one waits for it."""

import asyncio

import pytest

from pairing_server.limits import Rate
from pairing_server.oidc import setup
from pairing_server.registry.client_metadata import ClientMetadata, GrantType
from tests.oidc.browser import PAGE, Attempt
from tests.oidc.client import ASSERTION_TYPE, BareClient

GRANTS = (GrantType.CIBA, GrantType.DEVICE_CODE, GrantType.AUTHORIZATION_CODE)


BURST = 3


@pytest.fixture
async def slow(make_house, monkeypatch):
    """A server at which a client may ask three times, and once an hour from then on."""
    monkeypatch.setattr(setup, "rate_of_client", lambda rate: Rate(rate / 3600, BURST))
    async with make_house(client_rate=1) as house:
        await house.bind()
        yield house


async def client_of(house, **policy):
    metadata = ClientMetadata(grant_types=GRANTS)
    await house.workstation(redirect_uris=(PAGE,), metadata=metadata, **policy)
    return BareClient(house, house.client_id, house.client_key)


def known(client):
    return {"scope": "openid", "login_hint": f"uzi:{client.house.holder.uzi_number}"}


def unknown(_client):
    return {"scope": "openid", "login_hint": "uzi:900000009"}


def pushed(client):
    return Attempt().form(client.id)


ASKING = {
    "/bc-authorize": known,
    "/device_authorization": lambda _client: {"scope": "openid"},
    "/par": pushed,
}


async def use_up(client, path, form):
    """Ask until the client is over its rate; how often it was told so."""
    asked = [client.post(path, form(client)) for _ in range(BURST + 2)]
    return [status for status, _ in await asyncio.gather(*asked)].count(429)


@pytest.mark.parametrize("path", ASKING)
async def test_a_client_that_asks_too_often_is_told_when_to_come_back(slow, path):
    client = await client_of(slow)
    assert await use_up(client, path, ASKING[path]) == 2
    signed = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": client.assertion()}
    form = signed | ASKING[path](client)
    async with slow.http.post(slow.base_url + path, data=form) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "3600")
        assert (await answer.json())["error"] == "too_many_requests"


async def test_another_client_does_not_wait_for_it(slow):
    client = await client_of(slow)
    await use_up(client, "/device_authorization", ASKING["/device_authorization"])
    other = await client_of(slow)
    status, _ = await other.post("/device_authorization", {"scope": "openid"})
    assert status == 200


async def test_one_rate_is_for_all_that_a_client_asks(slow):
    client = await client_of(slow)
    await use_up(client, "/device_authorization", ASKING["/device_authorization"])
    assert [(await client.post(path, ASKING[path](client)))[0] for path in ASKING] == [429] * 3


async def test_who_is_unknown_counts_as_who_is_there(slow):
    """What a client may not know it does not learn by when it is over its rate, either."""
    told = []
    for form in (known, unknown):
        client = await client_of(slow, knows_users="none")
        await use_up(client, "/bc-authorize", form)
        told.append(
            [(await client.post("/bc-authorize", each(client)))[0] for each in (known, unknown)]
        )
    assert told == [[429, 429]] * 2


async def test_polls_are_not_counted(slow):
    client = await client_of(slow)
    await use_up(client, "/device_authorization", ASKING["/device_authorization"])
    status, body = await client.post("/token", {"grant_type": "nothing"})
    assert (status, body["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize("path", ["/v1/sessions/open", "/v1/transactions"])
async def test_what_a_xis_asks_counts_too(slow, path):
    client = await client_of(slow)
    await use_up(client, "/device_authorization", ASKING["/device_authorization"])
    headers = {"Authorization": f"Bearer {client.assertion()}"}
    async with slow.http.post(slow.base_url + path, json={}, headers=headers) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "3600")
