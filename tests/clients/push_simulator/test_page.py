"""The page shows what arrived and what arrives, and no address."""

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp
import pytest

from clients.push_simulator import Arrival
from clients.push_simulator.page import SHOWN, ArrivalPage, described, shown

DATA = {"id": "1", "kind": "request", "tag": "t"}
MESSAGE = {"token": "x", "data": DATA, "android": {"priority": "high", "ttl": "60s"}}
FCM = Arrival("fcm", "geheim", {}, json.dumps({"message": MESSAGE}).encode(), is_taken=True)
WEB_PUSH = Arrival(
    "webpush",
    "https://localhost/geheim",
    {"ttl": "60", "urgency": "high", "topic": "t", "host": "localhost"},
    json.dumps(DATA).encode(),
    is_taken=True,
)
APNS = Arrival(
    "apns",
    "geheim",
    {"apns-priority": "10", ":path": "/3/device/geheim"},
    json.dumps({"aps": {"alert": "x"}, **DATA}).encode(),
    is_taken=True,
)


@asynccontextmanager
async def opened():
    subscriptions = []

    def subscribe(key):
        subscriptions.append(key)
        return {"endpoint": "https://localhost/push/1"}

    async with ArrivalPage(subscribe).running() as page, aiohttp.ClientSession() as http:
        yield page, http


async def events(response, count):
    found = []
    async with asyncio.timeout(10):
        while len(found) < count:
            line = await response.content.readline()
            found += [json.loads(line[6:])] if line.startswith(b"data: ") else []
    return found


async def test_what_arrived_is_told_and_then_what_arrives():
    async with opened() as (page, http):
        page.note(FCM)
        async with http.get(f"{page.url}arrivals") as response:
            assert [event["service"] for event in await events(response, 1)] == ["fcm"]
            page.note(WEB_PUSH)
            assert [event["service"] for event in await events(response, 1)] == ["webpush"]


async def test_only_the_newest_are_kept():
    async with opened() as (page, http):
        for _ in range(SHOWN + 5):
            page.note(FCM)
        page.note(APNS)
        async with http.get(f"{page.url}arrivals") as response:
            assert (await events(response, SHOWN))[-1]["service"] == "apns"


@pytest.mark.parametrize(
    ("file", "kind"),
    [("", "text/html"), ("page.js", "text/javascript"), ("page.css", "text/css")],
)
async def test_the_page_runs_nothing_but_its_own_files(file, kind):
    async with opened() as (page, http), http.get(f"{page.url}{file}") as response:
        assert (response.status, response.content_type) == (200, kind)
        assert "script-src 'self'" in response.headers["Content-Security-Policy"]
        assert "<script>" not in await response.text()


async def test_another_file_is_not_there():
    async with opened() as (page, http), http.get(f"{page.url}page.py") as response:
        assert response.status == 404


async def test_a_subscription_is_made_for_a_script_of_the_page_and_no_foreign_form():
    async with opened() as (page, http):
        async with http.post(f"{page.url}subscriptions", json={}) as response:
            assert await response.json() == {"endpoint": "https://localhost/push/1"}
        async with http.post(f"{page.url}subscriptions", data={"a": "b"}) as response:
            assert response.status == 415


@pytest.mark.parametrize("arrival", [FCM, WEB_PUSH, APNS], ids=lambda arrival: arrival.service)
def test_what_the_phone_gets_is_shown_and_its_address_is_not(arrival):
    assert {name: shown(arrival)[name] for name in DATA} == DATA
    assert "geheim" not in json.dumps(described(arrival))


def test_how_it_is_to_be_treated_is_shown():
    assert described(FCM)["how"] == {"priority": "high", "ttl": "60s"}
    assert described(WEB_PUSH)["how"] == {"ttl": "60", "urgency": "high", "topic": "t"}
    assert described(APNS)["how"] == {"apns-priority": "10"}


@pytest.mark.parametrize("service", ["fcm", "webpush", "apns"])
@pytest.mark.parametrize(
    "body", [b"\xff\x00", b"[]", b'{"message": 1}', b'{"message": {"data": 1}}']
)
def test_what_nobody_can_read_is_shown_as_nothing_to_see(service, body):
    arrival = Arrival(service, "x", {}, body, is_taken=False)
    assert described(arrival)["taken"] is False
    assert "id" not in shown(arrival)
