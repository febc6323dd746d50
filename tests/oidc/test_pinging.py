"""Clients in ping mode hear of the end of a request, whatever is wrong with them."""

import asyncio
import contextlib
import json
import logging
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
import structlog
from aiohttp import web

from pairing_server.approvals.asked import request_id
from pairing_server.keys.seal import Seal, derived_key
from pairing_server.metrics import PINGS
from pairing_server.oidc import pinging
from pairing_server.oidc.client_egress import LOOPBACK, make_client_egress
from pairing_server.oidc.ping import PATIENCE, Outcome
from pairing_server.oidc.ping_queue import Ping, PingQueue
from pairing_server.oidc.pinging import Pings
from pairing_server.oidc.setup import PING_KEY
from pairing_server.registry import RegistryUnavailableError, clients
from pairing_server.registry.client_metadata import ClientMetadata, DeliveryMode
from pairing_server.registry.clients import ClientStatus
from pairing_server.registry.tables import client as client_table
from pairing_server.store import StoreUnavailableError
from pairing_server.tokens import new_secret
from tests.approvals.desk import Desk
from tests.approvals.siege import CODE, Siege
from tests.oidc.client import BareClient
from tests.oidc.endpoint import listening
from tests.oidc.test_redemption import change

TOKEN = "8d67dc78-7faa-4d41-aabd-67707b374255"
EXPIRY = "20"


def ping_mode(url):
    return ClientMetadata(
        backchannel_token_delivery_mode=DeliveryMode.PING,
        backchannel_client_notification_endpoint=url,
    )


def count(outcome):
    return PINGS.labels(outcome)._value.get()


@pytest.fixture
async def endpoint():
    async with listening() as opened:
        yield opened


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """Nobody waits for seconds here."""
    monkeypatch.setattr("pairing_server.oidc.ping.FIRST_RETRY", timedelta(milliseconds=10))
    monkeypatch.setattr("pairing_server.oidc.ping.LAST_RETRY", timedelta(milliseconds=20))
    monkeypatch.setattr("pairing_server.oidc.pinging.SOON", timedelta(milliseconds=10))


@pytest.fixture
async def desk(house, endpoint):
    """A phone, and a client in ping mode."""
    phone = await house.bind()
    workstation = await house.workstation(metadata=ping_mode(endpoint.url))
    return Desk(house, phone, workstation, house.client_id)


@pytest.fixture
def client(desk):
    return BareClient(desk.house, desk.client_id, desk.house.client_key)


async def asked(client, **form):
    form = {"client_notification_token": TOKEN, "requested_expiry": EXPIRY} | form
    status, body = await client.ask(**form)
    assert status == 200
    return body


async def approve(desk, body):
    request = await desk.phone.get(request_id(body["auth_req_id"]))
    await desk.phone.approve(request, body["binding_code"])


async def settled(desk, *bodies):
    """Wait until nothing is left to be sent."""
    async with asyncio.timeout(20):
        for body in bodies:
            while True:
                if await desk.house.store.get(f"ping:{request_id(body['auth_req_id'])}") is None:
                    break
                await asyncio.sleep(0.005)


async def test_an_approval_is_told_by_its_auth_req_id_and_the_clients_token(
    desk, client, endpoint
):
    body = await asked(client)
    assert endpoint.heard == []
    await approve(desk, body)
    (heard,) = await endpoint.calls()
    assert (heard.method, heard.path) == ("POST", "/ping")
    assert heard.headers["Authorization"] == f"Bearer {TOKEN}"
    assert heard.headers["Content-Type"] == "application/json"
    assert json.loads(heard.body) == {"auth_req_id": body["auth_req_id"]}
    status, answer = await client.poll(body["auth_req_id"])
    assert (status, "id_token" in answer) == (200, True)
    await settled(desk, body)
    assert len(endpoint.heard) == 1


async def deny(desk, body):
    await desk.phone.deny(await desk.phone.get(request_id(body["auth_req_id"])))


async def block(desk, body):
    await desk.block()


