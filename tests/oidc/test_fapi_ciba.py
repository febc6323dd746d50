"""The FAPI-CIBA profile: its rules, and the modules of the conformance suite's plan for servers.

`fapi-ciba-id1-test-plan` of the OpenID Foundation's conformance suite, without the modules that
are for Brazil or ConnectID alone: each test has the name of its module without the prefix, and
does over HTTP what the module does.  One server runs for all of them.
"""

import asyncio
import json
import secrets
import shutil
from contextlib import AsyncExitStack

import jwt
import pytest
import pytest_asyncio
from aiohttp import web

from pairing_server.approvals.asked import request_id
from pairing_server.oidc.client_policy import ClientPolicy, Profile
from pairing_server.oidc.fapi_ciba import algorithms, binds
from pairing_server.ports import Ports
from pairing_server.registry.client_metadata import Algorithm
from pairing_server.registry.database import open_registry
from tests.house import ShiftedClock, house_settings, opened_house, stores_on
from tests.oidc.endpoint import listening
from tests.oidc.fapi import TOKEN, FapiClient, approve, deny
from tests.oidc.signing import signed
from tests.valkey import opened, run

pytestmark = pytest.mark.asyncio(loop_scope="module")
ALL = tuple(Algorithm)
MINUTE = 60

MODULES = (
    "discovery-end-point-verification",
    "id1",
    "user-rejects-authentication",
    "multiple-call-to-token-endpoint",
    "auth-req-id-expired",
    "ensure-authorization-request-with-binding-message-succeeds",
    "ensure-other-scope-order-succeeds",
    "ensure-requested-expiry-as-string-succeeds",
    "ensure-authorization-request-with-potentially-bad-binding-message",
    "ensure-request-object-missing-aud-fails",
    "ensure-request-object-bad-aud-fails",
    "ensure-request-object-missing-iss-fails",
    "ensure-request-object-bad-iss-fails",
    "ensure-request-object-missing-exp-fails",
    "ensure-request-object-expired-exp-fails",
    "ensure-request-object-exp-is-70-minutes-in-future-fails",
    "ensure-request-object-missing-iat-fails",
    "ensure-request-object-missing-nbf-fails",
    "ensure-request-object-nbf-is-10-minutes-in-future-fails",
    "ensure-request-object-nbf-is-70-minutes-in-past-fails",
    "ensure-request-object-missing-jti-fails",
    "ensure-request-object-signature-algorithm-is-none-fails",
    "ensure-request-object-signature-algorithm-is-bad-fails",
    "ensure-request-object-signature-algorithm-is-RS256-fails",
    "ensure-request-object-signed-by-other-client-fails",
    "ensure-authorization-request-with-multiple-hints-fails",
    "ensure-wrong-auth-req-id-in-token-endpoint-request",
    "ensure-different-client-id-and-issuer-in-backchannel-authorization-request",
    "ensure-wrong-client-id-in-token-endpoint-request",
    "ensure-wrong-client-id-in-backchannel-authorization-request",
    "ensure-without-client-assertion-in-token-endpoint-fails",
    "ensure-without-client-assertion-in-backchannel-authorization-request-fails",
    "ensure-client-assertion-signature-algorithm-in-backchannel-authorization-request-is-RS256-fails",
    "ensure-client-assertion-signature-algorithm-in-token-endpoint-request-is-RS256-fails",
    "ensure-client-assertion-with-iss-aud-to-token-endpoint-succeeds",
    "ping-notification-endpoint-returns-a-body",
    "ping-notification-endpoint-returns-401",
    "ping-notification-endpoint-returns-403",
    "ping-notification-endpoint-returns-401-and-require-server-does-not-retry",
    "ping-backchannel-notification-endpoint-return-redirect-request",
    "ensure-backchannel-authorization-request-without-request-fails",
    "refresh-token",
    "ensure-mtls-holder-of-key-required",
)


async def test_of_each_module_there_is_a_test():
    names = {f"test_{module.replace('-', '_')}" for module in MODULES}
    assert names - set(globals()) == set()


