"""Nobody waits for a push service, and what it answers is acted on with care."""

import asyncio
import contextlib
import gc
import secrets
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from pairing_server.metrics import METRICS
from pairing_server.push import (
    PushAddress,
    PushFailedError,
    PushService,
    TokenRejectedError,
    Wakeup,
    dispatch,
)
from pairing_server.push.dispatch import Dispatch
from pairing_server.registry import RegistryUnavailableError, credentials
from pairing_server.tokens import b64url
from tests.keys.handset import add_handset, add_person

ADDRESS = b64url(secrets.token_bytes(32))


class Sender:
    """Does what a test says with each wake-up."""

    def __init__(self, act):
        self._act = act
        self.sent = []

    async def send(self, address, wakeup):
        self.sent.append((address, wakeup))
        await self._act(address)


async def deliver(_address):
    pass


async def hang(_address):
    await asyncio.Event().wait()


def fail(error):
    async def act(_address):
        raise error

    return act


@pytest.fixture
def wakeup(clock):
    return Wakeup("auth-request-1", clock() + timedelta(minutes=2))


@pytest.fixture
def add_phone(registry, clock):
    people = []

    async def add(service="fcm", address=ADDRESS):
        if not people:
            people.append(await add_person(registry, clock()))
        push = {"push_service": service, "push_address": address}
        handset = await add_handset(registry, people[0], clock(), **push)
        return await stored(registry, handset.credential_id)

    return add


async def stored(registry, credential_id):
    return await registry.read(lambda tx: credentials.get(tx, credential_id))


def count(outcome, service="fcm"):
    labels = {"service": service, "outcome": outcome}
    return METRICS.get_sample_value("pairing_wakeups_total", labels) or 0


@contextlib.contextmanager
def counted(outcome, times=1):
    before = count(outcome)
    yield
    assert count(outcome) - before == times


async def test_a_phone_is_woken_where_it_said(registry, add_phone, wakeup):
    sender = Sender(deliver)
    dispatching = Dispatch(registry, {PushService.FCM: sender})
    with counted("sent"):
        dispatching.wake([await add_phone()], wakeup)
        await dispatching.close()
    assert sender.sent == [(PushAddress(PushService.FCM, ADDRESS), wakeup)]


async def test_a_phone_without_an_address_is_not_woken(registry, add_phone, wakeup):
    sender = Sender(deliver)
    dispatching = Dispatch(registry, {PushService.FCM: sender})
    dispatching.wake([await add_phone(None, None)], wakeup)
    await dispatching.close()
    assert sender.sent == []


@pytest.mark.parametrize("lost", ["push_service", "push_address"])
async def test_half_an_address_is_none_and_delays_nobody(registry, add_phone, wakeup, lost):
    sender = Sender(deliver)
    dispatching = Dispatch(registry, {PushService.FCM: sender})
    phone = await add_phone()
    dispatching.wake([replace(phone, **{lost: None}), phone], wakeup)
    await dispatching.close()
    assert sender.sent == [(PushAddress(PushService.FCM, ADDRESS), wakeup)]


async def test_each_service_has_its_own_sender(registry, add_phone, wakeup):
    senders = {service: Sender(deliver) for service in PushService}
    dispatching = Dispatch(registry, senders)
    dispatching.wake([await add_phone(service, service.upper()) for service in senders], wakeup)
    await dispatching.close()
    woken = {service: sender.sent[0][0].address for service, sender in senders.items()}
    assert woken == {service: service.upper() for service in senders}


async def test_a_sender_that_hangs_delays_nobody(registry, add_phone, wakeup, monkeypatch):
    monkeypatch.setattr(dispatch, "SEND_DEADLINE", timedelta(seconds=0.05))
    slow, fast = Sender(hang), Sender(deliver)
    dispatching = Dispatch(registry, {PushService.FCM: slow, PushService.APNS: fast})
    with counted("failed"):
        dispatching.wake([await add_phone("fcm"), await add_phone("apns")], wakeup)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (len(slow.sent), len(fast.sent)) == (1, 1)
        await asyncio.wait_for(dispatching.close(), 5)


