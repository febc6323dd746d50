"""What happened is told: in order, as often as it takes, by one node, and nothing is lost."""

import asyncio
from datetime import timedelta

import jwt
import pytest
from aiohttp import web
from joserfc import jwt as jose
from joserfc.jwk import KeySet

from pairing_server.keys.status import Reason
from pairing_server.registry import streams
from pairing_server.registry.clients import ClientStatus
from pairing_server.signals import transmitter as module
from pairing_server.signals.stream import GIVEN_UP_AFTER
from tests.approvals.desk import MeddlingRegistry
from tests.signals.story import registered

OPERATOR = "operator:test"


async def block(house, phone):
    await house.phone_status().block(phone.credential_id, OPERATOR)


async def unblock(house, phone):
    await house.phone_status().unblock(phone.credential_id, OPERATOR)


async def test_a_blocked_phone_is_told_once_and_is_verified_by_the_key_set_alone(
    house, phone, heard
):
    await block(house, phone)
    assert await heard.send() == 1
    assert await heard.send() == 0

    (call,) = heard.endpoint.heard
    async with house.http.get(f"{house.base_url}/jwks.json") as answer:
        keys = await answer.json()
    by_jose = jose.decode(call.body.decode(), KeySet.import_key_set(keys), ["ES256"])
    kid = jwt.get_unverified_header(call.body)["kid"]
    key = next(jwt.PyJWK(each) for each in keys["keys"] if each["kid"] == kid)
    claims = jwt.decode(call.body, key, ["ES256"], audience=heard.id, issuer=house.base_url)
    assert by_jose.claims == claims
    assert by_jose.header["typ"] == "secevent+jwt"
    assert set(claims) == {"iss", "aud", "iat", "jti", "txn", "sub_id", "events"}
    assert claims["sub_id"] == {
        "format": "iss_sub",
        "iss": house.base_url,
        "sub": await heard.sub(),
    }
    assert call.headers["Content-Type"] == "application/secevent+jwt"


async def test_what_happens_is_told_in_the_order_in_which_it_happened(house, phone, heard):
    await block(house, phone)
    await unblock(house, phone)
    await house.phone_status().revoke(phone.credential_id, OPERATOR, Reason.LOST)
    await house.bind()

    assert await heard.send() == 4
    assert heard.changes() == ["update", "update", "revoke", "create"]


async def test_what_was_before_the_stream_is_not_told(heard):
    assert await heard.send() == 0
    assert heard.endpoint.heard == []


def hang():
    return asyncio.sleep(30)


def elsewhere():
    return web.Response(status=307, headers={"Location": "/elsewhere"})


def refused():
    body = {"err": "invalid_key", "description": "\u202eevil"}
    return web.json_response(body, status=400)


@pytest.mark.parametrize(
    "answer",
    [refused, 401, 500, elsewhere, hang],
    ids=["refused", "unauthorized", "fault", "redirect", "hanging"],
)
async def test_who_does_not_hear_is_told_again_and_then_what_came_after(
    house, phone, heard, monkeypatch, answer
):
    monkeypatch.setattr(module, "DEADLINE", timedelta(seconds=1))
    heard.endpoint.answers[:] = [answer, 202]
    await block(house, phone)
    await unblock(house, phone)
    assert await heard.send() == 0
    assert await heard.send() == 0
    failing = await heard.state()
    assert (failing.attempts, failing.heard_at, bool(failing.last_error)) == (1, None, True)
    house.ports.clock.advance(timedelta(seconds=10))

    assert await heard.send() == 2
    ids = [each["jti"] for each in heard.sets()]
    assert ids[0] == ids[1] != ids[2]
    assert [each.path for each in heard.endpoint.heard] == ["/ping"] * 3
    state = await heard.state()
    assert (state.attempts, state.failing_since, state.last_error) == (0, None, "")
    assert timedelta(0) <= house.ports.clock() - state.heard_at < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refused, "status_400 invalid_key"),
        (lambda: web.json_response({"err": "evil"}, status=400), "status_400"),
        (lambda: web.Response(status=400, body=b"[" * 4000), "status_400"),
        (500, "status_500"),
    ],
    ids=["known", "made up", "no JSON", "fault"],
)
async def test_after_a_day_a_stream_is_paused_and_says_why(house, phone, heard, answer, reason):
    heard.endpoint.answers[:] = [answer]
    await block(house, phone)
    await heard.send()
    house.ports.clock.advance(GIVEN_UP_AFTER - timedelta(seconds=1))
    await heard.send()
    assert (await heard.state()).status is streams.StreamStatus.ENABLED
    house.ports.clock.advance(timedelta(hours=1))
    await heard.send()

    said = {"status": "paused", "reason": f"delivery failed: {reason}"}
    state = await heard.state()
    assert {"status": state.status, "reason": state.reason} == said
    (paused,) = [e for e in await house.events() if e["action"] == "StreamPaused"]
    assert (paused["object"], paused["outcome"]) == (f"stream:{heard.stream}", "refused")
    assert heard.told()[-1] == ("stream-updated", said)
    house.ports.clock.advance(GIVEN_UP_AFTER)
    assert await heard.send() == 0
    assert len(heard.endpoint.heard) == 4


