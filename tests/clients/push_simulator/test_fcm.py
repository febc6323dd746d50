"""FCM on loopback refuses what the real one refuses, in its words."""

import time

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from clients.push_simulator import Answer
from clients.push_simulator.authority import LoopbackAuthority
from clients.push_simulator.fcm import GRANT_TYPE, SCOPE, UNREGISTERED, FcmService
from tests.push.fcm_harness import ANOTHER_KEY, KEY, trust

TOKEN = "t" * 140


@pytest.fixture
async def service():
    authority = LoopbackAuthority.create()
    async with FcmService(key=KEY).running(authority.context()) as running:
        running.trust = trust(authority)
        yield running


@pytest.fixture
async def http(service):
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=service.trust)) as session:
        yield session


def claims(service, **changed):
    now = int(time.time())
    return {
        "iss": service.client_email,
        "scope": SCOPE,
        "aud": service.token_uri,
        "iat": now,
        "exp": now + 3600,
    } | changed


async def exchange(service, http, content, key=KEY, kid=None, algorithm="RS256", **form):
    headers = {"kid": kid or service.key_id}
    assertion = jwt.encode(content, key, algorithm=algorithm, headers=headers)
    data = {"grant_type": GRANT_TYPE, "assertion": assertion} | form
    async with http.post(service.token_uri, data=data) as response:
        return response.status, await response.json()


@pytest.fixture
async def token(service, http):
    _, issued = await exchange(service, http, claims(service))
    return issued["access_token"]


async def post(service, http, token, body, project=None):
    url = f"{service.url}/v1/projects/{project or service.project_id}/messages:send"
    headers = {"Authorization": f"Bearer {token}"}
    async with http.post(url, json=body, headers=headers) as response:
        said = await response.json()
    error = said.get("error", {})
    own = [detail.get("errorCode") for detail in error.get("details", [])]
    return response.status, error.get("status"), own[0] if own else None


def message(token=TOKEN, **changed):
    data = {"id": "1", "kind": "request", "tag": ""}
    android = {"priority": "high", "ttl": "120s"}
    return {"message": {"token": token, "data": data, "android": android} | changed}


async def test_an_assertion_is_exchanged_for_a_token(service, http):
    status, issued = await exchange(service, http, claims(service))
    assert (status, issued["token_type"], issued["expires_in"]) == (200, "Bearer", 3599)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"iss": "other@loopback-project.iam.gserviceaccount.com"}, "Invalid JWT: Failed"),
        ({"aud": "https://oauth2.googleapis.com/token"}, "Invalid JWT: Failed"),
        ({"scope": "https://www.googleapis.com/auth/drive"}, "Invalid JWT Signature."),
        ({"iat": int(time.time()) - 7200, "exp": int(time.time()) - 3600}, "short-lived"),
        ({"iat": int(time.time()) + 7200, "exp": int(time.time()) + 10800}, "short-lived"),
        ({"exp": int(time.time()) + 7200}, "short-lived"),
        ({"iat": int(time.time()) + 10, "exp": int(time.time()) + 10}, "short-lived"),
    ],
)
async def test_an_assertion_that_is_not_quite_right_is_refused(service, http, changed, told):
    status, said = await exchange(service, http, claims(service, **changed))
    assert (status, said["error"]) == (400, "invalid_grant")
    assert told in said["error_description"]


async def test_another_key_and_another_keys_name_are_refused(service, http):
    for options in ({"key": ANOTHER_KEY}, {"kid": "other"}):
        status, said = await exchange(service, http, claims(service), **options)
        assert (status, said["error_description"]) == (400, "Invalid JWT Signature.")


async def test_another_grant_and_no_assertion_are_refused(service, http):
    _, said = await exchange(service, http, claims(service), grant_type="password")
    assert said["error"] == "unsupported_grant_type"
    _, said = await exchange(service, http, claims(service), assertion="")
    assert said["error"] == "invalid_grant"


async def test_a_message_is_taken_and_kept_without_who_sent_it(service, http, token):
    told = []
    service.journal.listener = told.append
    assert await post(service, http, token, message()) == (200, None, None)
    (arrival,) = service.journal.arrivals
    assert told == [arrival]
    assert (arrival.service, arrival.address, arrival.is_taken) == ("fcm", TOKEN, True)
    assert token not in str(arrival.headers)
    assert TOKEN not in repr(arrival).replace(str(arrival.body), "")


async def test_a_message_to_be_read_only_wakes_nobody(service, http, token):
    assert (await post(service, http, token, message() | {"validate_only": True}))[0] == 200
    assert not service.journal.arrivals


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"message": 1},
        message("short"),
        message(data={"id": 1}),
        message(data={"from": "x"}),
        message(data={"google.x": "x"}),
        message(data={"id": "x" * 4096}),
        message(android={"priority": "high", "ttl": "120"}),
        message(android={"priority": "urgent", "ttl": "120s"}),
    ],
)
async def test_a_message_that_is_not_as_it_should_be_is_refused(service, http, token, body):
    found = await post(service, http, token, body)
    assert found == (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT")
    assert not [arrival for arrival in service.journal.arrivals if arrival.is_taken]


async def test_who_has_no_token_is_refused(service, http, token):
    assert await post(service, http, "other", message()) == (401, "UNAUTHENTICATED", None)
    service.forget_tokens()
    assert await post(service, http, token, message()) == (401, "UNAUTHENTICATED", None)


async def test_another_project_is_not_there_and_its_404_is_not_a_dead_tokens(service, http, token):
    found = await post(service, http, token, message(), project="other-project")
    assert found == (404, "NOT_FOUND", None)


async def test_it_does_as_it_is_told(service, http, token):
    service.journal.behaviours[TOKEN] = UNREGISTERED
    assert await post(service, http, token, message()) == (404, "NOT_FOUND", "UNREGISTERED")
    service.token_behaviour = Answer(503, b"{}", {"Content-Type": "application/json"})
    assert (await exchange(service, http, claims(service)))[0] == 503


def test_a_service_has_a_key_of_its_own():
    assert isinstance(FcmService().key, rsa.RSAPrivateKey)
