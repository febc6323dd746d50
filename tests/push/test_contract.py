"""The contract of a push sender, put to each of them against its service on loopback."""

import asyncio
import json
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from clients.push_simulator import Answer, Fault
from pairing_server.clock import utc_now
from pairing_server.push import PushFailedError, TokenRejectedError, Wakeup, WakeupKind
from pairing_server.push.failure import Failure
from tests.push.connect_proxy import running_proxy
from tests.push.contract import Situation, failure, rejection, until
from tests.push.harnesses import HARNESSES

SOON = timedelta(seconds=0.4)
#: What a sender may add to a wake-up.
LINES = {
    "Er is een inlogverzoek",
    "Er is nieuws over uw telefoons",
    "Het inlogverzoek is voorbij",
}


def cases(group):
    return [
        pytest.param(kind, name, id=f"{kind.SERVICE}-{name}")
        for kind in HARNESSES.values()
        for name in getattr(kind, group)
    ]


def undocumented():
    return [
        pytest.param(kind, status, id=f"{kind.SERVICE}-{status}")
        for kind in HARNESSES.values()
        for status in (302, 400, 403, 404, 410, 418)
        if status not in kind.DEAD_BY_STATUS
    ]


@pytest.fixture(params=HARNESSES.values(), ids=HARNESSES)
def kind(request):
    return request.param


@pytest.fixture(autouse=True)
def nothing_secret_is_logged(caplog):
    """Look, after each case, for a secret of any harness in any line that was logged."""
    caplog.set_level(0)
    secrets = []
    with capture_logs() as lines:
        yield secrets
    records = [record for phase in ("setup", "call") for record in caplog.get_records(phase)]
    text = caplog.text + "".join(record.getMessage() for record in records) + str(list(lines))
    assert [secret for secret in secrets if secret in text] == []


@pytest.fixture
async def opened(nothing_secret_is_logged):
    """Open harnesses in a situation, and close them after the case."""
    stack = []

    async def open_in(kind, **situation):
        manager = kind.open(Situation(**situation))
        harness = await manager.__aenter__()
        stack.append((manager, harness))
        return harness

    yield open_in
    for manager, harness in reversed(stack):
        await manager.__aexit__(None, None, None)
        nothing_secret_is_logged += harness.secrets


@pytest.fixture
async def harness(kind, opened):
    return await opened(kind)


@pytest.fixture
def wakeup():
    return Wakeup("kCWOZxJ2Xw3fyqeRUrSkDA", utc_now() + timedelta(minutes=2), tag="t" * 22)


def taken(harness):
    return [arrival for arrival in harness.journal.arrivals if arrival.is_taken]


def does(harness, behaviour):
    """Return the address of a phone with which the service does that."""
    address = harness.address()
    harness.journal.behaviours[harness.key_of(address)] = behaviour
    return address


async def outcome(sending):
    try:
        await sending
    except PushFailedError as error:
        return error.code
    return "sent"


async def test_a_wake_up_arrives(harness, wakeup):
    address = harness.address()
    await harness.sender.send(address, wakeup)
    (arrival,) = harness.journal.arrivals
    assert (arrival.address, arrival.is_taken) == (harness.key_of(address), True)


@pytest.mark.parametrize("kind_of_wakeup", WakeupKind)
async def test_every_kind_arrives(harness, wakeup, kind_of_wakeup):
    await harness.sender.send(harness.address(), replace(wakeup, kind=kind_of_wakeup))
    assert len(taken(harness)) == 1


@pytest.mark.parametrize("kind_of_wakeup", WakeupKind)
async def test_nothing_is_sent_but_the_id_the_tag_and_a_general_line(
    harness, wakeup, kind_of_wakeup
):
    await harness.sender.send(harness.address(), replace(wakeup, kind=kind_of_wakeup))
    shown = harness.shown(harness.journal.arrivals[0].body)
    known = {wakeup.id, wakeup.tag, *WakeupKind, "nl"}
    assert wakeup.id in json.dumps(shown)
    assert {str(value) for value in shown.values()} - known - LINES == set()


@pytest.mark.parametrize(("kind", "name"), cases("DEAD"))
async def test_an_address_that_the_service_calls_dead_is_rejected(opened, kind, name, wakeup):
    harness = await opened(kind)
    await harness.sender.send(harness.address(), wakeup)
    await rejection(harness, does(harness, kind.DEAD[name]), wakeup)


