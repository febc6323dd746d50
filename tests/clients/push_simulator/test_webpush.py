"""A Web Push service on loopback refuses what the real ones refuse."""

import json
import time

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clients.push_simulator import Answer
from clients.push_simulator.authority import LoopbackAuthority
from clients.push_simulator.webpush import WebPushService
from pairing_server.tokens import b64url
from tests.push.fcm_harness import trust
from tests.push.test_aes128gcm import encrypt, read_subscription

KEY, ANOTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))


def told(key):
    return b64url(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


@pytest.fixture
async def service():
    authority = LoopbackAuthority.create()
    async with WebPushService().running(authority.context()) as running:
        running.trust = trust(authority)
        yield running


@pytest.fixture
async def http(service):
    connector = aiohttp.TCPConnector(ssl=service.trust)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


@pytest.fixture
def subscription(service):
    return service.subscribe(told(KEY))


def vapid(service, signer=KEY, shown=KEY, **changed):
    claims = {
        "aud": service.origin,
        "exp": int(time.time()) + 3600,
        "sub": "mailto:push@hospital.example.nl",
    } | changed
    return f"vapid t={jwt.encode(claims, signer, algorithm='ES256')}, k={told(shown)}"


def headers(service, **changed):
    fine = {
        "Authorization": vapid(service),
        "TTL": "60",
        "Content-Encoding": "aes128gcm",
        "Urgency": "high",
        "Topic": "t",
    }
    return {name: value for name, value in (fine | changed).items() if value is not None}


def body(subscription, content=b"{}"):
    key = ec.generate_private_key(ec.SECP256R1())
    return encrypt(content, read_subscription(json.dumps(subscription)), key, bytes(16))


async def push(http, subscription, sent, fields):
    async with http.post(subscription["endpoint"], data=sent, headers=fields) as response:
        return response.status


async def test_a_push_is_decrypted_and_kept_without_who_sent_it(service, http, subscription):
    told_of = []
    service.journal.listener = told_of.append
    fields = headers(service)
    assert await push(http, subscription, body(subscription, b'{"id": "1"}'), fields) == 201
    (arrival,) = told_of
    assert (arrival.address, arrival.body) == (subscription["endpoint"], b'{"id": "1"}')
    assert arrival.is_taken
    assert fields["Authorization"] not in str(arrival.headers)


async def test_a_subscription_for_anybody_takes_anybodys(service, http):
    subscription = service.subscribe()
    fields = headers(service, Authorization=vapid(service, ANOTHER, ANOTHER))
    assert await push(http, subscription, body(subscription), fields) == 201


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"signer": ANOTHER}, 403),
        ({"signer": ANOTHER, "shown": ANOTHER}, 403),
        ({"aud": "https://other.test"}, 403),
        ({"exp": int(time.time()) - 1}, 403),
        ({"exp": int(time.time()) + 90_000}, 403),
        ({"sub": ""}, 403),
        ({"sub": "push@localhost"}, 403),
    ],
)
async def test_a_token_that_is_not_quite_right_is_refused(
    service, http, subscription, changed, status
):
    fields = headers(service, Authorization=vapid(service, **changed))
    assert await push(http, subscription, body(subscription), fields) == status


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Authorization": None}, 401),
        ({"Authorization": "Bearer x"}, 401),
        ({"TTL": None}, 400),
        ({"TTL": "soon"}, 400),
        ({"Content-Encoding": "aesgcm"}, 400),
        ({"Urgency": "now"}, 400),
        ({"Topic": "t" * 33}, 400),
        ({"Topic": "a b"}, 400),
    ],
)
async def test_a_push_that_is_not_as_it_should_be_is_refused(
    service, http, subscription, changed, status
):
    fields = headers(service, **changed)
    assert await push(http, subscription, body(subscription), fields) == status
    assert not [arrival for arrival in service.journal.arrivals if arrival.is_taken]


async def test_what_is_too_large_or_for_another_browser_is_refused(service, http, subscription):
    fields = headers(service)
    other = service.subscribe(told(KEY))
    assert await push(http, subscription, bytes(4097), fields) == 413
    assert await push(http, subscription, body(other), fields) == 400


async def test_a_subscription_that_is_not_there_is_told_from_one_that_is_gone(
    service, http, subscription
):
    other = {**subscription, "endpoint": f"{service.origin}/push/other"}
    assert await push(http, other, body(subscription), headers(service)) == 404
    service.unsubscribe(subscription["endpoint"])
    assert await push(http, subscription, body(subscription), headers(service)) == 410


async def test_it_does_as_it_is_told(service, http, subscription):
    service.journal.behaviours[subscription["endpoint"]] = Answer(503)
    assert await push(http, subscription, b"x", {}) == 503


async def test_its_front_door_says_what_time_it_is(service, http):
    async with http.get(service.origin) as response:
        assert "Date" in response.headers
