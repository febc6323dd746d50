"""The sender of APNs, in what is particular to it; the rest is in the contract."""

import asyncio
import contextlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest
import uvloop

from clients.push_simulator import Fault
from clients.push_simulator.apns_reasons import STATUSES, refusal
from pairing_server.clock import utc_now
from pairing_server.push import (
    PushAddress,
    PushFailedError,
    PushService,
    TokenRejectedError,
    Wakeup,
    WakeupKind,
)
from pairing_server.push.apns_answers import VERDICTS, Verdict
from pairing_server.push.provider_token import LEAST, SETTLED, slot
from tests.doubles import FrozenClock
from tests.push.apns_harness import TOPIC, ApnsHarness
from tests.push.contract import Situation, failure, until


@pytest.fixture
async def harness():
    async with ApnsHarness.open(Situation()) as opened:
        yield opened


@pytest.fixture
def wakeup():
    return Wakeup("kCWOZxJ2Xw3fyqeRUrSkDA", utc_now() + timedelta(minutes=2), tag="t" * 22)


def does(harness, behaviour):
    address = harness.address()
    harness.journal.behaviours[address.address] = behaviour
    return address


async def test_the_request_is_as_apple_has_it(harness, wakeup):
    address = harness.address()
    await harness.sender.send(address, wakeup)
    (arrival,) = harness.journal.arrivals
    assert arrival.headers | {"apns-id": ""} == {
        ":method": "POST",
        ":scheme": "https",
        ":authority": harness.service.url.removeprefix("https://"),
        ":path": f"/3/device/{address.address}",
        "apns-topic": TOPIC,
        "apns-push-type": "alert",
        "apns-priority": "10",
        "apns-expiration": str(int(wakeup.expires_at.timestamp())),
        "apns-collapse-id": wakeup.tag,
        "apns-id": "",
    }


async def test_a_wake_up_that_is_sent_again_has_the_same_id(harness, wakeup):
    one, other = harness.address(), harness.address()
    for address in (one, one, other):
        await harness.sender.send(address, wakeup)
    first, again, elsewhere = (each.headers["apns-id"] for each in harness.journal.arrivals)
    assert first == again != elsewhere


async def test_withdrawn_collapses_with_what_it_withdraws(harness, wakeup):
    address = harness.address()
    await harness.sender.send(address, wakeup)
    await harness.sender.send(address, replace(wakeup, kind=WakeupKind.WITHDRAWN))
    request, withdrawn = harness.journal.arrivals
    assert request.headers["apns-collapse-id"] == withdrawn.headers["apns-collapse-id"]
    assert json.loads(withdrawn.body)["aps"]["interruption-level"] == "passive"


@pytest.mark.parametrize("reason", STATUSES)
async def test_every_documented_answer_is_what_the_table_says(harness, wakeup, reason):
    await harness.sender.send(harness.address(), wakeup)
    dead = VERDICTS[reason] in {Verdict.DEAD, Verdict.DEAD_IF_OTHERS_LIVE}
    kind = TokenRejectedError if dead else PushFailedError
    with pytest.raises(kind) as failed:
        await harness.sender.send(does(harness, refusal(reason)), wakeup)
    assert failed.value.code == reason


@pytest.mark.parametrize("address", ["", "not-hexadecimal", "ab/../cd", "\u0661" * 64])
async def test_what_is_no_device_token_is_not_sent(harness, wakeup, address):
    with pytest.raises(TokenRejectedError, match="malformed"):
        await harness.sender.send(PushAddress(PushService.APNS, address), wakeup)
    assert harness.service.dialled == 0


async def test_a_stream_that_was_refused_is_sent_once_more(harness, wakeup):
    harness.service.refuse_next = 1
    await harness.sender.send(harness.address(), wakeup)
    assert len(harness.journal.arrivals) == 1


async def test_a_stream_that_is_refused_again_is_a_failure(harness, wakeup):
    harness.service.refuse_next = 2
    error = await failure(harness, harness.address(), wakeup)
    assert (error.code, error.retriable) == ("disconnected", True)
    assert len(harness.journal.arrivals) == 0


async def test_one_token_serves_all_connections(harness, wakeup):
    for _ in range(10):
        await harness.sender.send(harness.address(), wakeup)
        dialled = harness.service.dialled
        harness.service.connections[0].drop()
        await until(lambda: harness.service.dialled > dialled)  # noqa: B023
    assert harness.service.dialled >= 10
    assert len(harness.service.provider.tokens) == 1


