"""The phone's calls: what is listed, held, shown and answered, and for whom."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from clients.auth_request import Closed, WrongCode
from clients.card_profile import Holder
from clients.wire import WireError
from pairing_server.held import MOST_OF_PHONE
from tests.approvals.desk import Desk, UnreliableRegistry, held
from tests.house import house_settings, opened_house


@pytest.fixture
def call(desk):
    """Call as the desk's phone, on the bare wire."""

    @asynccontextmanager
    async def send(method, path, *, token=None, body=None, raw=None, **headers):
        sent = {"Authorization": f"Bearer {token or desk.phone.device_token}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        url = desk.house.base_url + path
        if raw is not None:
            sent["Content-Type"] = "application/json"
        async with desk.house.http.request(
            method, url, headers=sent, json=body, data=raw
        ) as response:
            yield response

    return send


async def listed(call, **headers):
    async with call("GET", "/phone/auth-requests", **headers) as response:
        body = await response.json() if response.status == 200 else None
        return response.status, response.headers.get("ETag"), body


async def test_a_request_has_all_its_fields(desk, call):
    started, _ = await desk.ask(binding_message="Recept 12")
    status, _, body = await listed(call)
    (request,) = body["auth_requests"]
    assert status == 200
    nonce, requested_at = request.pop("nonce"), request.pop("requested_at")
    assert len(nonce) == 22
    assert datetime.fromisoformat(request.pop("expires_at")) - datetime.fromisoformat(
        requested_at
    ) == timedelta(minutes=2)
    assert request.pop("id") not in started.auth_req_id
    assert request == {
        "client": "HIS",
        "organisation": desk.house.holder.organisation_name,
        "ura": desk.house.holder.ura,
        "role_code": desk.house.holder.role_code,
        "workstation": "Balie 1",
        "location": "Polikliniek",
        "message": "Recept 12",
        "code_length": 6,
    }


async def test_the_code_is_never_told_to_the_phone(desk, call):
    started, request = await desk.ask(binding_message="73104628")
    async with call("GET", f"/phone/auth-requests/{request.id}") as response:
        text = await response.text()
    assert started.binding_code == "73104628"
    assert "73104628" not in text
    assert (request.message, request.code_length) == ("", 8)


async def test_the_newest_comes_first(desk):
    _, older = await desk.ask(request_context={"workstation_id": "a"})
    _, newer = await desk.ask(request_context={"workstation_id": "b"})
    assert await desk.phone.auth_requests() == [newer, older]


async def test_what_is_known_is_not_sent_again(desk, call):
    await desk.ask()
    _, etag, _ = await listed(call)
    assert await listed(call, If_None_Match=etag) == (304, etag, None)
    assert await listed(call, If_None_Match=f'"other", W/{etag}') == (304, etag, None)
    status, _, body = await listed(call, If_None_Match='"other"')
    assert (status, len(body["auth_requests"])) == (200, 1)


async def test_a_list_that_is_not_known_is_answered_at_once(desk, call):
    await desk.ask()
    status, _, _ = await asyncio.wait_for(listed(call, Prefer="wait=25"), 2)
    assert status == 200


async def test_an_empty_list_is_held_until_the_first_request(desk, call):
    poll = await held(listed(call, Prefer="wait=25"))
    await desk.ask()
    status, _, body = await asyncio.wait_for(poll, 2)
    assert (status, len(body["auth_requests"])) == (200, 1)


async def test_a_known_list_is_held_until_another_request(desk, call):
    await desk.ask(request_context={"workstation_id": "a"})
    _, etag, _ = await listed(call)
    poll = await held(listed(call, Prefer="wait=25", If_None_Match=etag))
    await desk.ask(request_context={"workstation_id": "b"})
    status, changed, body = await asyncio.wait_for(poll, 2)
    assert (status, len(body["auth_requests"])) == (200, 2)
    assert changed != etag


async def test_a_known_list_is_held_until_a_request_is_answered_on_another_phone(desk, call):
    other = await desk.house.bind(await desk.house.logged_in())
    _, request = await desk.ask()
    _, etag, _ = await listed(call)
    poll = await held(listed(call, Prefer="wait=25", If_None_Match=etag))
    await other.deny(request)
    status, _, body = await asyncio.wait_for(poll, 2)
    assert (status, body) == (200, {"auth_requests": []})


async def test_beyond_its_held_calls_a_phone_is_answered_at_once(desk, call):
    polls = [await held(listed(call, Prefer="wait=25")) for _ in range(MOST_OF_PHONE)]
    status, _, body = await asyncio.wait_for(listed(call, Prefer="wait=25"), 2)
    assert (status, body) == (200, {"auth_requests": []})
    await desk.ask()
    await asyncio.wait_for(asyncio.gather(*polls), 2)
    _, etag, _ = await listed(call)
    again = await held(listed(call, Prefer="wait=25", If_None_Match=etag))
    await desk.ask()
    assert (await asyncio.wait_for(again, 2))[0] == 200


async def test_nothing_new_is_not_modified(desk, call):
    await desk.ask()
    _, etag, _ = await listed(call)
    status, _, _ = await listed(call, Prefer="wait=1", If_None_Match=etag)
    assert status == 304


async def test_a_request_that_runs_out_while_held_leaves_the_list(desk, call, clock):
    await desk.ask(requested_expiry=20)
    _, etag, _ = await listed(call)
    clock.advance(timedelta(seconds=19.7))
    poll = listed(call, Prefer="wait=25", If_None_Match=etag)
    status, _, body = await asyncio.wait_for(poll, 2)
    assert (status, body) == (200, {"auth_requests": []})


async def test_a_superseded_request_leaves_a_held_list(desk, call):
    await desk.ask()
    _, etag, _ = await listed(call)
    poll = await held(listed(call, Prefer="wait=25", If_None_Match=etag))
    _, newer = await desk.ask()
    _, _, body = await asyncio.wait_for(poll, 2)
    assert newer.id in [request["id"] for request in body["auth_requests"]]


@pytest.mark.parametrize("asked", [0, 1])
async def test_a_block_is_heard_at_once_by_a_held_phone(desk, call, asked):
    await asyncio.gather(*(desk.ask() for _ in range(asked)))
    _, etag, _ = await listed(call)
    poll = await held(listed(call, Prefer="wait=25", If_None_Match=etag))
    await desk.block()
    status, _, _ = await asyncio.wait_for(poll, 2)
    assert status == 403


async def test_a_blocked_phone_sees_and_answers_nothing(desk):
    _, request = await desk.ask()
    await desk.block()
    for attempt in (
        desk.phone.auth_requests(),
        desk.phone.get(request.id),
        desk.phone.deny(request),
        desk.phone.approve(request, "1"),
    ):
        with pytest.raises(WireError) as refused:
            await attempt
        assert refused.value.error == "phone_blocked"


async def test_a_foreign_request_is_as_unknown_as_none(desk):
    stranger = Holder(uzi_number="900000777", first_names="Bo", last_name="Ander")
    other = await desk.house.bind(await desk.house.registered(stranger))
    _, request = await desk.ask()
    seen = []
    for identifier in (request.id, "AAAAAAAAAAAAAAAAAAAAAA"):
        for attempt in (
            other.get(identifier),
            other.answer(identifier, {"decision": "deny", "reason": "other"}),
            other.answer(
                identifier,
                {"decision": "approve", "code": "1", "assertion": other.assertion(b"x" * 32)},
            ),
        ):
            with pytest.raises(WireError) as refused:
                await attempt
            seen.append((refused.value.status, refused.value.body))
    assert seen == [seen[0]] * 6
    assert seen[0][0] == 404
    assert await other.auth_requests() == []


async def test_a_closed_request_says_how_it_ended(desk, clock):
    _, request = await desk.ask(requested_expiry=20)
    clock.advance(timedelta(seconds=20))
    with pytest.raises(Closed) as closed:
        await desk.phone.deny(request)
    assert closed.value.ended == "expired"
    with pytest.raises(Closed) as closed:
        await desk.phone.approve(request, "1")
    assert (closed.value.status, closed.value.ended) == (409, "expired")


async def test_a_wrong_code_says_how_many_are_left(desk):
    started, request = await desk.ask()
    left = []
    for _ in range(3):
        with pytest.raises(WrongCode) as wrong:
            await desk.phone.approve(request, "")
        left.append((wrong.value.status, wrong.value.attempts_left))
    assert left == [(422, 2), (422, 1), (422, 0)]
    with pytest.raises(Closed) as closed:
        await desk.phone.approve(request, started.binding_code)
    assert closed.value.ended == "denied"
    assert await desk.outcome(started) == "wrong_code"


@pytest.mark.parametrize(("reason", "told"), [("not_me", "not_me"), ("other", "denied")])
async def test_a_denial_tells_the_waiting_workstation_why(desk, reason, told):
    started, request = await desk.ask()
    poll = await held(desk.outcome(started, wait=25))
    await desk.phone.deny(request, reason)
    assert await asyncio.wait_for(poll, 2) == told


async def test_a_stolen_device_token_reads_and_denies_but_never_approves(desk, call):
    started, request = await desk.ask()
    thief = await desk.house.bind(
        await desk.house.registered(Holder(uzi_number="900000777", first_names="D."))
    )
    body = {
        "decision": "approve",
        "code": started.binding_code,
        "assertion": thief.assertion(b"x" * 32),
    }
    path = f"/phone/auth-requests/{request.id}"
    async with call("PUT", path + "/answer", body=body) as response:
        assert response.status == 400
    body["assertion"]["id"] = body["assertion"]["rawId"] = desk.phone.credential_id
    async with call("PUT", path + "/answer", body=body) as response:
        assert response.status == 400
    async with call("GET", path) as response:
        assert (response.status, (await response.json())["status"]) == (200, "pending")
    async with call("PUT", path + "/answer", body={"decision": "deny"}) as response:
        assert response.status == 204
    assert await desk.outcome(started) == "denied"


async def test_an_assertion_is_for_one_request_only(desk):
    one, first = await desk.ask(request_context={"workstation_id": "a"})
    two, second = await desk.ask(request_context={"workstation_id": "b"}, binding_message="000000")
    code = two.binding_code
    body = {"decision": "approve", "code": code, "assertion": desk.assertion(second, code)}
    with pytest.raises(WireError) as refused:
        await desk.phone.answer(first.id, body)
    assert refused.value.error == "invalid_assertion"
    assert await desk.outcome(one) == "pending"


MALFORMED = {
    "nothing": b"",
    "no decision": b"{}",
    "another decision": b'{"decision": "maybe"}',
    "denied for no reason of ours": b'{"decision": "deny", "reason": "wrong_code"}',
    "approved without a signature": b'{"decision": "approve", "code": "1"}',
    "half a character": b'{"decision": "deny", "reason": "\\ud800"}',
    "not UTF-8": b'{"decision": "deny", "reason": "\xff"}',
    "deep": b'{"x":' + b"[" * 20000,
    "a list": b"[]",
    "code is a number": b'{"decision": "approve", "code": 1, "assertion": {}}',
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_answer_is_an_invalid_request(desk, call, raw):
    _, request = await desk.ask()
    async with call("PUT", f"/phone/auth-requests/{request.id}/answer", raw=raw) as response:
        assert (response.status, (await response.json())["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("identifier", ["%FF", "%00", "a%2Fb", "x" * 4000, "%F0%9F%98%80", "%20"])
async def test_any_identifier_is_unknown(desk, call, identifier):
    url = f"/phone/auth-requests/{identifier}"
    async with call("GET", url) as response:
        assert response.status == 404
    async with call("PUT", url + "/answer", body={"decision": "deny"}) as response:
        assert response.status == 404


@pytest.mark.parametrize("token", ["A" * 43, "x", "%FF"])
async def test_no_phone_no_answer(desk, call, token):
    _, request = await desk.ask()
    path = f"/phone/auth-requests/{request.id}"
    for method, where in (
        ("GET", "/phone/auth-requests"),
        ("GET", path),
        ("PUT", path + "/answer"),
    ):
        async with call(method, where, token=token, Prefer="wait=25") as response:
            assert response.status == 401


@pytest.fixture
async def unreliable_desk(register, tmp_path, stores, ports):
    """A desk whose server has a registry that can be away."""
    registry = UnreliableRegistry(stores.registry)
    settings = house_settings(register, tmp_path)
    broken = replace(stores, registry=registry)
    async with opened_house(settings, broken, ports, register) as house:
        phone = await house.bind()
        workstation = await house.workstation()
        yield Desk(house, phone, workstation, house.client_id), registry


@pytest.mark.parametrize("decision", ["approve", "deny"])
async def test_a_registry_that_is_away_takes_no_answer_and_the_same_one_again_does(
    unreliable_desk, decision
):
    desk, registry = unreliable_desk
    started, request = await desk.ask()
    code = started.binding_code
    approval = {"code": code, "assertion": desk.assertion(request, code)}
    body = {"decision": decision} | (approval if decision == "approve" else {"reason": "not_me"})
    registry.away = 1
    with pytest.raises(WireError) as away:
        await desk.phone.answer(request.id, body)
    assert (away.value.status, away.value.error) == (503, "temporarily_unavailable")
    assert await desk.outcome(started) == "pending"
    assert await desk.count("answers") == 0
    await desk.phone.answer(request.id, body)
    outcome = "assertion" if decision == "approve" else "not_me"
    assert await desk.outcome(started) == outcome


async def test_a_registry_that_is_away_at_the_redemption_is_asked_again(unreliable_desk):
    desk, registry = unreliable_desk
    started = await desk.approved()
    registry.away = 1
    assert await desk.outcome(started) == "temporarily_unavailable"
    assert await desk.outcome(started) == "assertion"