async def test_of_the_policys_algorithms_two_are_left():
    policy = ClientPolicy(profile=Profile.FAPI_CIBA, algorithms=ALL)
    assert set(algorithms(policy)) == {Algorithm.ES256, Algorithm.PS256}
    assert algorithms(ClientPolicy(profile=Profile.FAPI_CIBA, algorithms=(ALL[0],))) == (ALL[0],)
    assert binds(policy)


@pytest.mark.parametrize("profile", [Profile.NONE, Profile.NL_GOV])
async def test_without_the_profile_they_are_as_the_policy_has_them(profile):
    policy = ClientPolicy(profile=profile, algorithms=ALL)
    assert algorithms(policy) == ALL
    assert not binds(policy)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(register, empty_registry, valkey_url, tmp_path_factory):
    directory = tmp_path_factory.mktemp("fapi")
    file, clock = directory / "registry.sqlite3", ShiftedClock()
    shutil.copyfile(empty_registry, file)
    async with AsyncExitStack() as stack:
        registry = open_registry(f"sqlite:///{file}", chain="test", clock=clock)
        stack.push_async_callback(registry.close)
        store = await stack.enter_async_context(opened(valkey_url))
        await run(store, "FLUSHALL")
        ports = Ports(registry, store, clock, secrets.token_bytes)
        settings = house_settings(register, directory)
        house = opened_house(settings, await stores_on(ports), ports, register)
        yield await stack.enter_async_context(house)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def phone(house):
    return await house.bind()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(house, phone):
    return await FapiClient.register(house)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def other(house):
    return await FapiClient.register(house)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def endpoint(house):
    async with listening() as made:
        made.store = house.store
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pinged(house, phone, endpoint):
    """A client in ping mode."""
    return await FapiClient.register(house, endpoint.url)


def refused(answer, *errors, status=400):
    """Check an error answer of the backchannel endpoint (CIBA Core section 13)."""
    got, body = answer
    assert (got, body["error"] in errors) == (status, True), body
    assert not set(body["error_description"]) & set("\r\n\t")
    assert "auth_req_id" not in body


async def asked(client, **claims):
    """Check an answer to a good request (CIBA Core section 7.3)."""
    status, body = await client.ask(**claims)
    assert status == 200, body
    assert len(body["auth_req_id"]) >= 27
    assert set(body["auth_req_id"]) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
    )
    assert body["expires_in"] > 0
    assert body["interval"] >= 0
    return body


async def test_discovery_end_point_verification(house):
    url = house.base_url + "/.well-known/openid-configuration"
    async with house.http.get(url) as response:
        document = await response.json()
    assert document["issuer"] == house.base_url
    assert set(document["backchannel_token_delivery_modes_supported"]) == {"poll", "ping"}
    assert document["backchannel_authentication_endpoint"].startswith(house.base_url)
    assert "urn:openid:params:grant-type:ciba" in document["grant_types_supported"]
    signing = document["backchannel_authentication_request_signing_alg_values_supported"]
    assert {"PS256", "ES256"} <= set(signing)
    assert not {"none", "RS256"} & set(signing)
    assert "private_key_jwt" in document["token_endpoint_auth_methods_supported"]


async def test_id1(house, phone, client):
    body = await asked(client)
    refused(await client.poll(body["auth_req_id"]), "authorization_pending")
    await approve(phone, body)
    status, tokens = await client.poll(body["auth_req_id"])
    assert (status, tokens["token_type"]) == (200, "DPoP")
    async with house.http.get(house.base_url + "/jwks.json") as response:
        key = jwt.PyJWKSet.from_dict(await response.json())[
            jwt.get_unverified_header(tokens["id_token"])["kid"]
        ]
    claims = jwt.decode(
        tokens["id_token"], key, ["ES256"], audience=client.id, issuer=house.base_url
    )
    assert claims["urn:openid:params:jwt:claim:auth_req_id"] == body["auth_req_id"]
    assert claims["acr"].startswith("http://eidas.europa.eu/LoA/")
    assert "jkt" in claims["cnf"]
    refused(await client.poll(body["auth_req_id"]), "invalid_grant")


async def test_user_rejects_authentication(phone, client):
    body = await asked(client)
    await deny(phone, body)
    refused(await client.poll(body["auth_req_id"]), "access_denied")


