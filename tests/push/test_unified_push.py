"""Phones without Google or Apple: an app whose UnifiedPush distributor gave it an endpoint.

The push server is of the kind that such people run themselves: it takes what is posted, knows of
no encryption and asks for no VAPID.
"""

import asyncio
import json
import secrets
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from aiohttp import web

from clients.push_simulator.authority import LoopbackAuthority
from clients.push_simulator.https_service import listening
from clients.push_simulator.web_push_content import BrowserKeys
from clients.wire import WireError, b64url
from pairing_server.push import PushService, Wakeup
from pairing_server.push.dispatch import Dispatch
from pairing_server.push.setup import make_push
from pairing_server.registry import credentials

SERVER_TAKES = 4096


@dataclass
class PlainServer:
    """Hands on what comes, by topic."""

    origin: str
    came: asyncio.Queue[tuple[str, bytes, dict[str, str]]] = field(default_factory=asyncio.Queue)

    async def take(self, request):
        body = await request.read()
        if not 0 < len(body) <= SERVER_TAKES:
            return web.Response(status=413)
        self.came.put_nowait((request.path, body, dict(request.headers)))
        return web.json_response({"id": "x", "event": "message"})


@pytest.fixture
async def server(tmp_path):
    authority = LoopbackAuthority.create()
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    opened = PlainServer("")
    routes = [web.post("/{topic}", opened.take)]
    async with listening(routes, authority.context()) as port:
        opened.origin = f"https://localhost:{port}"
        yield opened


@pytest.fixture
async def house(make_house, server, tmp_path):
    async with make_house(
        webpush_contact="mailto:push@hospital.example.nl",
        push_hosts=(server.origin.removeprefix("https://"),),
        push_ca_file=tmp_path / "ca.pem",
        egress_inside=("127.0.0.0/8", "::1/128"),
    ) as opened:
        yield opened


@pytest.fixture
async def dispatch(house):
    secret = house.stores.vapid_secret
    push = make_push(house.settings, secret, house.ports.clock, secrets.token_bytes)
    made = Dispatch(house.ports, push.senders)
    yield made
    await made.close()


def subscription(server, keys):
    """What the app registers: the distributor's endpoint, and keys of its own."""
    own = {"p256dh": b64url(keys.point), "auth": b64url(keys.auth)}
    return {"endpoint": f"{server.origin}/upABC123?up=1", "keys": own}


async def test_it_is_woken_through_the_server_that_its_holder_chose(house, server, dispatch):
    phone, keys = await house.bind(), BrowserKeys(secrets.token_bytes(16))
    push = {"service": "webpush", "subscription": subscription(server, keys)}
    await phone.register_push(push)
    stored = await house.registry.read(lambda tx: credentials.get(tx, phone.credential_id))
    assert stored.push_service == PushService.WEBPUSH

    wakeup = Wakeup("kCWOZxJ2Xw3fyqeRUrSkDA", house.ports.clock() + timedelta(minutes=2), tag="t")
    dispatch.wake([stored], wakeup)
    path, body, headers = await asyncio.wait_for(server.came.get(), 10)

    assert path == "/upABC123"
    assert json.loads(keys.decrypt(body)) == {"id": wakeup.id, "kind": "request", "tag": "t"}
    assert wakeup.id.encode() not in body
    assert (headers["Urgency"], headers["Topic"]) == ("high", "t")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"keys": {}}, "invalid_request"),
        ({"keys": None}, "invalid_request"),
        ({"keys": {"p256dh": "", "auth": ""}}, "unusable_subscription"),
    ],
)
async def test_without_keys_it_is_refused_for_others_would_read_along(
    house, server, changed, error
):
    """As UnifiedPush was before it became Web Push; it is the app that makes the keys."""
    phone = await house.bind()
    given = subscription(server, BrowserKeys(secrets.token_bytes(16))) | changed
    with pytest.raises(WireError) as refused:
        await phone.register_push({"service": "webpush", "subscription": given})
    assert (refused.value.status, refused.value.error) == (400, error)
    assert (await phone.credential())["push"] is None
