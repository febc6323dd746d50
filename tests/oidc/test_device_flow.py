"""A workstation that does not know who: every answer by its name (RFC 8628 sections 3.2, 3.5)."""

import asyncio
from contextlib import aclosing
from datetime import timedelta

import pytest

from clients.auth_request import WrongCode
from clients.wire import WireError
from pairing_server.approvals.asked import request_id
from pairing_server.approvals.user_code import TRIES
from pairing_server.registry.client_metadata import ClientMetadata, GrantType
from tests.approvals.desk import held
from tests.house import WORKSTATION
from tests.oidc.client import CIBA, BareClient

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
CONTEXT = '{"workstation_id": "ws-1", "workstation": "Balie 1", "location": "Polikliniek"}'


class DeviceClient(BareClient):
    """A client that opens logins for whoever scans."""

    async def open(self, **form):
        return await self.post("/device_authorization", {"scope": "openid uzi"} | form)

    async def opened(self, **form):
        status, body = await self.open(**form)
        assert status == 200
        return body

    async def poll(self, device_code, wait=0, **form):
        return await self.post(
            "/token", {"grant_type": GRANT, "device_code": device_code} | form, wait
        )

    async def outcome(self, opened, wait=0, **form):
        """How a poll ends, in one word."""
        _, body = await self.poll(opened["device_code"], wait, **form)
        return body.get("reason", body.get("error", "ok"))


@pytest.fixture
def client(desk):
    return DeviceClient(desk.house, desk.client_id, desk.house.client_key)


@pytest.fixture
async def typing(desk, client):
    """A client whose people may type a code."""
    await desk.house.workstation("EPD", user_code=True)
    return DeviceClient(desk.house, desk.house.client_id, desk.house.client_key)


async def test_an_answer_to_a_good_request(client):
    body = await client.opened(request_context=CONTEXT)
    base_url = client.house.base_url
    assert len(body.pop("device_code")) == 43
    assert len(body.pop("user_code")) == 9
    assert len(body.pop("binding_code")) == 6
    assert body == {
        "verification_uri": f"{base_url}/app/",
        "expires_in": 120,
        "interval": 5,
        "qr_events_uri": f"{base_url}/qr/events",
    }


async def test_who_scans_the_screen_logs_in_at_a_workstation_that_knew_nobody(desk):
    workstation, hints = desk.workstation, []
    started = await workstation.start_for_whoever_scans(request_context=WORKSTATION)
    assert desk.house.push.sent == []
    async with (
        asyncio.timeout(20),
        aclosing(workstation.frames(started, told=hints.append)) as frames,
    ):
        async for frame in frames:
            request = await desk.phone.get(await desk.phone.scan_login(frame.link))
            break
    holder = desk.house.holder
    assert (request.client, request.organisation) == ("HIS", holder.organisation_name)
    assert (request.workstation, request.location) == ("Balie 1", "Polikliniek")
    poll = await held(workstation.poll(started))
    await desk.phone.approve(request, "")
    assertion = await asyncio.wait_for(poll, 10)
    assert assertion.claims.all["uzi_number"] == holder.uzi_number
    assert "urn:openid:params:jwt:claim:auth_req_id" not in assertion.claims.all
    assert (await workstation.userinfo(assertion.access_token))["ura"] == holder.ura


async def test_the_frames_end_when_the_login_does(desk):
    started = await desk.workstation.start_for_whoever_scans()
    seen = []
    async with asyncio.timeout(20), aclosing(desk.workstation.frames(started)) as frames:
        async for frame in frames:
            seen.append(frame)
            await desk.phone.deny(await desk.phone.get(await desk.phone.scan_login(frame.link)))
    assert len(seen) == 1


async def test_a_poll_says_what_the_rfc_names(desk, client, clock):
    opened = await client.opened(requested_expiry="20")
    assert await client.outcome(opened) == "authorization_pending"
    assert await client.outcome(opened) == "slow_down"
    clock.advance(timedelta(seconds=20))
    later = int(clock().timestamp())
    fresh = {"client_assertion": client.assertion(iat=later, exp=later + 60)}
    assert await client.outcome(opened, **fresh) == "expired_token"


async def test_a_held_poll_waits_for_who_scans_and_answers(desk, typing):
    opened = await typing.opened()
    poll = await held(typing.poll(opened["device_code"], wait=25))
    request = await desk.phone.get(await desk.phone.enter_user_code(opened["user_code"]))
    assert not poll.done()
    await desk.phone.approve(request, opened["binding_code"])
    status, body = await asyncio.wait_for(poll, 2)
    assert (status, "id_token" in body) == (200, True)


