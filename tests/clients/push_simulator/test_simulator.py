"""The simulator as a whole: a server that is set up by its settings wakes phones through it."""

import asyncio
import json
import secrets
from datetime import timedelta

import aiohttp
import pytest

from clients.push_simulator.simulator import push_simulator
from pairing_server.clock import utc_now
from pairing_server.push import PushAddress, PushService, Wakeup, WakeupKind
from pairing_server.push.setup import make_push
from pairing_server.settings import load


@pytest.fixture
async def heard():
    return []


@pytest.fixture
async def simulator(tmp_path, heard):
    async with push_simulator(tmp_path / "push", also=heard.append) as running:
        yield running


@pytest.fixture
async def push(simulator):
    made = make_push(load({}, **simulator.settings), bytes(32), utc_now, secrets.token_bytes)
    yield made
    for sender in made.senders.values():
        await sender.close()


def addresses(simulator, push):
    subscription = simulator.webpush.subscribe(push.vapid_public_key)
    return {
        PushService.APNS: "ab" * 32,
        PushService.FCM: "t" * 100,
        PushService.WEBPUSH: json.dumps(subscription),
    }


def known_as(service, address):
    return json.loads(address)["endpoint"] if service == PushService.WEBPUSH else address


async def test_each_service_wakes_a_phone_that_somebody_waits_for(simulator, push, heard):
    assert set(push.senders) == set(PushService)
    for number, (service, address) in enumerate(addresses(simulator, push).items()):
        wakeup = Wakeup(f"request-{number}", utc_now() + timedelta(minutes=1), tag="t" * 22)
        waiting = asyncio.create_task(simulator.woken(known_as(service, address)))
        push.places.check(PushAddress(service, address))
        await push.senders[service].send(PushAddress(service, address), wakeup)
        assert await asyncio.wait_for(waiting, 10) == wakeup.id
    assert [arrival.service for arrival in heard] == ["apns", "fcm", "webpush"]


@pytest.mark.parametrize("kind", [WakeupKind.NOTICE, WakeupKind.WITHDRAWN])
async def test_only_a_request_is_waited_for(simulator, push, heard, kind):
    wakeup = Wakeup("news", utc_now() + timedelta(minutes=1), kind)
    await push.senders[PushService.FCM].send(PushAddress(PushService.FCM, "t" * 100), wakeup)
    assert len(heard) == 1
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(simulator.woken("t" * 100), 0.05)


async def test_nobody_else_can_read_what_a_server_proves_itself_by(simulator):
    for name in ("apns.p8", "service-account.json"):
        assert (simulator.directory / name).stat().st_mode & 0o077 == 0


async def test_the_page_shows_it(simulator, push):
    wakeup = Wakeup("request", utc_now() + timedelta(minutes=1))
    await push.senders[PushService.FCM].send(PushAddress(PushService.FCM, "t" * 100), wakeup)
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{simulator.page.url}arrivals") as response,
    ):
        line = await asyncio.wait_for(response.content.readline(), 10)
    assert json.loads(line[6:])["shown"]["id"] == "request"


async def test_a_simulator_starts_anew_over_the_files_of_an_earlier_one(tmp_path):
    for _ in range(2):
        async with push_simulator(tmp_path):
            pass
