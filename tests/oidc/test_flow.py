"""Asking, polling and reading claims: every answer by its name, and what no answer tells."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from clients.card_profile import Holder
from pairing_server.approvals.asked import request_id
from pairing_server.approvals.auth_request import is_nobody
from pairing_server.registry.tables import client as client_table
from pairing_server.registry.tables import organisation
from pairing_server.tokens import digest
from tests.approvals.desk import held
from tests.oidc.client import BareClient
from tests.oidc.test_redemption import ENDS, change, close_client, close_organisation, close_person

STRANGER = Holder(
    uzi_number="900000777", first_names="Bo", last_name="Ander", ura="90000777",
    organisation_name="Elders",
)  # fmt: skip


async def test_an_answer_to_a_good_request(client):
    status, body = await client.ask()
    assert status == 200
    assert len(body["auth_req_id"]) == 43
    assert (body["expires_in"], body["interval"]) == (120, 5)
    assert body["binding_code"].isdigit()
    assert len(body["binding_code"]) == 6
    assert body["qr_events_uri"] == f"{client.house.base_url}/qr/events"
    names = {"auth_req_id", "expires_in", "interval", "binding_code", "qr_events_uri"}
    assert set(body) == names


async def test_the_server_draws_codes_of_the_policys_length(desk, client):
    await change(desk, sa.update(client_table).values(policy='{"code_digits": 4}'))
    _, body = await client.ask()
    assert len(body["binding_code"]) == 4


async def test_who_has_no_phone_that_the_organisation_takes_has_none(desk, client):
    strict = '{"verdicts": ["hardware"]}'
    await change(desk, sa.update(organisation).values(key_policy=strict))
    status, body = await client.ask()
    assert (status, body["error"]) == (400, "unknown_user_id")


async def test_the_clients_own_code_is_the_code(desk):
    started, request = await desk.ask(binding_message="042917")
    assert (started.binding_code, request.message, request.code_length) == ("042917", "", 6)
    await desk.phone.approve(request, "042917")
    assert await desk.outcome(started) == "assertion"


async def test_the_clients_words_are_shown_beside_a_drawn_code(desk):
    started, request = await desk.ask(binding_message="Recept 12")
    assert (request.message, request.code_length) == ("Recept 12", 6)
    assert started.binding_code != "Recept 12"


async def test_the_phone_is_woken_with_its_own_identifier_and_nothing_else(house, client):
    phone = await house.bind(await house.logged_in(), push_token="tok")
    _, body = await client.ask()
    await phone.auth_requests()
    ((address, wakeup),) = house.push.sent
    assert address.address == "tok"
    assert wakeup.id == request_id(body["auth_req_id"])
    assert body["auth_req_id"] not in str(wakeup)


async def test_what_the_phone_sees_does_not_reveal_the_auth_req_id(desk):
    started, request = await desk.ask()
    assert request.id == digest(started.auth_req_id)[:22]
    assert started.auth_req_id not in str(request)
    client = BareClient(desk.house, desk.client_id, desk.house.client_key)
    assert await client.error(request.id) == "invalid_grant"


async def test_the_store_keeps_no_auth_req_id(desk):
    started = await desk.approved()
    assert started.auth_req_id.encode() not in await desk.raw(started)


async def test_a_user_name_is_a_hint(desk, client):
    _, own = await client.ask(scope="openid profile")
    (request,) = await desk.phone.auth_requests()
    await desk.phone.approve(request, own["binding_code"])
    _, body = await client.poll(own["auth_req_id"])
    _, claims = await client.userinfo(body["access_token"])
    status, _ = await client.ask(login_hint=claims["preferred_username"])
    assert status == 200
    assert len(await desk.phone.auth_requests()) == 1


async def test_own_people_without_an_active_phone_are_said_to_be_unknown(desk, client):
    await desk.block()
    status, body = await client.ask()
    assert (status, body["error"]) == (400, "unknown_user_id")
    assert set(body) == {"error", "error_description"}


async def test_nobody_and_people_elsewhere_cannot_be_told_apart(house, desk, client, clock):
    await house.bind(await house.registered(STRANGER))
    hints = ["uzi:900000009", "uzi:" + STRANGER.uzi_number, "nobody", "x" * 200]
    answers = [await client.ask(login_hint=hint, requested_expiry="20") for hint in hints]
    known = await client.ask(requested_expiry="20")
    assert {status for status, _ in answers} == {200}
    shapes = {
        tuple((name, len(str(value))) for name, value in body.items())
        for _, body in [*answers, known]
    }
    assert len(shapes) == 1
    polls = [await client.poll(body["auth_req_id"]) for _, body in answers]
    assert polls == [await client.poll(known[1]["auth_req_id"])] * 4
    assert polls[0][1]["error"] == "authorization_pending"
    assert await client.error(answers[1][1]["auth_req_id"]) == "slow_down"
    clock.advance(timedelta(seconds=20))
    ended = [await client.error(body["auth_req_id"]) for _, body in answers]
    assert ended == ["expired_token"] * 4


@pytest.mark.parametrize("end", [close_person, close_organisation, ENDS[1], ENDS[2]])
async def test_who_has_left_is_nobody(desk, client, end):
    await end(desk)
    status, body = await client.ask()
    assert (status, len(body)) == (200, 5)
    stored = await desk.shelf.get(request_id(body["auth_req_id"]))
    assert is_nobody(stored.value.person_id)
    assert stored.value.shown.organisation == stored.value.shown.role_code == ""


async def test_a_client_of_several_organisations_asks_for_one(house, desk):
    await house.add_organisation("90000002", "Tweede")
    await house.workstation("LSP", (house.holder.ura, "90000002"))
    both = BareClient(house, house.client_id, house.client_key)
    _, body = await both.ask()
    assert body["error"] == "invalid_request"
    assert "ura" in body["error_description"]
    status, _ = await both.ask(ura=house.holder.ura)
    assert status == 200
    _, body = await both.ask(ura="90000003")
    assert body["error"] == "invalid_request"
    # A person of one organisation is nobody in the other.
    status, _ = await both.ask(ura="90000002")
    assert status == 200
    assert len(await desk.phone.auth_requests()) == 1


async def test_a_poll_before_the_answer(client):
    _, asked = await client.ask()
    status, body = await client.poll(asked["auth_req_id"])
    assert (status, body["error"]) == (400, "authorization_pending")


async def test_polls_that_come_too_fast_are_slowed_down_more_and_more(client, clock):
    _, asked = await client.ask()
    seen = []
    for seconds in (0, 4, 9, 14, 20, 19):
        clock.advance(timedelta(seconds=seconds))
        seen.append(await client.error(asked["auth_req_id"], **fresh(client, clock)))
    assert seen == [
        "authorization_pending", "slow_down", "slow_down", "slow_down",
        "authorization_pending", "slow_down",
    ]  # fmt: skip


def fresh(client, clock):
    """An assertion by the server's clock, which the test has moved on."""
    later = int(clock().timestamp())
    return {"client_assertion": client.assertion(iat=later, exp=later + 60)}


