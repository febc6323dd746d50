"""No member of a client's policy is without effect: each is taken up, and something changes."""

import ssl
import time
from contextlib import suppress

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from admin import machine
from admin.access import Act, may_ever
from clients.push_simulator.authority import LoopbackAuthority
from clients.wire import WireError
from pairing_server.egress import Egress
from pairing_server.errors import Conflict, Unavailable
from pairing_server.oidc.client_egress import LOOPBACK, ClientEgress
from pairing_server.oidc.client_key_sets import ClientKeySets
from pairing_server.oidc.client_policy import ClientPolicy
from pairing_server.registry import clients, sessions
from pairing_server.registry.client_metadata import ClientMetadata, GrantType
from tests.oidc.client import ASSERTION_TYPE, CIBA, BareClient
from tests.oidc.dpop import DpopKey
from tests.oidc.endpoint import listening

AUTHORITY = LoopbackAuthority.create()
EFFECTS = {}


def effect(agreed, *, without, with_it):
    """Note what a member does: what is agreed, and how its story ends without and with that."""

    def note(story):
        EFFECTS[story.__name__] = (story, agreed, without, with_it)
        return story

    return note


async def client_of(desk, policy, metadata=None):
    desk.workstation = await desk.house.workstation("EPD", metadata=metadata, **policy)
    desk.client_id = desk.house.client_id
    return BareClient(desk.house, desk.client_id, desk.house.client_key)


@effect(4, without=6, with_it=4)
async def code_digits(desk, policy):
    _, asked = await (await client_of(desk, policy)).ask()
    return len(asked["binding_code"])


@effect("known", without=1, with_it=0)
async def push(desk, policy):
    await desk.phone.register_push({"service": "fcm", "token": "own"})
    await client_of(desk, policy)
    await desk.ask()
    return len(desk.house.push.requests())


@effect("none", without="unknown_user_id", with_it="asked")
async def knows_users(desk, policy):
    with suppress(Conflict):
        await desk.block()
    _, asked = await (await client_of(desk, policy)).ask()
    return asked.get("error", "asked")


@effect(agreed=True, without="not_found", with_it="found")
async def user_code(desk, policy):
    await client_of(desk, policy)
    started = await desk.workstation.start_for_whoever_scans()
    try:
        await desk.phone.enter_user_code(started.user_code)
    except WireError as error:
        return error.error
    return "found"


@effect("nl-gov", without=True, with_it=False)
async def profile(desk, policy):
    await client_of(desk, policy)
    assertion = await desk.poll(await desk.approved())
    return "amr" in assertion.claims.all


@effect(["PS256"], without="asked", with_it="invalid_client")
async def algorithms(desk, policy):
    _, asked = await (await client_of(desk, policy)).ask()
    return asked.get("error", "asked")


@effect("dpop", without="ok", with_it="invalid_dpop_proof")
async def sender_constraint(desk, policy):
    client = await client_of(desk, policy)
    started = await desk.approved()
    return await client.error(started.auth_req_id)


@effect(agreed=True, without="ok", with_it="use_dpop_nonce")
async def dpop_nonce(desk, policy):
    client = await client_of(desk, policy)
    started, url = await desk.approved(), f"{desk.house.base_url}/token"
    form = {
        "grant_type": CIBA,
        "auth_req_id": started.auth_req_id,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": client.assertion(),
    }
    headers = {"DPoP": DpopKey().proof("POST", url)}
    async with desk.house.http.post(url, data=form, headers=headers) as answer:
        return (await answer.json()).get("error", "ok")


@effect(agreed=True, without="refused", with_it="read")
async def private_notification_hosts(desk, policy):
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "k", "alg": "ES256"}
    trust = ssl.create_default_context(cadata=AUTHORITY.pem.decode())
    egress = ClientEgress(Egress((), tls=trust), Egress(LOOPBACK, tls=trust), is_demo=False)
    async with listening(AUTHORITY.context()) as endpoint:
        endpoint.answers[:] = [lambda: web.json_response({"keys": [jwk]})]
        await client_of(desk, policy, ClientMetadata(jwks_uri=endpoint.url))
        client = await desk.house.registry.read(lambda tx: clients.get(tx, desk.client_id))
        try:
            signed = jwt.encode({}, key, "ES256", {"kid": "k"})
            await ClientKeySets(egress, time.monotonic).verified(signed, client, {})
        except Unavailable:
            return "refused"
        finally:
            await egress.close()
    return "read"


@effect(agreed=True, without="approved", with_it="workstation_not_known")
async def known_workstation(desk, policy):
    await client_of(desk, policy)
    try:
        await desk.approved()
    except WireError as error:
        return error.error
    return "approved"


@effect(3, without=12, with_it=3)
async def session_hours(desk, policy):
    told = ClientMetadata(backchannel_logout_uri="https://epd.example/logout")
    await client_of(desk, policy, told)
    assertion = await desk.poll(await desk.approved())
    sid = assertion.claims.all["sid"]
    session = await desk.house.registry.read(lambda tx: sessions.get(tx, sid))
    return (session.expires_at - session.opened_at).total_seconds() / 3600


@effect(["ssf.read"], without="invalid_scope", with_it="ssf.read")
async def machine_scopes(desk, policy):
    registered = ClientMetadata(grant_types=(GrantType.CLIENT_CREDENTIALS,))
    client = await client_of(desk, policy, registered)
    _, answer = await client.post("/token", {"grant_type": "client_credentials"})
    return answer.get("error") or answer["scope"]


@effect(["see_log"], without="forbidden", with_it="may see the log")
async def admin_acts(desk, policy):
    registered = ClientMetadata(grant_types=(GrantType.CLIENT_CREDENTIALS,))
    await client_of(desk, {"machine_scopes": ["admin"], **policy}, registered)
    house = desk.house
    client = await house.registry.read(lambda tx: clients.get(tx, desk.client_id))
    who = machine.actor_of(client, house.holder.ura, house.ports.clock())
    return "may see the log" if may_ever(Act.SEE_LOG, who) else "forbidden"


def test_every_member_has_a_story_here():
    assert set(EFFECTS) == set(ClientPolicy.__struct_fields__)


@pytest.mark.parametrize("member", EFFECTS)
async def test_a_member_changes_how_its_story_ends(desk, member):
    story, agreed, without, with_it = EFFECTS[member]

    assert await story(desk, {}) == without
    desk.house.push.sent.clear()
    assert await story(desk, {member: agreed}) == with_it