async def supersede(desk, body):
    client = BareClient(desk.house, desk.client_id, desk.house.client_key)
    await asked(client, request_context='{"workstation_id": "ws-1"}')


@pytest.mark.parametrize("end", [deny, block, supersede])
async def test_every_other_end_is_told_too(desk, client, endpoint, end):
    body = await asked(client, request_context='{"workstation_id": "ws-1"}')
    await end(desk, body)
    (heard,) = await endpoint.calls()
    assert json.loads(heard.body) == {"auth_req_id": body["auth_req_id"]}
    assert await client.error(body["auth_req_id"]) == "access_denied"


@pytest.mark.parametrize("hint", [None, "uzi:900000009"])
async def test_what_runs_out_is_told_be_it_of_nobody(client, endpoint, hint):
    named = {"login_hint": hint} if hint else {}
    body = await asked(client, requested_expiry="1", **named)
    await endpoint.calls()
    assert await client.error(body["auth_req_id"]) == "expired_token"


async def test_a_client_in_poll_mode_is_not_called(house, endpoint):
    await house.bind()
    workstation = await house.workstation()
    client = BareClient(house, house.client_id, house.client_key)
    body = await asked(client)
    assert await house.store.get(f"ping:{request_id(body['auth_req_id'])}") is None
    assert endpoint.heard == []
    assert workstation


async def test_an_endpoint_that_hangs_holds_up_neither_phone_nor_workstation(
    desk, client, endpoint
):
    release = asyncio.Event()

    async def hang():
        await release.wait()
        return web.Response(status=204)

    endpoint.answers = [hang]
    body = await asked(client)
    async with asyncio.timeout(3):
        await approve(desk, body)
        await endpoint.calls()
        assert (await client.poll(body["auth_req_id"]))[0] == 200
    release.set()
    await settled(desk, body)


async def test_what_may_pass_is_tried_again_until_it_is_taken(desk, client, endpoint):
    endpoint.answers = [500, 503, 429, 204]
    sent = count(Outcome.SENT)
    body = await asked(client)
    await approve(desk, body)
    heard = await endpoint.calls(4)
    assert len({(call.body, call.headers["Authorization"]) for call in heard}) == 1
    await settled(desk, body)
    assert len(endpoint.heard) == 4
    assert count(Outcome.SENT) == sent + 1


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (401, Outcome.UNAUTHORIZED),
        (403, Outcome.REFUSED),
        (404, Outcome.REFUSED),
        (301, Outcome.REDIRECT),
        (307, Outcome.REDIRECT),
    ],
)
async def test_what_was_answered_is_not_tried_again(desk, client, endpoint, status, outcome):
    def answer():
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    endpoint.answers = [answer]
    before = count(outcome)
    body = await asked(client)
    await approve(desk, body)
    await endpoint.calls()
    await settled(desk, body)
    assert [call.path for call in endpoint.heard] == ["/ping"]
    assert count(outcome) == before + 1
    # The answer is there all the same.
    assert (await client.poll(body["auth_req_id"]))[0] == 200


@pytest.mark.parametrize("size", [20, 100_000])
async def test_a_body_is_ignored(desk, client, endpoint, size):
    endpoint.answers = [lambda: web.Response(text="x" * size)]
    body = await asked(client)
    await approve(desk, body)
    await endpoint.calls()
    await settled(desk, body)
    assert len(endpoint.heard) == 1


async def test_who_has_asked_by_itself_is_not_told_again(desk, client, endpoint):
    endpoint.answers = [503]
    body = await asked(client)
    await approve(desk, body)
    await endpoint.calls()
    assert (await client.poll(body["auth_req_id"]))[0] == 200
    await settled(desk, body)


async def close_client(desk, endpoint):
    await change(desk, sa.update(client_table).values(status=ClientStatus.CLOSED))


async def put_to_poll(desk, endpoint):
    await change(desk, sa.update(client_table).values(metadata="{}"))