async def test_what_is_turned_away_is_counted_and_room_comes_back(
    registry, add_phone, wakeup, monkeypatch
):
    monkeypatch.setattr(dispatch, "MAX_IN_FLIGHT", 3)
    gate = asyncio.Event()
    sender = Sender(lambda _: gate.wait())
    dispatching = Dispatch(registry, {PushService.FCM: sender})
    phone = await add_phone()
    with counted("turned_away", 2), counted("sent", 3):
        dispatching.wake([phone] * 5, wakeup)
        gate.set()
        await dispatching.close()
    assert len(sender.sent) == 3
    with counted("sent"):
        dispatching.wake([phone], wakeup)
        await dispatching.close()


async def test_a_rejected_address_is_forgotten_and_the_phone_is_not(registry, add_phone, wakeup):
    phone = await add_phone()
    dispatching = Dispatch(registry, {PushService.FCM: Sender(fail(TokenRejectedError("404")))})
    with counted("rejected"):
        dispatching.wake([phone], wakeup)
        await dispatching.close()
    after = await stored(registry, phone.id)
    assert (after.push_service, after.push_address) == (None, None)
    assert after.status == phone.status


async def test_an_address_that_came_meanwhile_is_kept(registry, add_phone, wakeup):
    phone = await add_phone()

    async def reject(_address):
        await registry.commit(lambda tx: credentials.set_push(tx, phone.id, "fcm", "new"))
        raise TokenRejectedError("UNREGISTERED")

    dispatching = Dispatch(registry, {PushService.FCM: Sender(reject)})
    dispatching.wake([phone], wakeup)
    await dispatching.close()
    assert (await stored(registry, phone.id)).push_address == "new"


async def test_the_same_address_at_another_service_is_kept(registry, add_phone, wakeup):
    phone = await add_phone()

    async def reject(_address):
        await registry.commit(lambda tx: credentials.set_push(tx, phone.id, "apns", ADDRESS))
        raise TokenRejectedError("UNREGISTERED")

    dispatching = Dispatch(registry, {PushService.FCM: Sender(reject)})
    dispatching.wake([phone], wakeup)
    await dispatching.close()
    assert (await stored(registry, phone.id)).push_address == ADDRESS


BUG = ValueError(f"no such token: {ADDRESS}")
FAILURES = {"refused": PushFailedError("503"), "slow": TimeoutError(), "bug": BUG}


@pytest.mark.parametrize("error", FAILURES.values(), ids=FAILURES)
async def test_a_failure_is_counted_and_the_address_kept_out_of_the_log(
    registry, add_phone, wakeup, error, caplog
):
    phone = await add_phone()
    dispatching = Dispatch(registry, {PushService.FCM: Sender(fail(error))})
    with counted("failed"), capture_logs() as lines:
        dispatching.wake([phone], wakeup)
        await dispatching.close()
        gc.collect()
    (line,) = lines
    assert line["service"] == "fcm"
    assert ADDRESS not in str(lines) + caplog.text
    assert (await stored(registry, phone.id)).push_address == ADDRESS


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PushFailedError("503"), "PushFailedError('503')"),
        # As an HTTP client's says it, whose text is the address.
        (TimeoutError(f"no answer from {ADDRESS}"), "TimeoutError"),
    ],
)
async def test_a_failure_of_the_service_is_no_bug_and_tells_no_address(
    registry, add_phone, wakeup, error, told
):
    dispatching = Dispatch(registry, {PushService.FCM: Sender(fail(error))})
    with capture_logs() as lines:
        dispatching.wake([await add_phone()], wakeup)
        await dispatching.close()
    said = [(line["event"], line["log_level"], line["error"]) for line in lines]
    assert said == [("push failed", "warning", told)]


async def test_a_service_without_a_sender_is_a_failure(registry, add_phone, wakeup):
    dispatching = Dispatch(registry, {})
    with counted("failed"), capture_logs() as lines:
        dispatching.wake([await add_phone()], wakeup)
        await dispatching.close()
    assert [line["error"] for line in lines] == ["KeyError"]


async def test_an_address_that_cannot_be_forgotten_is_kept_quietly(add_phone, wakeup):
    class Away:
        async def commit(self, _change):
            raise RegistryUnavailableError

    phone = await add_phone()
    dispatching = Dispatch(Away(), {PushService.FCM: Sender(fail(TokenRejectedError(ADDRESS)))})
    with counted("rejected"), capture_logs() as lines:
        dispatching.wake([phone], wakeup)
        await dispatching.close()
    assert [line["event"] for line in lines] == ["push address rejected", "push address kept"]
    assert ADDRESS not in str(lines)
    assert phone.id not in str(lines)