async def test_multiple_call_to_token_endpoint(client):
    body = await asked(client)
    answers = [await client.poll(body["auth_req_id"]) for _ in range(5)]
    assert [answer["error"] for _, answer in answers] == ["authorization_pending"] + [
        "slow_down"
    ] * 4
    assert {status for status, _ in answers} == {400}


async def test_auth_req_id_expired(client):
    body = await asked(client, requested_expiry=1)
    assert body["expires_in"] == 1
    refused(await client.poll(body["auth_req_id"], wait=5), "expired_token")


async def test_ensure_authorization_request_with_binding_message_succeeds(phone, client):
    body = await asked(client, binding_message="1234-5678")
    (request,) = await phone.auth_requests()
    assert request.message == "1234-5678"
    await approve(phone, body)
    assert (await client.poll(body["auth_req_id"]))[0] == 200


async def test_ensure_other_scope_order_succeeds(phone, client):
    body = await asked(client, scope="uzi openid")
    await approve(phone, body)
    assert (await client.poll(body["auth_req_id"]))[0] == 200


@pytest.mark.parametrize("expiry", ["30", 30])
async def test_ensure_requested_expiry_as_string_succeeds(client, expiry):
    assert (await asked(client, requested_expiry=expiry))["expires_in"] == 30


BAD_MESSAGES = {
    "the suite's own": "1234 \U0001f44d\U0001f3ff 品川 " + "Lorem ipsum dolor sit amet, " * 12,
    "too long": "x" * 101,
    "bad characters": "Recept\u202e12",
}


@pytest.mark.parametrize("message", BAD_MESSAGES.values(), ids=BAD_MESSAGES)
async def test_ensure_authorization_request_with_potentially_bad_binding_message(client, message):
    refused(await client.ask(binding_message=message), "invalid_binding_message")


def seconds(client, minutes):
    return int(client.house.ports.clock().timestamp()) + minutes * MINUTE


async def test_ensure_request_object_missing_aud_fails(client):
    refused(await client.ask(aud=None), "invalid_request")


async def test_ensure_request_object_bad_aud_fails(client):
    refused(await client.ask(aud="https://other.example"), "invalid_request")


async def test_ensure_request_object_missing_iss_fails(client):
    refused(await client.ask(iss=None), "invalid_request")


async def test_ensure_request_object_bad_iss_fails(client, other):
    refused(await client.ask(iss=other.id), "invalid_request")


async def test_ensure_request_object_missing_exp_fails(client):
    refused(await client.ask(exp=None), "invalid_request")


async def test_ensure_request_object_expired_exp_fails(client):
    refused(await client.ask(exp=seconds(client, -5)), "invalid_request")


async def test_ensure_request_object_exp_is_70_minutes_in_future_fails(client):
    refused(await client.ask(exp=seconds(client, 70)), "invalid_request")


async def test_ensure_request_object_missing_iat_fails(client):
    refused(await client.ask(iat=None), "invalid_request")


async def test_ensure_request_object_missing_nbf_fails(client):
    refused(await client.ask(nbf=None), "invalid_request")


async def test_ensure_request_object_nbf_is_10_minutes_in_future_fails(client):
    ahead = {"nbf": seconds(client, 10), "exp": seconds(client, 15)}
    refused(await client.ask(**ahead), "invalid_request")


async def test_ensure_request_object_nbf_is_70_minutes_in_past_fails(client):
    refused(await client.ask(nbf=seconds(client, -70)), "invalid_request")


async def test_ensure_request_object_missing_jti_fails(client):
    refused(await client.ask(jti=None), "invalid_request")


async def test_ensure_request_object_signature_algorithm_is_none_fails(client):
    unsigned = signed(client.claims(), None, "none")
    refused(await client.ask_signed(unsigned), "invalid_request")


async def test_ensure_request_object_signature_algorithm_is_bad_fails(client):
    head, _, signature = signed(client.claims(), client.key).rpartition(".")
    other = ("B" if signature[0] == "A" else "A") + signature[1:]
    refused(await client.ask_signed(f"{head}.{other}"), "invalid_request")