@pytest.fixture
async def expiring():
    """Open a harness whose sender has just begun to use a token."""
    clock = FrozenClock(slot(utc_now()) + SETTLED)
    async with ApnsHarness.open(Situation(clock=clock)) as opened:
        opened.service.clock = clock
        await opened.sender.send(opened.address(), Wakeup("first", clock() + timedelta(hours=9)))
        yield opened, clock


async def test_a_token_that_apns_calls_expired_is_renewed_once_for_all(expiring):
    harness, clock = expiring
    clock.advance(LEAST)
    # APNs' clock is right, ours is slow by most of an hour.
    harness.service.clock = lambda: clock() + timedelta(minutes=59, seconds=50)
    wakeup = Wakeup("second", clock() + timedelta(hours=9))
    phones = [harness.address() for _ in range(20)]
    await asyncio.gather(*(harness.sender.send(phone, wakeup) for phone in phones))
    assert len(harness.service.provider.tokens) == 2
    assert len([each for each in harness.journal.arrivals if each.is_taken]) == 21


async def test_a_token_that_is_too_new_to_have_expired_is_not_renewed(expiring):
    harness, clock = expiring
    harness.service.clock = lambda: clock() + timedelta(hours=2)
    error = await failure(harness, harness.address(), Wakeup("x", clock() + timedelta(hours=9)))
    assert (error.code, error.retriable) == ("ExpiredProviderToken", False)
    assert len(harness.service.provider.tokens) == 1


async def test_a_bad_token_is_dead_once_another_was_accepted(harness, wakeup):
    bad = does(harness, refusal("BadDeviceToken"))
    await failure(harness, bad, wakeup)
    await harness.sender.send(harness.address(), wakeup)
    with pytest.raises(TokenRejectedError):
        await harness.sender.send(bad, wakeup)


CHECKS = {
    "TopicDisallowed": "PAIRING_APNS_TOPIC",
    "BadEnvironmentKeyIdInToken": "PAIRING_APNS_ENVIRONMENT",
    "TooManyProviderTokenUpdates": "20 minutes",
}


@pytest.mark.parametrize("reason", CHECKS)
async def test_the_check_says_what_to_do(harness, reason):
    harness.service.answer_all = refusal(reason)
    (said,) = await harness.sender.check()
    assert CHECKS[reason] in said


async def test_the_check_wakes_nobody(harness):
    harness.service.phones = None
    assert await harness.sender.check() == []


async def test_warm_connects_before_there_is_anything_to_send(harness, wakeup):
    harness.sender.warm()
    await until(lambda: harness.service.connections)
    await harness.sender.send(harness.address(), wakeup)
    assert harness.service.dialled == 1


async def test_closed_it_sends_nothing_more(harness, wakeup):
    await harness.sender.close()
    await failure(harness, harness.address(), wakeup)


def test_it_is_the_same_on_the_loop_that_the_server_runs_on(wakeup):
    async def play():
        async with ApnsHarness.open(Situation(deadline=timedelta(seconds=3))) as harness:
            silent = does(harness, Fault.SILENCE)
            broken = does(harness, Fault.RESET)
            good = [harness.address() for _ in range(300)]
            sends = [silent] * 150 + [broken] * 50 + good
            outcomes = await asyncio.gather(
                *(harness.sender.send(address, wakeup) for address in sends),
                return_exceptions=True,
            )
            taken = [arrival for arrival in harness.journal.arrivals if arrival.is_taken]
            return [getattr(outcome, "code", "sent") for outcome in outcomes], len(taken)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        outcomes, taken = runner.run(play())
    assert outcomes[:150] == ["timeout"] * 150
    assert set(outcomes[150:200]) == {"disconnected"}
    assert outcomes[200:] == ["sent"] * 300
    assert taken == 300


async def test_a_sender_that_is_cancelled_in_the_middle_leaves_nothing_behind(harness, wakeup):
    silent = does(harness, Fault.SILENCE)
    for _ in range(20):
        sends = [asyncio.create_task(harness.sender.send(silent, wakeup)) for _ in range(50)]
        await asyncio.sleep(0.01)
        for send in sends:
            send.cancel()
        await asyncio.gather(*sends, return_exceptions=True)
    pool = harness.sender._pool
    assert (pool._under_way, [each for each in pool._waiting if not each.answer.done()]) == (0, [])
    assert all(connection.is_idle for connection in pool._connections)
    with contextlib.suppress(PushFailedError):
        await harness.sender.send(harness.address(), wakeup)
