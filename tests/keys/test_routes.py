"""The phone's calls over HTTP: who is let in, what is taken, and what a block stops."""

import asyncio
import secrets

import aiohttp
import pytest

from clients.client_data import Twist
from clients.wire import WireError, b64url, b64url_decode
from pairing_server.keys.credential import unbind_challenge
from pairing_server.push.vapid import VapidKey
from pairing_server.registry import credentials
from pairing_server.registry.credentials import CredentialStatus

CALLS = [
    ("GET", "/phone/credential"),
    ("DELETE", "/phone/credential"),
    ("PUT", "/phone/push"),
    ("POST", "/phone/device-token"),
    ("GET", "/phone/auth-requests"),
    ("GET", "/phone/auth-requests/unknown"),
    ("PUT", "/phone/auth-requests/unknown/answer"),
]
call = pytest.mark.parametrize(("method", "path"), CALLS)


def draw():
    return b64url(secrets.token_bytes(32))


async def refused(call):
    """Make a call that is refused, and return how."""
    with pytest.raises(WireError) as error:
        await call
    return error.value.status, error.value.error


async def stored(house, phone):
    return await house.registry.read(lambda tx: credentials.get(tx, phone.credential_id))


@call
@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic AAAA", "bearer x y", "Bearer " + "A" * 43]
)
async def test_who_has_no_token_is_not_let_in(house, method, path, header):
    headers = {"Authorization": header} if header else {}
    async with house.http.request(method, house.base_url + path, headers=headers) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert (await response.json())["error"] == "invalid_token"


async def test_two_tokens_are_none(house):
    phone = await house.bind()
    headers = [("Authorization", f"Bearer {phone.device_token}")] * 2
    url = f"{house.base_url}/phone/credential"
    async with house.http.get(url, headers=headers) as response:
        assert response.status == 401


async def test_a_block_closes_every_call_and_its_end_opens_them(house):
    phone = await house.bind()
    await house.phone_status().block(phone.credential_id, "operator:test")
    answers = [await refused(phone._call(method, path, {})) for method, path in CALLS]
    assert answers == [(403, "phone_blocked")] * len(CALLS)
    assert await refused(phone.recover_device_token()) == (403, "phone_blocked")

    await house.phone_status().unblock(phone.credential_id, "operator:test")
    assert (await phone.credential())["status"] == "active"
    assert await phone.auth_requests() == []


async def test_after_unbinding_every_call_is_closed(house):
    phone = await house.bind()
    await phone.unbind()
    answers = [await refused(phone._call(method, path, {})) for method, path in CALLS]
    assert answers == [(401, "invalid_token")] * len(CALLS)
    assert await refused(phone.recover_device_token()) == (400, "invalid_assertion")


async def test_a_block_ends_a_held_call(house):
    phone = await house.bind()
    await house.ask(await house.workstation())
    await phone.auth_requests()
    held = [
        asyncio.create_task(phone._call("GET", "/phone/auth-requests", etag=etag, wait=25))
        for etag in [(await phone._call("GET", "/phone/auth-requests")).headers["ETag"]] * 2
    ]
    await asyncio.sleep(0.1)
    assert [each.done() for each in held] == [False, False]
    await house.phone_status().block(phone.credential_id, "operator:test")
    answers = await asyncio.wait_for(asyncio.gather(*map(refused, held)), 10)
    assert answers == [(403, "phone_blocked")] * 2


async def test_a_phone_learns_what_it_is_bound_to(house):
    phone = await house.bind(push_token="push-token")
    said = await phone.credential()
    assert said["credential_id"] == phone.credential_id
    assert (said["status"], said["push"]) == ("active", "fcm")
    assert said["uzi_number"] == house.holder.uzi_number
    assert "push-token" not in str(said)


POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
ENDPOINT = "https://fcm.googleapis.com/fcm/send/x"
SUBSCRIPTION = {"endpoint": ENDPOINT, "keys": {"p256dh": POINT, "auth": AUTH}}
ADDRESSES = [
    ({"service": "apns", "token": "t"}, "t"),
    ({"service": "fcm", "token": "a:b_c-d", "more": 1}, "a:b_c-d"),
    (
        {"service": "webpush", "subscription": {**SUBSCRIPTION, "expirationTime": None}},
        f'{{"endpoint":"{ENDPOINT}","keys":{{"p256dh":"{POINT}","auth":"{AUTH}"}}}}',
    ),
]
NO_ADDRESSES = {
    "nothing": {},
    "unknown service": {"service": "sms", "token": "t"},
    "no token": {"service": "fcm"},
    "empty token": {"service": "fcm", "token": ""},
    "zero in token": {"service": "fcm", "token": "a\0"},
    "line feed in token": {"service": "fcm", "token": "a\n"},
    "long token": {"service": "fcm", "token": "a" * 4097},
    "both": {"service": "fcm", "token": "t", "subscription": SUBSCRIPTION},
    "token for Web Push": {"service": "webpush", "token": "t"},
    "both for Web Push": {"service": "webpush", "token": "t", "subscription": SUBSCRIPTION},
    "no keys": {"service": "webpush", "subscription": {"endpoint": "https://push.example"}},
    "no object": {"service": "webpush", "subscription": "x"},
}


async def test_a_push_address_is_kept(house):
    phone = await house.bind()
    for body, address in ADDRESSES:
        await phone.register_push(body)
        kept = await stored(house, phone)
        assert (kept.push_service, kept.push_address) == (body["service"], address)


async def test_what_is_no_push_address_is_not(house):
    phone = await house.bind()
    answers = {
        name: await refused(phone.register_push(body)) for name, body in NO_ADDRESSES.items()
    }
    assert answers == dict.fromkeys(NO_ADDRESSES, (400, "invalid_request"))
    assert (await stored(house, phone)).push_service is None


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"endpoint": "https://push.example.nl/x"}, "ask your administrator"),
        ({"endpoint": "https://localhost/x"}, "ask your administrator"),
        ({"endpoint": "https://10.0.0.1/x"}, "subscribe again"),
        ({"endpoint": "http://fcm.googleapis.com/x"}, "subscribe again"),
        ({"keys": {"p256dh": POINT, "auth": "A"}}, "subscribe again"),
    ],
)
async def test_a_subscription_that_cannot_be_pushed_to_is_refused_wherever_it_is_given(
    house, changed, told
):
    phone = await house.bind()
    push = {"service": "webpush", "subscription": SUBSCRIPTION | changed}
    with pytest.raises(WireError) as said:
        await phone.register_push(push)
    assert (said.value.status, said.value.error) == (400, "unusable_subscription")
    assert told in said.value.description
    assert (await stored(house, phone)).push_service is None


async def test_a_push_server_of_the_operators_may_be_named(make_house):
    async with make_house(push_hosts=("push.example.nl",)) as house:
        phone = await house.bind()
        subscription = SUBSCRIPTION | {"endpoint": "https://push.example.nl/x"}
        await phone.register_push({"service": "webpush", "subscription": subscription})
        assert (await phone.credential())["push"] == "webpush"


async def test_browsers_learn_what_to_subscribe_with_where_there_is_web_push(house, make_house):
    phone = await house.bind()
    assert (await phone.credential())["vapid_public_key"] == ""
    async with make_house(webpush_contact="mailto:push@hospital.example.nl") as other:
        told = (await (await other.bind()).credential())["vapid_public_key"]
    assert told == VapidKey(house.stores.vapid_secret, "mailto:a@example.nl").public_key


NO_TOKENS = ["", "A" * 42, "A" * 44, "A" * 43 + "\n", "+" * 43, "A" * 42 + "=", None, 7]


async def test_a_device_token_is_32_bytes_in_base64url(house):
    phone = await house.bind()
    answers = [
        await refused(phone._call("POST", "/phone/device-token", {"device_token": token}))
        for token in NO_TOKENS
    ]
    assert answers == [(400, "invalid_request")] * len(NO_TOKENS)