@pytest.mark.parametrize(("reason", "told"), [("not_me", "not_me"), ("other", "denied")])
async def test_a_denial_is_told(desk, typing, reason, told):
    opened = await typing.opened()
    request = await desk.phone.get(await desk.phone.enter_user_code(opened["user_code"]))
    await desk.phone.deny(request, reason)
    status, body = await typing.poll(opened["device_code"])
    assert (status, body["error"], body["reason"]) == (400, "access_denied", told)


async def test_three_wrong_codes_are_a_denial(desk, typing):
    opened = await typing.opened()
    request = await desk.phone.get(await desk.phone.enter_user_code(opened["user_code"]))
    for code in ("no", "nope", "never"):
        with pytest.raises(WrongCode):
            await desk.phone.approve(request, code)
    assert await typing.outcome(opened) == "wrong_code"


async def test_unknown_foreign_used_and_of_another_grant_are_one_answer(desk, typing, client):
    used, open_still = await typing.opened(), await typing.opened()
    request = await desk.phone.get(await desk.phone.enter_user_code(used["user_code"]))
    await desk.phone.approve(request, used["binding_code"])
    assert await typing.outcome(used) == "ok"
    _, ciba = await typing.ask()
    seen = [
        await typing.poll(used["device_code"]),
        await typing.poll("A" * 43),
        await client.poll(open_still["device_code"]),
        await typing.poll(ciba["auth_req_id"]),
        await typing.poll(None, grant_type=CIBA, auth_req_id=open_still["device_code"]),
    ]
    assert seen == [seen[0]] * 5
    assert (seen[0][0], seen[0][1]["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"scope": None}, "invalid_scope"),
        ({"scope": "uzi"}, "invalid_scope"),
        ({"ura": "90000003"}, "invalid_request"),
        ({"binding_message": "123"}, "invalid_binding_message"),
        ({"binding_message": "\u202e"}, "invalid_binding_message"),
        ({"requested_expiry": "soon"}, "invalid_request"),
        ({"request_context": "[]"}, "invalid_request"),
        ({"client_assertion": "x"}, "invalid_client"),
        ({"client_assertion_type": None}, "invalid_client"),
    ],
)
async def test_a_malformed_request(client, form, error):
    status, body = await client.open(**form)
    assert (status, body["error"]) == (401 if error == "invalid_client" else 400, error)


async def test_a_poll_names_its_device_code(client):
    _, body = await client.poll(None)
    assert body["error"] == "invalid_request"


async def test_a_client_that_is_registered_for_another_grant_opens_nothing(desk):
    ciba_only = ClientMetadata(grant_types=(GrantType.CIBA,))
    await desk.house.workstation("EPD", metadata=ciba_only)
    client = DeviceClient(desk.house, desk.house.client_id, desk.house.client_key)
    status, body = await client.open()
    assert (status, body["error"]) == (400, "unauthorized_client")


async def test_a_typed_code_opens_nothing_where_the_policy_does_not_say_so(desk, client):
    opened = await client.opened()
    with pytest.raises(WireError) as refused:
        await desk.phone.enter_user_code(opened["user_code"])
    assert (refused.value.status, refused.value.error) == (404, "not_found")
    assert await client.outcome(opened) == "authorization_pending"


async def test_whoever_guesses_codes_is_told_to_wait(desk):
    for _ in range(TRIES):
        with pytest.raises(WireError) as refused:
            await desk.phone.enter_user_code("BBBB-BBBB")
        assert refused.value.status == 404
    headers = {"Authorization": f"Bearer {desk.phone.device_token}"}
    url = desk.house.base_url + "/phone/user-code"
    body = {"user_code": "BBBB-BBBB"}
    async with desk.house.http.post(url, json=body, headers=headers) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "600")
    async with desk.house.http.post(url, json=body) as answer:
        assert answer.status == 401


async def test_the_phone_sees_neither_the_device_code_nor_the_code_to_type(desk, typing):
    opened = await typing.opened()
    identifier = await desk.phone.enter_user_code(opened["user_code"])
    shown = str(await desk.phone.get(identifier))
    assert identifier == request_id(opened["device_code"])
    assert opened["device_code"] not in shown
    assert opened["binding_code"] not in shown