@pytest.mark.parametrize("end", [close_client, put_to_poll])
async def test_who_does_not_await_it_any_more_is_not_told(desk, client, endpoint, end):
    needless = count(Outcome.NEEDLESS)
    body = await asked(client)
    await end(desk, endpoint)
    await approve(desk, body)
    await settled(desk, body)
    assert endpoint.heard == []
    assert count(Outcome.NEEDLESS) == needless + 1


async def test_the_endpoint_is_the_one_that_is_registered_when_it_is_called(
    desk, client, endpoint
):
    body = await asked(client)
    async with listening() as moved:

        def move(tx):
            his = clients.get(tx, desk.client_id)
            clients.update(tx, replace(his, metadata=ping_mode(moved.url)))

        await desk.house.registry.commit(move)
        await approve(desk, body)
        await moved.calls()
        await settled(desk, body)
    assert endpoint.heard == []


class Node:
    """Another node on the same stores, or on what a test puts in their place."""

    def __init__(self, desk, store=None, registry=None, settings=None):
        house = desk.house
        store, registry = store or house.store, registry or house.registry
        ports = replace(house.ports, store=store, registry=registry)
        seal = Seal(derived_key(house.stores.pairwise_salt, PING_KEY), ports.random)
        self.queue = PingQueue(ports, seal, new_secret(ports.random), PATIENCE)
        self.egress = make_client_egress(settings or house.settings)
        self.pings = Pings(ports, desk.flow(store, registry), self.queue, self.egress)

    @contextlib.asynccontextmanager
    async def up(self):
        running = self.pings.running(None)
        await anext(running)
        try:
            yield self.pings
        finally:
            with pytest.raises(StopAsyncIteration):
                await anext(running)
            await self.egress.close()


async def opened(desk):
    """Open a request of which the server itself knows no ping."""
    siege = Siege(desk, (await desk.bound()).person.id)
    asked = siege.asked(client_id=desk.client_id)
    auth_req_id, request = await siege.flow.ask(asked)
    return Ping(
        request=request.id,
        client_id=desk.client_id,
        auth_req_id=auth_req_id,
        token=TOKEN,
        expires_at=request.expires_at,
    )


async def done(desk, ping):
    await settled(desk, {"auth_req_id": ping.auth_req_id})


async def test_what_a_node_left_is_sent_by_another_once(desk, endpoint):
    ping = await opened(desk)
    async with Node(desk).up() as first:
        await first.expect(ping)
    await desk.phone.approve(await desk.phone.get(ping.request), CODE)
    assert endpoint.heard == []
    async with Node(desk).up(), Node(desk).up():
        await endpoint.calls()
        await done(desk, ping)
    assert len(endpoint.heard) == 1


async def test_a_node_that_stops_gives_up_a_send_for_another_to_make(desk, endpoint):
    ping, hung = await opened(desk), asyncio.Event()
    endpoint.answers = [hung.wait, 204]
    async with Node(desk).up() as first:
        await first.expect(ping)
        await desk.phone.approve(await desk.phone.get(ping.request), CODE)
        await endpoint.calls()
    async with Node(desk).up():
        await endpoint.calls(2)
        await done(desk, ping)
    hung.set()


class AwayOnce:
    """A store of which one verb is away, once."""

    def __init__(self, inner, verb, error):
        self._inner, self._verb, self._error = inner, verb, error
        self.was_away = False

    def __getattr__(self, name):
        if name == self._verb and not self.was_away:
            self.was_away = True
            raise self._error
        return getattr(self._inner, name)


@pytest.mark.parametrize("verb", ["get", "listen", "delete"])
async def test_a_store_that_is_away_for_a_moment_loses_nothing_and_sends_nothing_twice(
    desk, endpoint, verb
):
    ping = await opened(desk)
    node = Node(desk)
    async with node.up() as pings:
        await node.queue.put(ping)
        store = AwayOnce(desk.house.store, verb, StoreUnavailableError("away"))
        for part in (pings._approvals._requests, pings._queue):
            part._store = store
        for shelf in (pings._approvals._requests._requests, pings._queue._pings):
            shelf._store = store
        pings._see_to(ping.request)
        await desk.phone.approve(await desk.phone.get(ping.request), CODE)
        await endpoint.calls()
        await done(desk, ping)
    assert store.was_away
    assert len(endpoint.heard) == 1


