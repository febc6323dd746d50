"""The workstation's calls on the bare wire: forms, headers, refusals, and no secret in them."""

import asyncio
import json
import logging

import pytest
import structlog

from tests.approvals.desk import held
from tests.oidc.client import ASSERTION_TYPE, CIBA


async def test_every_call_needs_its_own_assertion(client):
    form = [("scope", "openid"), ("login_hint", "x")]
    for path in ("/bc-authorize", "/token"):
        status, body = await client.send(path, form)
        assert (status, body["error"]) == (401, "invalid_client")
    once = client.assertion()
    status, _ = await client.ask(client_assertion=once)
    assert status == 200
    status, body = await client.poll("x", client_assertion=once)
    assert (status, body["error"]) == (401, "invalid_client")


async def test_a_client_that_is_not_known_is_offered_no_scheme(client):
    """RFC 6749 section 5.2 names the scheme that the client used, and private_key_jwt is none."""
    url = client.house.base_url + "/token"
    async with client.house.http.post(url, data={"grant_type": CIBA}) as response:
        assert (response.status, (await response.json())["error"]) == (401, "invalid_client")
        assert "WWW-Authenticate" not in response.headers
    async with client.house.http.get(client.house.base_url + "/userinfo") as response:
        assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


async def preferred(client, auth_req_id, *sent):
    """Poll with preferences; the answer's error, and the preference that was kept to."""
    form = {
        "grant_type": CIBA,
        "auth_req_id": auth_req_id,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": client.assertion(),
    }
    headers = [("Prefer", each) for each in sent]
    url = client.house.base_url + "/token"
    async with client.house.http.post(url, data=form, headers=headers) as answer:
        body = await answer.json()
        return body.get("error", "ok"), answer.headers.get("Preference-Applied")


@pytest.mark.parametrize(
    ("sent", "applied"), [(["wait=1"], "wait=1"), (["respond-async", "wait=1"], "wait=1")]
)
async def test_a_held_poll_says_that_it_was_held(desk, client, sent, applied):
    started, request = await desk.ask()
    assert await preferred(client, started.auth_req_id, *sent) == (
        "authorization_pending",
        applied,
    )
    await desk.phone.approve(request, started.binding_code)
    assert await preferred(client, started.auth_req_id, "wait=600") == ("ok", "wait=30")


@pytest.mark.parametrize("sent", [[], ["wait=0"], ["respond-async"]])
async def test_a_poll_that_is_not_held_says_nothing_of_it(desk, client, sent):
    started, _ = await desk.ask()
    assert await preferred(client, started.auth_req_id, *sent) == ("authorization_pending", None)


@pytest.mark.usefixtures("one_held_call")
async def test_a_poll_that_is_one_too_many_says_nothing_of_it(desk, client):
    started, request = await desk.ask()
    poll = await held(client.error(started.auth_req_id, wait=25))
    assert (await preferred(client, started.auth_req_id, "wait=1"))[1] is None
    await desk.phone.approve(request, started.binding_code)
    assert await asyncio.wait_for(poll, 2) == "ok"


@pytest.fixture
def one_held_call(monkeypatch):
    monkeypatch.setattr("pairing_server.oidc.routes.MOST_OF_CLIENT", 1)


@pytest.mark.usefixtures("one_held_call")
async def test_beyond_its_held_calls_a_client_is_answered_at_once(desk, client):
    started, request = await desk.ask()
    poll = await held(client.error(started.auth_req_id, wait=25))
    at_once = [client.error(started.auth_req_id, wait=25) for _ in range(2)]
    seen = [await asyncio.wait_for(call, 2) for call in at_once]
    assert seen == ["authorization_pending", "slow_down"]
    await desk.phone.approve(request, started.binding_code)
    assert await asyncio.wait_for(poll, 2) == "ok"


async def test_a_repeated_parameter_is_refused_whichever_it_is(client):
    good = [
        ("scope", "openid"),
        ("login_hint", "x"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", client.assertion()),
    ]
    for pair in [*good, ("login_hint", "y"), ("client_assertion", ""), ("unknown", "1")]:
        extra = [pair, pair] if pair[0] == "unknown" else [pair]
        status, body = await client.send("/bc-authorize", good + extra)
        assert (status, body["error"]) == (400, "invalid_request")
    # None of these used up the assertion.
    assert (await client.send("/bc-authorize", good))[0] == 200


async def test_parameters_that_are_not_known_are_ignored(client):
    status, _ = await client.ask(acr_values="high", user_code="1", more="x", dpop_jkt="y")
    assert status == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"scope": None}, "invalid_scope"),
        ({"scope": "uzi"}, "invalid_scope"),
        ({"login_hint": None}, "invalid_request"),
        ({"login_hint": ""}, "invalid_request"),
        ({"id_token_hint": "t"}, "invalid_request"),
        ({"login_hint": None, "login_hint_token": "t"}, "invalid_request"),
        ({"ura": "90000009"}, "invalid_request"),
        ({"binding_message": "12345"}, "invalid_binding_message"),
        ({"binding_message": "a\u202eb"}, "invalid_binding_message"),
        ({"binding_message": "x" * 101}, "invalid_binding_message"),
        ({"requested_expiry": "0"}, "invalid_request"),
        ({"request_context": "{"}, "invalid_request"),
        ({"request": "eyJ"}, "invalid_request"),
    ],
)
async def test_a_malformed_request_is_refused_by_name(client, form, error):
    status, body = await client.ask(**form)
    assert (status, body["error"]) == (400, error)
    assert set(body) == {"error", "error_description"}


