"""A program's token opens the API with the key that it is bound to, and with no other."""

import json

import pytest
import sqlalchemy as sa

from pairing_server.registry.tables import client as table
from tests.admin.desk import employ
from tests.admin.machine import BY_ITSELF
from tests.house import ShiftedClock, free_port
from tests.oidc.client import ASSERTION_TYPE, BareClient
from tests.oidc.dpop import DpopKey
from tests.oidc.test_showing import METADATA, OTHER, XIS, Xis, authorities
from tests.uzi.test_mtls_routes import LOOPBACK, fields

__all__ = ["authorities"]

GRANT = {"grant_type": "client_credentials", "scope": "admin"}
POLICY = {"machine_scopes": ["admin"], "admin_acts": ["find_people"]}


@pytest.fixture
def clock():
    """Certificates and assertions know the real time."""
    return ShiftedClock()


@pytest.fixture
def path(house):
    return f"/admin/api/organisations/{house.holder.ura}/people"


async def test_a_token_that_is_bound_by_dpop_wants_a_proof_of_each_call(house, path):
    await employ(house, "anna")
    await house.workstation("HR", metadata=BY_ITSELF, sender_constraint="dpop", **POLICY)
    client, key = BareClient(house, house.client_id, house.client_key), DpopKey()
    form = {**GRANT, "client_assertion_type": ASSERTION_TYPE}
    form["client_assertion"] = client.assertion()
    url = house.base_url + "/token"
    async with house.http.post(url, data=form, headers={"DPoP": key.proof("POST", url)}) as got:
        token = (await got.json())["access_token"]
    here = house.base_url + path

    async def call(scheme="DPoP", proof=None, method="GET"):
        headers = {"Authorization": f"{scheme} {token}"} | ({"DPoP": proof} if proof else {})
        async with house.http.request(method, here, headers=headers) as answer:
            return answer.status, answer.headers.get("WWW-Authenticate", "")[:6]

    once = key.proof("GET", here, token)
    assert await call(proof=once) == (200, "")
    assert await call(proof=once) == (401, "DPoP e")
    assert await call("Bearer") == (401, "DPoP e")
    assert await call("Bearer", key.proof("GET", here, token)) == (401, "DPoP e")
    assert await call() == (401, "DPoP e")
    assert await call(proof=DpopKey().proof("GET", here, token)) == (401, "DPoP e")
    assert await call(proof=key.proof("GET", f"{here}/anna", token)) == (401, "DPoP e")
    assert await call(proof=key.proof("GET", here, token), method="POST") == (401, "DPoP e")


async def test_a_token_that_is_bound_to_a_certificate_wants_that_one(make_house, authorities):
    port = free_port()
    async with make_house(
        client_cert_proxies=LOOPBACK, client_authorities=authorities, mtls_port=port
    ) as house:
        await employ(house, "anna")
        there = {"Host": f"localhost:{port}"}
        mine, others = ({**fields(each), **there} for each in (XIS, OTHER))
        xis = Xis(house, house.base_url, house.http, mine)
        await xis.register()
        metadata = json.dumps({**METADATA, "grant_types": ["client_credentials"]})
        changed = sa.update(table).values(metadata=metadata, policy=json.dumps(POLICY))
        await house.registry.commit(lambda tx: tx.run(changed))
        status, body = await xis.post("/token", **GRANT)
        assert status == 200, body

        async def call(headers):
            sent = {**headers, "Authorization": f"Bearer {body['access_token']}"}
            url = f"{house.base_url}/admin/api/organisations/{house.holder.ura}/people"
            async with house.http.get(url, headers=sent) as answer:
                return answer.status

        assert await call(mine) == 200
        assert [await call(headers) for headers in (others, there, {})] == [401, 401, 401]
        # Where nobody asks for certificates none is believed.
        assert await call(fields(XIS)) == 403


async def test_one_program_that_calls_too_often_waits_and_no_other(make_house):
    async with make_house(client_rate=1) as house:
        await employ(house, "anna")
        tokens = []
        for name in ("HR", "Desk"):
            await house.workstation(name, metadata=BY_ITSELF, **POLICY)
            client = BareClient(house, house.client_id, house.client_key)
            _, answer = await client.post("/token", GRANT)
            tokens.append(answer["access_token"])
        url = f"{house.base_url}/admin/api/organisations/{house.holder.ura}/people"

        async def call(token):
            headers = {"Authorization": f"Bearer {token}"}
            async with house.http.get(url, headers=headers) as answer:
                return answer.status, "Retry-After" in answer.headers

        said = [await call(tokens[0]) for _ in range(30)]
        assert said[0] == (200, False)
        assert said[-1] == (429, True)
        assert await call(tokens[1]) == (200, False)