async def test_a_registry_that_is_away_for_a_moment_loses_nothing(desk, endpoint):
    ping = await opened(desk)
    registry = AwayOnce(desk.house.registry, "read", RegistryUnavailableError("away"))
    async with Node(desk, registry=registry).up() as pings:
        await pings.expect(ping)
        await desk.phone.approve(await desk.phone.get(ping.request), CODE)
        await endpoint.calls()
        await done(desk, ping)
    assert registry.was_away


async def test_a_store_that_is_away_at_the_start_keeps_nobody_from_starting(desk, endpoint):
    store = AwayOnce(desk.house.store, "swap", StoreUnavailableError("away"))
    async with Node(desk, store).up() as pings:
        ping = await opened(desk)
        await pings.expect(ping)
        await desk.phone.deny(await desk.phone.get(ping.request))
        await endpoint.calls()
        await done(desk, ping)
    assert store.was_away


async def test_a_private_address_is_not_called_without_an_agreement(desk, endpoint):
    # The network is the operator's own: what is missing is the client's policy.
    own = {"base_url": "https://login.example", "egress_inside": LOOPBACK}
    settings = desk.house.settings.model_copy(update=own)
    secure = ping_mode(endpoint.url.replace("http:", "https:"))
    his = await desk.house.registry.read(lambda tx: clients.get(tx, desk.client_id))
    await desk.house.registry.commit(lambda tx: clients.update(tx, replace(his, metadata=secure)))
    before = count(Outcome.FORBIDDEN)
    ping = await opened(desk)
    async with Node(desk, settings=settings).up() as pings:
        await pings.expect(ping)
        await desk.phone.deny(await desk.phone.get(ping.request))
        await done(desk, ping)
    assert endpoint.heard == []
    assert count(Outcome.FORBIDDEN) == before + 1


async def test_no_secret_of_a_ping_stands_in_a_log(desk, client, endpoint, caplog):
    logged = []

    def keep(_logger, _method, event):
        logged.append(repr(event))
        raise structlog.DropEvent

    caplog.set_level(logging.DEBUG)
    before = structlog.get_config()
    structlog.configure(processors=[structlog.processors.format_exc_info, keep])
    try:
        endpoint.answers = [lambda: web.Response(status=500, text=TOKEN), 401]
        body = await asked(client)
        await approve(desk, body)
        await endpoint.calls(2)
        await settled(desk, body)
    finally:
        structlog.configure(**before)
    text = "\n".join([*logged, caplog.text])
    assert "ping not taken" in text
    secrets = (TOKEN, body["auth_req_id"], endpoint.origin, desk.client_id)
    assert [secret for secret in secrets if secret in text] == []


async def test_a_client_awaits_as_many_notifications_as_it_may_have_calls_held(
    desk, client, endpoint, monkeypatch
):
    """Or one that asks of nobody without end would lengthen the list that all clients share."""
    monkeypatch.setattr(pinging, "MOST_OF_CLIENT", 2)
    names = (f"uzi:90000090{each}" for each in range(5))
    form = {"client_notification_token": TOKEN, "requested_expiry": EXPIRY}
    await asked(client, login_hint=next(names))
    answered = await asked(client)
    status, refused = await client.ask(login_hint=next(names), **form)
    assert (status, refused["error"]) == (429, "too_many_requests")
    # Where one is over there is room again, and others never had less.
    await approve(desk, answered)
    again = next(names)
    async with asyncio.timeout(20):
        while (await client.ask(login_hint=again, **form))[0] == 429:
            pass
    await desk.house.workstation("EPD", metadata=ping_mode(endpoint.url))
    other = BareClient(desk.house, desk.house.client_id, desk.house.client_key)
    await asked(other, login_hint=next(names))