async def test_a_decided_request_is_answered_at_once_however_fast_it_is_polled(desk, client):
    started, request = await desk.ask()
    for _ in range(3):
        await client.error(started.auth_req_id)
    assert await client.error(started.auth_req_id) == "slow_down"
    await desk.phone.approve(request, started.binding_code)
    status, body = await client.poll(started.auth_req_id)
    assert (status, "id_token" in body) == (200, True)


async def test_a_denied_request_is_answered_at_once_however_fast_it_is_polled(desk, client):
    started, request = await desk.ask()
    await client.error(started.auth_req_id)
    assert await client.error(started.auth_req_id) == "slow_down"
    await desk.phone.deny(request)
    assert await client.error(started.auth_req_id) == "access_denied"
    assert await client.error(started.auth_req_id) == "access_denied"


async def test_after_a_held_poll_the_next_may_follow_at_once(client):
    _, asked = await client.ask()
    assert await client.error(asked["auth_req_id"], wait=1) == "authorization_pending"
    assert await client.error(asked["auth_req_id"]) == "authorization_pending"
    assert await client.error(asked["auth_req_id"]) == "slow_down"


async def test_a_held_poll_is_never_too_fast(client):
    _, asked = await client.ask()
    assert await client.error(asked["auth_req_id"]) == "authorization_pending"
    assert await client.error(asked["auth_req_id"], wait=1) == "authorization_pending"
    assert await client.error(asked["auth_req_id"]) == "authorization_pending"


async def test_a_held_poll_returns_with_the_answer(desk, client):
    started, request = await desk.ask()
    poll = await held(client.poll(started.auth_req_id, wait=25))
    await desk.phone.approve(request, started.binding_code)
    status, body = await asyncio.wait_for(poll, 2)
    assert (status, "id_token" in body) == (200, True)


async def test_two_held_polls_share_one_answer(desk, client):
    started, request = await desk.ask()
    polls = [await held(client.error(started.auth_req_id, wait=25)) for _ in range(2)]
    await desk.phone.approve(request, started.binding_code)
    assert sorted(await asyncio.gather(*polls)) == ["invalid_grant", "ok"]


async def test_a_held_poll_ends_when_the_request_runs_out(client, clock):
    _, asked = await client.ask(requested_expiry="20")
    clock.advance(timedelta(seconds=19.7))
    poll = client.error(asked["auth_req_id"], wait=25)
    assert await asyncio.wait_for(poll, 2) == "expired_token"


