"""What a sender of Web Push does beyond the contract."""

import json
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from clients.push_simulator import Answer, webpush
from pairing_server.clock import utc_now
from pairing_server.destination import AllowList
from pairing_server.egress import Egress
from pairing_server.push import (
    PushAddress,
    PushFailedError,
    PushService,
    TokenRejectedError,
    Wakeup,
    WakeupKind,
)
from pairing_server.push.failure import Failure
from pairing_server.push.post import Post
from tests.push.contract import Situation
from tests.push.webpush_harness import WebPushHarness


@pytest.fixture
async def harness():
    async with WebPushHarness.open(Situation()) as opened:
        yield opened


@pytest.fixture
def wakeup():
    return Wakeup("kCWOZxJ2Xw3fyqeRUrSkDA", utc_now() + timedelta(minutes=2), tag="t" * 22)


async def test_what_arrives_is_for_the_browser_alone(harness, wakeup):
    await harness.sender.send(harness.address(), wakeup)
    (arrival,) = harness.journal.arrivals
    assert json.loads(arrival.body) == {
        "id": wakeup.id,
        "kind": "request",
        "tag": wakeup.tag,
    }
    assert arrival.headers["urgency"] == "high"
    assert arrival.headers["topic"] == wakeup.tag
    assert arrival.headers["ttl"] in {"119", "120"}


async def test_all_messages_are_as_long(harness, wakeup):
    for kind in WakeupKind:
        await harness.sender.send(harness.address(), Wakeup(wakeup.id, wakeup.expires_at, kind))
    lengths = {arrival.headers["content-length"] for arrival in harness.journal.arrivals}
    assert lengths == {"231"}


async def test_a_subscription_that_is_none_is_dead_and_nobody_is_called(harness, wakeup):
    for text in ("", "{}", '{"endpoint": "https://localhost/"}'):
        with pytest.raises(TokenRejectedError) as rejected:
            await harness.sender.send(PushAddress(PushService.WEBPUSH, text), wakeup)
        assert rejected.value.code == "malformed"
    assert not harness.journal.arrivals


async def test_a_host_that_is_not_allowed_any_more_is_not_called(harness, wakeup):
    harness.sender._allowed = AllowList.of(["other.test"])
    with pytest.raises(PushFailedError) as failed:
        await harness.sender.send(harness.address(), wakeup)
    assert (failed.value.code, failed.value.retriable) == (Failure.FORBIDDEN, False)
    assert not harness.journal.arrivals


async def test_an_allowed_name_of_an_inside_address_is_not_called(harness, wakeup):
    egress = Egress()
    harness.sender._post = Post(egress)
    with pytest.raises(PushFailedError) as failed:
        await harness.sender.send(harness.address(), wakeup)
    egress.close()
    assert (failed.value.code, failed.value.retriable) == (Failure.FORBIDDEN, False)
    assert not harness.journal.arrivals


async def test_a_redirect_is_not_followed(harness, wakeup):
    elsewhere, here = harness.address(), harness.address()
    location = {"Location": harness.key_of(elsewhere)}
    harness.journal.behaviours[harness.key_of(here)] = Answer(307, b"", location)
    with pytest.raises(PushFailedError) as failed:
        await harness.sender.send(here, wakeup)
    assert failed.value.code == "307"
    assert [arrival.address for arrival in harness.journal.arrivals] == [harness.key_of(here)]


async def test_a_refused_key_is_told_until_it_is_taken_again(harness, wakeup):
    address = harness.address()
    harness.journal.behaviours[harness.key_of(address)] = webpush.ANOTHER_KEY
    with pytest.raises(PushFailedError):
        await harness.sender.send(address, wakeup)
    (said,) = await harness.sender.check()
    assert said.startswith(urlsplit(harness.origin).netloc)
    assert "VAPID key" in said
    await harness.sender.send(harness.address(), wakeup)
    assert await harness.sender.check() == []


async def test_the_check_asks_each_push_server_at_its_origin_alone(harness):
    harness.sender._hosts = (*harness.sender._hosts, "other.test")
    (said,) = await harness.sender.check()
    assert said.startswith("other.test is not one that may be called")
    assert not harness.journal.arrivals