async def test_a_device_token_follows_another(house):
    phone = await house.bind()
    old = phone.device_token
    await phone.rotate_device_token()
    await phone.credential()
    phone.device_token = old
    assert await refused(phone.credential()) == (401, "invalid_token")


async def test_a_token_that_another_phone_has_is_a_conflict(house):
    page = await house.registered()
    phone, other = await house.bind(page), await house.bind(page)
    body = {"device_token": other.device_token}
    answer = await refused(phone._call("POST", "/phone/device-token", body))
    assert answer == (409, "conflict")
    assert (await other.credential())["credential_id"] == other.credential_id


@pytest.mark.parametrize("own", [None, "A" * 43])
async def test_a_lost_token_is_replaced_by_the_servers_or_the_phones(house, own):
    phone = await house.bind()
    lost = phone.device_token
    challenge = (await phone._server.call("POST", "/phone/token/challenge", {})).read(dict)
    assertion = phone.assertion(b64url_decode(challenge["challenge"]))
    body = {"id": challenge["id"], "assertion": assertion, "device_token": own}
    phone.device_token = (await phone._server.call("POST", "/phone/token", body)).read(dict)[
        "device_token"
    ]
    assert own in (None, phone.device_token)
    assert (await phone.credential())["credential_id"] == phone.credential_id
    phone.device_token = lost
    assert await refused(phone.credential()) == (401, "invalid_token")
    assert await refused(phone._server.call("POST", "/phone/token", body)) == (404, "not_found")


@pytest.mark.parametrize("identifier", ["\0", "a\0", "", "a" * 1400, "a b"])
async def test_an_assertion_of_no_credential_is_malformed(house, identifier):
    response = {"clientDataJSON": "", "authenticatorData": "", "signature": ""}
    assertion = {"id": identifier, "rawId": "", "type": "public-key", "response": response}
    body = {"id": "x", "assertion": assertion}
    async with house.http.post(f"{house.base_url}/phone/token", json=body) as answer:
        assert (answer.status, (await answer.json())["error"]) == (400, "invalid_request")


async def test_a_stolen_token_does_not_unbind(house):
    page = await house.registered()
    phone, thief = await house.bind(page), await house.bind(page)
    challenge = unbind_challenge(phone.credential_id)
    forged = phone.authenticator.get(
        challenge, phone.rp_id, phone.origin, Twist(spoil_signature=True)
    )
    bodies = [{}, {"assertion": None}, {"assertion": thief.assertion(challenge)}]
    bodies += [{"assertion": forged}, {"assertion": phone.assertion(b"another challenge")}]
    answers = [await refused(phone._call("DELETE", "/phone/credential", each)) for each in bodies]
    assert {status for status, _ in answers} == {400}
    assert (await stored(house, phone)).status is CredentialStatus.ACTIVE


async def test_a_stolen_token_held_open_plants_no_other(house):
    """The headers of an announcement come before the recovery, and its body after it."""
    phone = await house.bind()
    stolen, planted, may_go_on = phone.device_token, draw(), asyncio.Event()

    async def body():
        yield b'{"device_token": '
        await may_go_on.wait()
        yield f'"{planted}"}}'.encode()

    headers = {"Authorization": f"Bearer {stolen}", "Content-Type": "application/json"}
    announcing = asyncio.create_task(
        house.http.post(f"{house.base_url}/phone/device-token", data=body(), headers=headers)
    )
    await asyncio.sleep(0.1)
    await phone.recover_device_token()
    may_go_on.set()
    async with await announcing as response:
        assert response.status == 401
    await phone.credential()
    phone.device_token = planted
    assert await refused(phone.credential()) == (401, "invalid_token")


async def test_the_key_set_may_be_kept_and_holds_nothing_private(house):
    async with aiohttp.ClientSession() as http, http.get(house.base_url + "/jwks.json") as answer:
        assert answer.headers["Cache-Control"] == "public, max-age=300"
        keys = (await answer.json())["keys"]
    assert len(keys) == 2
    assert all(set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"} for key in keys)