async def test_an_approval_that_is_not_redeemed_runs_out(desk, client, clock):
    started = await desk.approved(requested_expiry=20)
    clock.advance(timedelta(seconds=20))
    assert await client.error(started.auth_req_id) == "expired_token"
    assert await desk.count("redemptions") == 0


async def test_unknown_foreign_and_used_are_one_answer(desk, client, house):
    used = await desk.approved()
    await desk.poll(used)
    pending, _ = await desk.ask()
    theirs = await desk.approved(request_context={"workstation_id": "theirs"})
    await house.workstation("EPD")
    other = BareClient(house, house.client_id, house.client_key)
    seen = [
        await client.poll(used.auth_req_id),
        await client.poll("A" * 43),
        await client.poll("\u00e9"),
        await other.poll(pending.auth_req_id),
        await other.poll(theirs.auth_req_id),
        await asyncio.wait_for(other.poll(pending.auth_req_id, wait=25), 2),
    ]
    assert seen == [seen[0]] * 6
    assert (seen[0][0], seen[0][1]["error"]) == (400, "invalid_grant")
    assert await desk.outcome(theirs) == "assertion"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "invalid_request"),
        ({"auth_req_id": None}, "invalid_request"),
        ({"auth_req_id": ""}, "invalid_request"),
    ],
)
async def test_a_malformed_poll(client, form, error):
    good = {"grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": "x"}
    status, body = await client.post("/token", good | form)
    assert (status, body["error"]) == (400, error)


async def test_userinfo_tells_what_the_scopes_tell(desk, client):
    started = await desk.approved(scope="openid uzi")
    _, body = await client.poll(started.auth_req_id)
    for method in ("GET", "POST"):
        status, claims = await client.userinfo(body["access_token"], method)
        assert status == 200
        assert set(claims) == {"sub", "uzi_number", "ura", "organisation_name", "role_code"}
    verified = await desk.workstation.verify(body["id_token"], started.auth_req_id)
    assert claims["sub"] == verified.sub


@pytest.mark.parametrize("end", [*ENDS, close_client])
async def test_userinfo_ends_at_once_with_what_it_rests_on(desk, client, end):
    started = await desk.approved()
    _, body = await client.poll(started.auth_req_id)
    await end(desk)
    status, refused = await client.userinfo(body["access_token"])
    assert (status, refused["error"]) == (401, "invalid_token")


async def test_an_access_token_ends_when_it_said(desk, client, clock):
    started = await desk.approved()
    _, body = await client.poll(started.auth_req_id)
    clock.advance(timedelta(seconds=body["expires_in"] - 2))
    assert (await client.userinfo(body["access_token"]))[0] == 200
    clock.advance(timedelta(seconds=2))
    assert (await client.userinfo(body["access_token"]))[0] == 401


async def test_no_other_token_opens_userinfo(desk, client):
    started = await desk.approved()
    _, body = await client.poll(started.auth_req_id)
    others = [
        None, "x", body["id_token"], started.auth_req_id, desk.phone.device_token,
        body["access_token"] + "A", body["access_token"][:-1], digest(body["access_token"]),
    ]  # fmt: skip
    assert [(await client.userinfo(token))[0] for token in others] == [401] * 8
    url = f"{desk.house.base_url}/userinfo?access_token={body['access_token']}"
    async with desk.house.http.get(url) as response:
        assert response.status == 401


async def test_an_access_token_opens_nothing_else(desk, client):
    started = await desk.approved()
    _, body = await client.poll(started.auth_req_id)
    headers = {"Authorization": f"Bearer {body['access_token']}"}
    for path in ("/phone/auth-requests", "/phone/credential"):
        async with desk.house.http.get(desk.house.base_url + path, headers=headers) as response:
            assert response.status == 401


async def test_a_slow_poll_beside_a_fast_one_is_counted_once(desk, client):
    """Two polls at once: one of them comes too soon, whichever it is."""
    _, asked = await client.ask()
    seen = await asyncio.gather(*(client.error(asked["auth_req_id"]) for _ in range(8)))
    assert sorted(seen) == ["authorization_pending"] + ["slow_down"] * 7


async def test_a_locked_person_cannot_start(desk, client):
    """CVE-2026-9798: a lockout that the backchannel does not know."""
    await desk.block()
    _, body = await client.ask()
    assert body["error"] == "unknown_user_id"


async def test_a_request_approved_for_one_client_is_not_the_others(desk, house):
    started = await desk.approved()
    await house.workstation("EPD")
    mine = BareClient(house, house.client_id, house.client_key)
    assert await mine.error(started.auth_req_id) == "invalid_grant"
    assert await desk.outcome(started) == "assertion"