@pytest.mark.parametrize("path", ["/bc-authorize", "/token"])
async def test_only_forms_are_taken(client, path):
    url = client.house.base_url + path
    async with client.house.http.post(url, json={"scope": "openid"}) as response:
        assert (response.status, (await response.json())["error"]) == (415, "invalid_request")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with client.house.http.post(url, data=b"scope=\xff%ff", headers=headers) as response:
        assert response.status == 400
    async with client.house.http.get(url) as response:
        assert response.status == 405


async def test_parameters_in_the_query_are_not_read(client):
    url = f"{client.house.base_url}/token?client_assertion={client.assertion()}"
    form = {"client_assertion_type": ASSERTION_TYPE, "grant_type": CIBA}
    async with client.house.http.post(url, data=form) as response:
        assert response.status == 401


async def test_tokens_are_kept_by_no_cache(desk, client):
    started = await desk.approved()
    form = {
        "grant_type": CIBA,
        "auth_req_id": started.auth_req_id,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": client.assertion(),
    }
    url = client.house.base_url + "/token"
    async with client.house.http.post(url, data=form) as response:
        assert response.status == 200
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Pragma"] == "no-cache"


async def test_no_secret_stands_in_a_log_or_an_error(desk, client, caplog, capsys):
    logged = []

    def keep(_logger, _method, event):
        logged.append(repr(event))
        raise structlog.DropEvent

    caplog.set_level(logging.DEBUG)
    before = structlog.get_config()
    structlog.configure(processors=[structlog.processors.format_exc_info, keep])
    try:
        secrets, errors = await a_busy_day(desk, client)
    finally:
        structlog.configure(**before)
    captured = capsys.readouterr()
    text = "\n".join([*logged, caplog.text, captured.out, captured.err, *errors])
    assert len(logged) > 20
    assert len(errors) > 8
    assert [name for name, secret in secrets.items() if secret in text] == []


async def a_busy_day(desk, client):
    """Do everything right once and everything wrong once; the secrets, and the error bodies."""
    used = client.assertion()
    _, asked = await client.ask(client_assertion=used, binding_message="73104628")
    answers = [
        await client.ask(client_assertion=used),
        await client.ask(binding_message="7310462899"),
        await client.ask(login_hint="j.secret-name\u200b" + "x" * 200),
        await client.ask(client_assertion=used[:-4] + "AAAA"),
        await client.ask(client_assertion="x." + used),
        await client.poll(asked["auth_req_id"]),
        await client.poll(asked["auth_req_id"]),
        await client.poll(asked["auth_req_id"][:-1] + "_"),
    ]
    (request,) = await desk.phone.auth_requests()
    wrong = desk.assertion(request, "99999999")
    base, http = desk.house.base_url, desk.house.http
    headers = {"Authorization": f"Bearer {desk.phone.device_token}"}
    for code, assertion in (("99999999", wrong), ("11111111", wrong), ("1" * 30, wrong)):
        body = {"decision": "approve", "code": code, "assertion": assertion}
        url = f"{base}/phone/auth-requests/{request.id}/answer"
        async with http.put(url, json=body, headers=headers) as response:
            answers.append((response.status, await response.json()))
    await desk.phone.approve(request, "73104628")
    _, tokens = await client.poll(asked["auth_req_id"])
    answers.append(await client.poll(asked["auth_req_id"]))
    await client.userinfo(tokens["access_token"])
    await desk.block()
    answers.append(await client.userinfo(tokens["access_token"]))
    async with http.get(base + "/phone/auth-requests", headers=headers) as response:
        answers.append((response.status, await response.json()))
    secrets = {
        "auth_req_id": asked["auth_req_id"],
        "own code": "73104628",
        "typed code": "99999999",
        "device token": desk.phone.device_token,
        "access token": tokens["access_token"],
        "ID token": tokens["id_token"],
        "client assertion": used,
        "its signature": used.rsplit(".", 1)[1][:-4],
        "its claims": used.split(".")[1],
        "phone's signature": wrong["response"]["signature"],
        "uzi number": desk.house.holder.uzi_number,
        "login hint": "j.secret-name",
    }
    return secrets, [json.dumps(body) for status, body in answers if status >= 400]