@pytest.mark.parametrize(("kind", "name"), cases("FOREIGN"))
async def test_what_may_be_the_operators_mistake_closes_no_channel(opened, kind, name, wakeup):
    harness = await opened(kind)
    error = await failure(harness, does(harness, kind.FOREIGN[name]), wakeup)
    assert not error.retriable


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_an_error_without_a_body_is_a_failure_that_may_pass(harness, wakeup, status):
    error = await failure(harness, does(harness, Answer(status)), wakeup)
    assert (error.code, error.retriable) == (f"{status}", True)


@pytest.mark.parametrize(("kind", "status"), undocumented())
@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"reason": 1}', b"[]", b"\xff"])
async def test_an_answer_that_nobody_documented_closes_no_channel(
    opened, kind, wakeup, status, body
):
    harness = await opened(kind)
    error = await failure(harness, does(harness, Answer(status, body)), wakeup)
    assert (error.code, error.retriable) == (f"{status}", False)


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.CLOSE])
async def test_a_broken_stream_is_a_failure_that_may_pass(harness, wakeup, fault):
    error = await failure(harness, does(harness, fault), wakeup)
    assert (error.code, error.retriable) == (Failure.DISCONNECTED, True)
    await harness.sender.send(harness.address(), wakeup)
    assert len(taken(harness)) == 1


async def test_silence_ends_at_the_deadline(kind, opened, wakeup):
    harness = await opened(kind, deadline=SOON)
    before = time.monotonic()
    error = await failure(harness, does(harness, Fault.SILENCE), wakeup)
    assert (error.code, error.retriable) == (Failure.TIMEOUT, True)
    assert SOON.total_seconds() - 0.05 < time.monotonic() - before < 2


async def test_a_thousand_silent_sends_leave_room_for_a_good_one(kind, opened, wakeup):
    harness = await opened(kind, deadline=SOON)
    silent = does(harness, Fault.SILENCE)
    outcomes = await asyncio.gather(
        *(outcome(harness.sender.send(silent, wakeup)) for _ in range(1000))
    )
    assert set(outcomes) == {Failure.TIMEOUT}
    await harness.sender.send(harness.address(), wakeup)
    assert len(taken(harness)) == 1


async def test_a_send_that_is_given_up_leaves_room_for_another(kind, opened, wakeup):
    harness = await opened(kind, most=10)
    silent = does(harness, Fault.SILENCE)
    sends = [asyncio.create_task(harness.sender.send(silent, wakeup)) for _ in range(10)]
    await until(lambda: harness.journal.arrivals)
    for send in sends:
        send.cancel()
    assert {type(end) for end in await asyncio.gather(*sends, return_exceptions=True)} == {
        asyncio.CancelledError
    }
    await harness.sender.send(harness.address(), wakeup)
    assert len(taken(harness)) == 1


async def test_beyond_what_may_be_under_way_the_answer_is_immediate(kind, opened, wakeup):
    harness = await opened(kind, most=10)
    silent = does(harness, Fault.SILENCE)
    sends = [asyncio.create_task(harness.sender.send(silent, wakeup)) for _ in range(10)]
    await asyncio.sleep(0)
    before = time.monotonic()
    error = await failure(harness, harness.address(), wakeup)
    assert (error.code, error.retriable) == (Failure.BUSY, True)
    assert time.monotonic() - before < 0.05
    for send in sends:
        send.cancel()
    await asyncio.gather(*sends, return_exceptions=True)


async def test_a_connection_that_ends_in_the_middle_hangs_nobody(kind, opened, wakeup):
    harness = await opened(kind, deadline=timedelta(seconds=3))
    phones = [harness.address() for _ in range(200)]
    phones[100:100] = [does(harness, Fault.CLOSE)]
    outcomes = await asyncio.gather(*(outcome(harness.sender.send(to, wakeup)) for to in phones))
    counted = Counter(outcomes)
    assert counted["sent"] + counted[Failure.DISCONNECTED] == 201
    assert counted[Failure.DISCONNECTED] >= 1
    arrivals = Counter(arrival.address for arrival in taken(harness))
    assert set(arrivals.values()) == {1}
    assert counted["sent"] <= arrivals.total() <= 200
    await harness.sender.send(harness.address(), wakeup)


async def test_retry_after_is_told_and_nobody_sleeps(harness, wakeup):
    busy = does(harness, Answer(harness.BUSY, b"", {"retry-after": "120"}))
    before = time.monotonic()
    error = await failure(harness, busy, wakeup)
    assert error.retry_after == timedelta(minutes=2)
    await harness.sender.send(harness.address(), wakeup)
    assert time.monotonic() - before < 2