async def test_ensure_request_object_signature_algorithm_is_RS256_fails(client):  # noqa: N802
    claims = client.claims()
    refused(await client.ask_signed(signed(claims, client.rsa_key, "RS256")), "invalid_request")
    # The key is a good one, and the refused request has not used up the jti.
    assert (await client.ask_signed(signed(claims, client.rsa_key, "PS256")))[0] == 200


async def test_ensure_request_object_signed_by_other_client_fails(client, other):
    forged = signed(client.claims(), other.key)
    refused(await client.ask_signed(forged), "invalid_request")


async def test_ensure_authorization_request_with_multiple_hints_fails(client):
    refused(await client.ask(login_hint_token="eyJ"), "invalid_request")
    refused(await client.ask(id_token_hint="eyJ"), "invalid_request")
    refused(await client.ask(login_hint=None), "invalid_request")


async def test_ensure_wrong_auth_req_id_in_token_endpoint_request(client):
    body = await asked(client)
    wrong = body["auth_req_id"][::-1]
    refused(await client.poll(wrong), "invalid_grant")


async def test_ensure_different_client_id_and_issuer_in_backchannel_authorization_request(
    client, other
):
    request = signed(client.claims(), client.key)
    refused(await client.ask_signed(request, client_id=other.id), "invalid_client", status=401)
    refused(await other.ask_signed(request), "invalid_request")


async def test_ensure_wrong_client_id_in_token_endpoint_request(client, other):
    body = await asked(client)
    wrong = await client.poll(body["auth_req_id"], client_id=other.id)
    refused(wrong, "invalid_client", status=401)
    refused(await other.poll(body["auth_req_id"]), "invalid_grant")


async def test_ensure_wrong_client_id_in_backchannel_authorization_request(client, other):
    request = signed(other.claims(), other.key)
    answer = await client.ask_signed(request, client_id=other.id)
    refused(answer, "invalid_client", status=401)
    refused(await client.ask_signed(request), "invalid_request")


async def test_ensure_without_client_assertion_in_token_endpoint_fails(client):
    body = await asked(client)
    bare = {"client_assertion": None, "client_assertion_type": None, "client_id": client.id}
    refused(await client.poll(body["auth_req_id"], **bare), "invalid_client", status=401)


async def test_ensure_without_client_assertion_in_backchannel_authorization_request_fails(client):
    request = signed(client.claims(), client.key)
    bare = {"client_assertion": None, "client_assertion_type": None, "client_id": client.id}
    refused(await client.ask_signed(request, **bare), "invalid_client", status=401)


async def test_ensure_client_assertion_signature_algorithm_in_backchannel_authorization_request_is_RS256_fails(  # noqa: E501, N802
    client,
):
    request = signed(client.claims(), client.key)
    answer = await client.ask_signed(request, client_assertion=client.rs256())
    refused(answer, "invalid_client", status=401)


async def test_ensure_client_assertion_signature_algorithm_in_token_endpoint_request_is_RS256_fails(  # noqa: E501, N802
    client,
):
    body = await asked(client)
    answer = await client.poll(body["auth_req_id"], client_assertion=client.rs256())
    refused(answer, "invalid_client", status=401)


async def test_ensure_client_assertion_with_iss_aud_to_token_endpoint_succeeds(phone, client):
    body = await asked(client)
    await approve(phone, body)
    issuer = client.assertion(aud=client.house.base_url)
    assert (await client.poll(body["auth_req_id"], client_assertion=issuer))[0] == 200


@pytest.mark.parametrize(
    "audience", ["https://other.example", "", "{issuer}/", "{issuer}/other", ["{issuer}", "x"]]
)
async def test_a_client_assertion_for_another_audience_fails(client, audience):
    issuer = client.house.base_url
    wrong = (
        [each.format(issuer=issuer) for each in audience]
        if isinstance(audience, list)
        else audience.format(issuer=issuer)
    )
    request = signed(client.claims(), client.key)
    answer = await client.ask_signed(request, client_assertion=client.assertion(aud=wrong))
    refused(answer, "invalid_client", status=401)


async def test_a_client_assertion_that_is_shown_again_fails(client):
    once = client.assertion()
    body = (await client.ask_signed(signed(client.claims(), client.key), client_assertion=once))[1]
    answer = await client.poll(body["auth_req_id"], client_assertion=once)
    refused(answer, "invalid_client", status=401)