async def test_what_happens_while_a_stream_is_paused_is_told_later(house, phone, heard):
    change = {"stream_id": heard.stream, "status": "paused"}
    await heard.call("POST", "/ssf/status", change)
    await block(house, phone)
    assert await heard.send() == 0
    await heard.call("POST", "/ssf/status", change | {"status": "enabled"})

    assert await heard.send() == 1


async def test_what_happens_while_it_is_disabled_is_never_told(house, phone, heard):
    change = {"stream_id": heard.stream, "status": "disabled"}
    await heard.call("POST", "/ssf/status", change)
    await block(house, phone)
    await heard.call("POST", "/ssf/status", change | {"status": "enabled"})
    await unblock(house, phone)

    assert await heard.send() == 1
    ((_, body),) = heard.told()
    assert body["reason_admin"]["en"] == "A blocked phone was unblocked."


async def test_a_node_that_dies_after_it_told_tells_again_by_the_same_name(house, phone, heard):
    """It was heard, and the commit that says so was never made."""
    await block(house, phone)
    await unblock(house, phone)
    registry = MeddlingRegistry(house.registry)

    async def die():
        registry.away = 100

    registry.after = die
    with pytest.raises(Exception, match="away"):
        await heard.transmitter(registry).send()
    assert len(heard.endpoint.heard) == 1
    assert await heard.send() == 0
    house.ports.clock.advance(module.CLAIMED_FOR)

    assert await heard.send() == 2
    ids = [each["jti"] for each in heard.sets()]
    assert ids[0] == ids[1] != ids[2]


async def test_of_two_nodes_one_tells(house, phone, heard):
    """The other one comes between what this one has read and what it writes."""
    await block(house, phone)
    registry = MeddlingRegistry(house.registry)
    registry.before = heard.send

    assert await heard.transmitter(registry).send() == 0
    assert len(heard.endpoint.heard) == 1


async def test_a_node_that_was_too_slow_moves_nothing(house, phone, heard):
    """While it waited for an answer its claim ran out, and the other one told all of it."""
    await block(house, phone)
    await unblock(house, phone)
    other = heard.transmitter()

    async def overtaken():
        heard.endpoint.answers[:] = [202]
        house.ports.clock.advance(module.CLAIMED_FOR)
        assert await other.send() == 2
        return web.Response(status=202)

    heard.endpoint.answers[:] = [overtaken]
    assert await heard.transmitter().send() == 1
    assert await heard.send() == 0
    assert len(heard.endpoint.heard) == 3


async def test_nothing_is_sent_to_a_client_that_is_closed(house, phone, heard):
    await block(house, phone)
    await heard.change(status=ClientStatus.CLOSED)

    assert await heard.send() == 0
    assert heard.endpoint.heard == []


async def test_nothing_is_sent_where_a_client_is_not_registered_any_more(house, phone, heard):
    await block(house, phone)
    await heard.change(metadata=registered("https://siem.example/other"))

    assert await heard.send() == 0
    assert heard.endpoint.heard == []
    assert (await heard.state()).attempts == 1


async def test_nothing_is_sent_inside_unless_that_was_agreed(house, phone, heard):
    await block(house, phone)
    await heard.change(policy={"machine_scopes": ["ssf.manage"]})

    assert await heard.send() == 0
    assert heard.endpoint.heard == []


async def test_a_stream_is_shown_what_its_client_wants_and_the_registry_does_not_hold_it(
    house, phone, heard
):
    delivery = {
        "method": "urn:ietf:rfc:8935",
        "endpoint_url": heard.endpoint.url,
        "authorization_header": "Bearer of-the-client",
    }
    change = {"stream_id": heard.stream, "delivery": delivery}
    status, said = await heard.call("PATCH", "/ssf/streams", change)
    await block(house, phone)
    await heard.send()

    assert status == 200
    assert "of-the-client" not in str(said)
    assert heard.endpoint.heard[0].headers["Authorization"] == "Bearer of-the-client"
    sealed = (await heard.state()).authorization_header
    assert sealed
    assert b"of-the-client" not in sealed
    assert "of-the-client" not in str(await house.events())


async def test_a_turn_ends_so_that_others_have_theirs(house, phone, heard, monkeypatch):
    monkeypatch.setattr(module, "TURN", 1)
    await block(house, phone)
    await unblock(house, phone)

    assert [await heard.send() for _ in range(3)] == [1, 1, 0]


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(module, "EVERY", timedelta(milliseconds=20))


async def test_a_node_that_runs_sends_by_itself_whatever_goes_wrong(
    house, phone, heard, quick, monkeypatch
):
    sender = heard.transmitter()
    real, calls = sender.send, []

    async def first_fails():
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("a bug")
        return await real()

    monkeypatch.setattr(sender, "send", first_fails)
    await block(house, phone)
    async with sender.running():
        await heard.endpoint.calls()

    assert len(heard.endpoint.heard) == 1