@pytest.mark.parametrize("value", ["soon", "-1", "1e9", "9" * 400])
async def test_a_retry_after_that_makes_no_sense_is_none(harness, wakeup, value):
    busy = does(harness, Answer(harness.BUSY, b"", {"retry-after": value}))
    assert (await failure(harness, busy, wakeup)).retry_after is None


async def test_the_wrong_key_is_a_failure_that_the_check_explains(kind, opened, wakeup):
    harness = await opened(kind, has_right_key=False)
    error = await failure(harness, harness.address(), wakeup)
    assert not error.retriable
    assert "key" in " ".join(await harness.sender.check())


@pytest.mark.parametrize("off", [timedelta(hours=-2), timedelta(hours=2)], ids=["slow", "fast"])
async def test_a_clock_that_is_off_is_what_the_check_explains(kind, opened, wakeup, off):
    harness = await opened(kind, clock=lambda: utc_now() + off)
    is_sent = await outcome(harness.sender.send(harness.address(), wakeup)) == "sent"
    assert is_sent != kind.STATES_TIME
    assert "clock" in " ".join(await harness.sender.check())


async def test_no_route_is_a_failure_that_the_check_explains(kind, opened, wakeup):
    harness = await opened(kind, is_reachable=False)
    error = await failure(harness, harness.address(), wakeup)
    assert (error.code, error.retriable) == (Failure.UNREACHABLE, True)
    assert "reach" in " ".join(await harness.sender.check())


async def test_a_service_that_does_not_prove_itself_gets_nothing(kind, opened, wakeup):
    harness = await opened(kind, is_trusted=False)
    error = await failure(harness, harness.address(), wakeup)
    assert error.code == Failure.TLS
    assert "certificate" in " ".join(await harness.sender.check())
    assert list(harness.journal.arrivals) == []


async def test_a_proxy_that_asks_for_a_password_is_gone_through(kind, opened, wakeup):
    async with running_proxy() as proxy:
        harness = await opened(kind, proxy=proxy.url())
        await harness.sender.send(harness.address(), wakeup)
        assert len(taken(harness)) == 1
        assert {target.split(":")[0] for target in proxy.asked} == {"localhost"}
        assert await harness.sender.check() == []


async def test_a_proxy_that_refuses_is_a_failure_that_the_check_explains(kind, opened, wakeup):
    async with running_proxy() as proxy:
        harness = await opened(kind, proxy=proxy.url(password="wr0ng-s3cret"))
        harness.secrets.append("wr0ng-s3cret")
        error = await failure(harness, harness.address(), wakeup)
        assert (error.code, error.retriable) == (Failure.PROXY, True)
        said = " ".join(await harness.sender.check())
        assert "proxy" in said
        assert "wr0ng-s3cret" not in said
        assert proxy.refused > 0


async def test_a_proxy_that_is_away_is_a_failure_of_the_proxy(
    kind, opened, wakeup, unused_tcp_port
):
    harness = await opened(kind, proxy=f"http://localhost:{unused_tcp_port}")
    assert (await failure(harness, harness.address(), wakeup)).code == Failure.PROXY


async def test_the_check_finds_nothing_where_nothing_is_wrong(harness):
    assert await harness.sender.check() == []
    assert taken(harness) == []


async def test_closing_ends_what_is_under_way(harness, wakeup):
    send = asyncio.create_task(harness.sender.send(does(harness, Fault.SILENCE), wakeup))
    await until(lambda: harness.journal.arrivals)
    await harness.sender.close()
    assert await asyncio.wait_for(outcome(send), 1) == Failure.DISCONNECTED


async def test_many_at_once_all_arrive_once(harness, wakeup):
    phones = [harness.address() for _ in range(500)]
    await asyncio.gather(*(harness.sender.send(to, wakeup) for to in phones))
    assert Counter(arrival.address for arrival in taken(harness)) == Counter(
        map(harness.key_of, phones)
    )


async def test_dead_and_slow_addresses_delay_no_other(kind, opened, wakeup):
    harness = await opened(kind, deadline=timedelta(seconds=3))
    dead = does(harness, next(iter(kind.DEAD.values())))
    silent = [
        asyncio.create_task(outcome(harness.sender.send(does(harness, Fault.SILENCE), wakeup)))
        for _ in range(50)
    ]
    before = time.monotonic()
    await harness.sender.send(harness.address(), wakeup)
    with pytest.raises((TokenRejectedError, PushFailedError)):
        await harness.sender.send(dead, wakeup)
    assert time.monotonic() - before < 1.5
    assert set(await asyncio.gather(*silent)) == {Failure.TIMEOUT}