async def test_a_request_object_that_is_shown_again_fails(client):
    request = signed(client.claims(), client.key)
    assert (await client.ask_signed(request))[0] == 200
    refused(await client.ask_signed(request), "invalid_request")


async def test_a_parameter_beside_the_request_object_fails(client):
    request = signed(client.claims(), client.key)
    refused(await client.ask_signed(request, scope="openid"), "invalid_request")


async def test_a_request_in_ping_mode_without_a_token_fails(pinged):
    refused(await pinged.ask(client_notification_token=None), "invalid_request")


async def ended(phone, pinged, endpoint, *answers):
    """Have a request approved that is told to an endpoint with these answers."""
    endpoint.heard.clear()
    endpoint.answers = list(answers)
    body = await asked(pinged)
    await approve(phone, body)
    (heard,) = await endpoint.calls()
    assert heard.headers["Authorization"] == f"Bearer {TOKEN}"
    # The result is there, whatever the endpoint said.
    assert (await pinged.poll(body["auth_req_id"]))[0] == 200
    return body


async def test_ping_notification_endpoint_returns_a_body(phone, pinged, endpoint):
    await ended(phone, pinged, endpoint, lambda: web_response(200, '{"error": "ignored"}'))
    await nothing_follows(endpoint)


async def test_ping_notification_endpoint_returns_401(phone, pinged, endpoint):
    await ended(phone, pinged, endpoint, 401)


async def test_ping_notification_endpoint_returns_403(phone, pinged, endpoint):
    await ended(phone, pinged, endpoint, 403)
    await nothing_follows(endpoint)


async def test_ping_notification_endpoint_returns_401_and_require_server_does_not_retry(
    phone, pinged, endpoint
):
    body = await asked_and_denied(phone, pinged, endpoint, 401)
    await nothing_follows(endpoint)
    refused(await pinged.poll(body["auth_req_id"]), "access_denied")


async def test_ping_backchannel_notification_endpoint_return_redirect_request(
    phone, pinged, endpoint
):
    def redirect():
        return web_response(301, "", {"Location": endpoint.origin + "/elsewhere"})

    await asked_and_denied(phone, pinged, endpoint, redirect)
    await nothing_follows(endpoint)
    assert [heard.path for heard in endpoint.heard] == ["/ping"]


async def test_ensure_backchannel_authorization_request_without_request_fails(client):
    holder = client.house.holder
    form = {"scope": "openid", "login_hint": f"uzi:{holder.uzi_number}"}
    refused(await client.post("/bc-authorize", form), "invalid_request")


async def test_refresh_token(house, phone, client):
    """There is none: a session is opened anew."""
    body = await asked(client)
    await approve(phone, body)
    _, tokens = await client.poll(body["auth_req_id"])
    assert "refresh_token" not in tokens
    form = {"grant_type": "refresh_token", "refresh_token": tokens["access_token"]}
    refused(await client.post("/token", form), "unsupported_grant_type")


async def test_ensure_mtls_holder_of_key_required(phone, client):
    """By a certificate or by DPoP: who shows neither gets no token."""
    body = await asked(client)
    await approve(phone, body)
    bare = super(FapiClient, client)
    form = [
        ("grant_type", "urn:openid:params:grant-type:ciba"),
        ("auth_req_id", body["auth_req_id"]),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", client.assertion()),
    ]
    refused(await bare.send("/token", form), "invalid_request")
    assert (await client.poll(body["auth_req_id"]))[0] == 200


def web_response(status, text, headers=None):
    return web.Response(status=status, text=text, headers=headers)


async def asked_and_denied(phone, pinged, endpoint, *answers):
    endpoint.heard.clear()
    endpoint.answers = list(answers)
    body = await asked(pinged)
    await deny(phone, body)
    await endpoint.calls()
    return body


async def nothing_follows(endpoint):
    """Wait until the notification is done with, and see that it came once."""
    store = endpoint.store
    async with asyncio.timeout(20):
        for heard in endpoint.heard:
            key = f"ping:{request_id(json.loads(heard.body)['auth_req_id'])}"
            while True:
                if await store.get(key) is None:
                    break
                await asyncio.sleep(0.005)
    assert len(endpoint.heard) == 1
