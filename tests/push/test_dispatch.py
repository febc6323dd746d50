"""Nobody waits for a push service, and what it answers is acted on with care."""

import asyncio
import gc
import secrets
import time
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
    WakeupKind,
    dispatch,
    lane,
)
from pairing_server.push.breaker import FAILURES_TO_OPEN, OPEN_FOR
from pairing_server.push.dispatch import Dispatch
from pairing_server.registry import RegistryUnavailableError, credentials, push_health
from pairing_server.tokens import b64url
from tests.keys.handset import add_handset, add_person
from tests.push.senders import Sender, counted, deliver, fail, hang, settled

ADDRESS = b64url(secrets.token_bytes(32))
REJECTED = TokenRejectedError("UNREGISTERED")
BUSY = PushFailedError("503", retriable=True)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Let no test wait for a retry longer than it has to."""
    monkeypatch.setattr(dispatch, "RETRY_AFTER", timedelta(0))


@pytest.fixture
def wakeup(clock):
    return Wakeup("auth-request-1", clock() + timedelta(minutes=2), tag="tag")


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


@pytest.fixture
def add_phones(add_phone):
    async def add(count, service="fcm"):
        return [await add_phone(service, f"{ADDRESS}{number}") for number in range(count)]

    return add


async def stored(registry, credential_id):
    return await registry.read(lambda tx: credentials.get(tx, credential_id))


async def health(registry, phone):
    return (await registry.read(lambda tx: push_health.of(tx, [phone.id])))[phone.id]


async def until(is_so):
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110  (what a sender got has no event)
            await asyncio.sleep(0.01)


async def test_a_phone_is_woken_where_it_said(ports, add_phone, wakeup):
    sender = Sender(deliver)
    dispatching = Dispatch(ports, {PushService.FCM: sender})
    with counted() as became:
        dispatching.wake([await add_phone()], wakeup)
        await dispatching.close()
    assert sender.sent == [(PushAddress(PushService.FCM, ADDRESS), wakeup)]
    assert became == {"sent": 1}
    assert sender.is_closed


async def test_a_phone_without_an_address_is_not_woken(ports, add_phone, wakeup):
    sender = Sender(deliver)
    dispatching = Dispatch(ports, {PushService.FCM: sender})
    dispatching.wake([await add_phone(None, None)], wakeup)
    await dispatching.close()
    assert sender.sent == []


@pytest.mark.parametrize("lost", ["push_service", "push_address"])
async def test_half_an_address_is_none_and_delays_nobody(ports, add_phone, wakeup, lost):
    sender = Sender(deliver)
    dispatching = Dispatch(ports, {PushService.FCM: sender})
    phone = await add_phone()
    dispatching.wake([replace(phone, **{lost: None}), phone], wakeup)
    await dispatching.close()
    assert sender.sent == [(PushAddress(PushService.FCM, ADDRESS), wakeup)]


async def test_each_service_has_its_own_sender(ports, add_phone, wakeup):
    senders = {service: Sender(deliver) for service in PushService}
    dispatching = Dispatch(ports, senders)
    dispatching.wake([await add_phone(service, service.upper()) for service in senders], wakeup)
    await dispatching.close()
    woken = {service: sender.sent[0][0].address for service, sender in senders.items()}
    assert woken == {service: service.upper() for service in senders}


async def test_a_sender_that_hangs_delays_nobody(ports, add_phone, wakeup, monkeypatch):
    monkeypatch.setattr(dispatch, "SEND_DEADLINE", timedelta(seconds=0.05))
    slow, fast = Sender(hang), Sender(deliver)
    dispatching = Dispatch(ports, {PushService.FCM: slow, PushService.APNS: fast})
    with counted() as became:
        dispatching.wake([await add_phone("fcm"), await add_phone("apns")], wakeup)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (len(slow.sent), len(fast.sent)) == (1, 1)
        await asyncio.wait_for(dispatching.close(), 10)
    assert became == {"sent": 1, "failed timeout": 1}


async def test_a_temporary_failure_is_tried_once_more_with_the_same_wake_up(
    ports, add_phone, wakeup
):
    sender = Sender(fail(BUSY), deliver)
    dispatching = Dispatch(ports, {PushService.FCM: sender})
    with counted() as became:
        dispatching.wake([await add_phone()], wakeup)
        await settled()
        await asyncio.sleep(0.05)
        await dispatching.close()
    assert [sent for _, sent in sender.sent] == [wakeup, wakeup]
    assert became == {"sent": 1}


@pytest.mark.parametrize(("error", "times"), [(BUSY, 2), (PushFailedError("400"), 1)])
async def test_what_fails_is_tried_twice_at_the_most_and_only_where_that_may_help(
    ports, add_phone, wakeup, error, times
):
    sender = Sender(fail(error))
    dispatching = Dispatch(ports, {PushService.FCM: sender})
    with counted() as became:
        dispatching.wake([await add_phone()], wakeup)
        await asyncio.sleep(0.05)
        await dispatching.close()
    assert len(sender.sent) == times
    assert became == {f"failed {error.code}": 1}


async def test_a_dead_address_found_by_the_retry_is_forgotten(ports, add_phone, wakeup):
    phone = await add_phone()
    dispatching = Dispatch(ports, {PushService.FCM: Sender(fail(BUSY), fail(REJECTED))})
    dispatching.wake([phone], wakeup)
    await asyncio.sleep(0.05)
    await dispatching.close()
    assert (await stored(ports.registry, phone.id)).push_address is None


async def test_a_phone_that_is_to_be_left_alone_waits_and_no_other_one(ports, add_phones, wakeup):
    told, other = await add_phones(2)
    later = PushFailedError("429", 0.3 * SECOND, retriable=True)
    sender = Sender(fail(later), deliver)
    dispatching = Dispatch(ports, {PushService.FCM: sender})
    began = time.monotonic()
    dispatching.wake([told], wakeup)
    await settled()
    dispatching.wake([other], wakeup)
    await settled()
    assert [address.address for address, _ in sender.sent] == [f"{ADDRESS}0", f"{ADDRESS}1"]
    await until(lambda: len(sender.sent) == 3)
    assert time.monotonic() - began >= 0.3
    assert sender.sent[2] == (PushAddress(PushService.FCM, f"{ADDRESS}0"), wakeup)
    await dispatching.close()


async def test_a_wake_up_that_would_come_too_late_is_held_off_at_once(ports, add_phone, wakeup):
    later = PushFailedError("429", timedelta(minutes=3), retriable=True)
    sender = Sender(fail(later), deliver)
    dispatching = Dispatch(ports, {PushService.FCM: sender})
    phone = await add_phone()
    with counted() as became:
        dispatching.wake([phone], wakeup)
        await asyncio.sleep(0.02)
        dispatching.wake([phone], replace(wakeup, id="2"))
        await dispatching.close()
    assert sender.ids == [wakeup.id]
    assert became == {"failed 429": 1, "held_off": 1}


async def test_a_service_that_many_phones_are_to_leave_alone_is_and_no_other(
    ports, add_phones, wakeup
):
    phones, apple = await add_phones(4), await add_phones(1, "apns")
    later = PushFailedError("503", timedelta(minutes=3), retriable=True)
    google, apns = Sender(fail(later)), Sender(deliver)
    dispatching = Dispatch(ports, {PushService.FCM: google, PushService.APNS: apns})
    with counted() as became:
        dispatching.wake(phones[:3], wakeup)
        await asyncio.sleep(0.02)
        dispatching.wake([phones[3], *apple], wakeup)
        await dispatching.close()
    assert (len(google.sent), len(apns.sent)) == (3, 1)
    assert became == {"failed 503": 3, "held_off": 1, "sent": 1}


async def test_what_waits_takes_no_place_of_others(ports, add_phones, wakeup, monkeypatch):
    monkeypatch.setattr(lane, "MAX_IN_FLIGHT", 1)
    later = PushFailedError("429", SECOND, retriable=True)
    dispatching = Dispatch(ports, {PushService.FCM: Sender(fail(later), deliver)})
    told, other = await add_phones(2)
    with counted() as became:
        dispatching.wake([told], wakeup)
        await asyncio.sleep(0.02)
        dispatching.wake([other], wakeup)
        await asyncio.sleep(0.02)
        await dispatching.close()
    assert became == {"sent": 1, "failed 429": 1}


async def test_no_more_wait_than_may(ports, add_phones, wakeup, monkeypatch):
    monkeypatch.setattr(dispatch, "MAX_WAITING", 1)
    later = PushFailedError("429", SECOND, retriable=True)
    sender = Sender(fail(later), fail(later), deliver)
    dispatching = Dispatch(ports, {PushService.FCM: sender})
    with counted() as became:
        dispatching.wake(await add_phones(2), wakeup)
        await asyncio.sleep(0.02)
        await dispatching.close()
    assert became == {"failed 429": 2}


async def test_what_is_turned_away_is_counted_and_room_comes_back(
    ports, add_phones, wakeup, monkeypatch
):
    monkeypatch.setattr(lane, "MAX_IN_FLIGHT", 3)
    gate = asyncio.Event()
    sender = Sender(lambda _: gate.wait())
    dispatching = Dispatch(ports, {PushService.FCM: sender, PushService.APNS: Sender(deliver)})
    phones, apple = await add_phones(5), await add_phones(1, "apns")
    with counted() as became:
        dispatching.wake([*phones, *apple], wakeup)
        await settled()
        gate.set()
        await settled()
        dispatching.wake(phones[4:], wakeup)
        await dispatching.close()
    assert became == {"turned_away": 2, "sent": 5}


async def test_a_service_that_does_not_answer_is_left_alone_and_tried_again(
    ports, add_phones, wakeup, clock
):
    down, gate = fail(PushFailedError("unreachable")), asyncio.Event()
    sender = Sender(*[down] * FAILURES_TO_OPEN, lambda _: gate.wait())
    dispatching = Dispatch(ports, {PushService.FCM: sender})
    phones = await add_phones(FAILURES_TO_OPEN + 2)
    with counted() as became:
        dispatching.wake(phones[:FAILURES_TO_OPEN], wakeup)
        await settled()
        dispatching.wake(phones[FAILURES_TO_OPEN:], wakeup)
        await settled()
    assert became == {"failed unreachable": FAILURES_TO_OPEN, "circuit_open": 2}
    clock.advance(OPEN_FOR)
    with counted() as became:
        dispatching.wake(phones[:2], wakeup)
        await settled()
        gate.set()
        await settled()
        dispatching.wake(phones[:2], wakeup)
        await dispatching.close()
    assert became == {"circuit_open": 1, "sent": 3}


async def test_a_trial_that_breaks_the_sender_does_not_shut_the_service_for_ever(
    ports, add_phones, wakeup, clock
):
    down, bug = fail(PushFailedError("tls")), fail(ValueError())
    sender = Sender(*[down] * FAILURES_TO_OPEN, bug, deliver)
    dispatching = Dispatch(ports, {PushService.FCM: sender})
    phones = await add_phones(FAILURES_TO_OPEN)
    dispatching.wake(phones, wakeup)
    await settled()
    clock.advance(OPEN_FOR)
    with counted() as became:
        dispatching.wake(phones[:1], wakeup)
        await settled()
        dispatching.wake(phones[1:2], wakeup)
        await dispatching.close()
    assert became == {"failed other": 1, "sent": 1}


async def test_dead_addresses_and_refusals_shut_no_service(ports, add_phones, wakeup):
    answers = [fail(REJECTED), fail(PushFailedError("429", retriable=True))] * FAILURES_TO_OPEN
    dispatching = Dispatch(ports, {PushService.FCM: Sender(*answers, deliver)})
    with counted() as became:
        dispatching.wake(await add_phones(FAILURES_TO_OPEN * 2), wakeup)
        await settled()
        await asyncio.sleep(0.05)
        await dispatching.close()
    assert "circuit_open" not in became


async def test_a_newer_wake_up_takes_the_place_of_one_that_waits(ports, add_phone, wakeup):
    later = PushFailedError("429", 0.2 * SECOND, retriable=True)
    sender = Sender(fail(later), deliver)
    dispatching = Dispatch(ports, {PushService.FCM: sender})
    phone = await add_phone()
    with counted() as became:
        dispatching.wake([phone], wakeup)
        await asyncio.sleep(0.02)
        for identifier in "23":
            dispatching.wake([phone], replace(wakeup, id=identifier))
            await settled()
        await until(lambda: len(sender.sent) == 2)
        await dispatching.close()
    assert sender.ids == [wakeup.id, "3"]
    assert became == {"failed 429": 1, "replaced": 1, "sent": 1}


async def test_no_wake_up_overtakes_another_of_its_tag(ports, add_phone, wakeup):
    gate = asyncio.Event()
    sender = Sender(lambda _: gate.wait(), deliver)
    dispatching = Dispatch(ports, {PushService.FCM: sender})
    phone = await add_phone()
    dispatching.wake([phone], wakeup)
    await settled()
    dispatching.wake([phone], replace(wakeup, kind=WakeupKind.WITHDRAWN))
    dispatching.wake([phone], replace(wakeup, id="other", tag="other"))
    await settled()
    kinds = [(sent.tag, sent.kind) for _, sent in sender.sent]
    assert kinds == [("tag", WakeupKind.REQUEST), ("other", WakeupKind.REQUEST)]
    gate.set()
    await settled()
    assert sender.sent[2][1].kind is WakeupKind.WITHDRAWN
    await dispatching.close()


async def test_a_server_that_stops_waits_for_no_service_and_wakes_nobody_after(
    ports, add_phone, wakeup
):
    later = PushFailedError("429", timedelta(minutes=1), retriable=True)
    sender = Sender(fail(later), deliver)
    dispatching = Dispatch(ports, {PushService.FCM: sender})
    phone = await add_phone()
    with counted() as became:
        dispatching.wake([phone], wakeup)
        await asyncio.sleep(0.02)
        dispatching.wake([phone], replace(wakeup, id="2"))
        await settled()
        await asyncio.wait_for(dispatching.close(), 1)
        dispatching.wake([phone], replace(wakeup, id="3"))
        await settled()
    assert sender.ids == [wakeup.id]
    assert became == {"failed 429": 1, "dropped": 2}


async def test_a_rejected_address_is_forgotten_and_the_phone_is_not(ports, add_phone, wakeup):
    phone = await add_phone()
    dispatching = Dispatch(ports, {PushService.FCM: Sender(fail(REJECTED))})
    with counted() as became:
        dispatching.wake([phone], wakeup)
        await dispatching.close()
    assert became == {"rejected UNREGISTERED": 1}
    after = await stored(ports.registry, phone.id)
    assert (after.push_service, after.push_address) == (None, None)
    assert after.status == phone.status
    assert (await health(ports.registry, phone)).last_error == "UNREGISTERED"


@pytest.mark.parametrize(
    ("service", "address"), [("fcm", "new"), ("apns", ADDRESS)], ids=["fcm", "apns"]
)
async def test_an_address_that_came_meanwhile_is_kept(ports, add_phone, wakeup, service, address):
    phone, registry = await add_phone(), ports.registry

    async def reject(_address):
        await registry.commit(lambda tx: credentials.set_push(tx, phone.id, service, address))
        raise REJECTED

    dispatching = Dispatch(ports, {PushService.FCM: Sender(reject)})
    dispatching.wake([phone], wakeup)
    await dispatching.close()
    after = await stored(registry, phone.id)
    assert (after.push_service, after.push_address) == (service, address)


async def test_what_became_of_its_wake_ups_is_written_of_each_phone(
    ports, add_phones, wakeup, clock
):
    well, ill = await add_phones(2)
    dispatching = Dispatch(ports, {PushService.FCM: Sender(deliver, fail(PushFailedError("x")))})
    dispatching.wake([well, ill], wakeup)
    await dispatching.close()
    first, second = [await health(ports.registry, phone) for phone in (well, ill)]
    assert clock() - first.last_ok_at < 5 * SECOND
    assert (first.last_error_at, first.last_error) == (None, "")
    assert clock() - second.last_error_at < 5 * SECOND
    assert (second.last_ok_at, second.last_error) == (None, "x")


BUG = ValueError(f"no such token: {ADDRESS}")
FAILURES = {"refused": PushFailedError("503"), "slow": TimeoutError(ADDRESS), "bug": BUG}


@pytest.mark.parametrize("error", FAILURES.values(), ids=FAILURES)
async def test_a_failure_is_told_without_the_address(ports, add_phone, wakeup, error, caplog):
    phone = await add_phone()
    dispatching = Dispatch(ports, {PushService.FCM: Sender(fail(error))})
    with capture_logs() as lines:
        dispatching.wake([phone], wakeup)
        await dispatching.close()
        gc.collect()
    assert {line["service"] for line in lines} == {"fcm"}
    assert ADDRESS not in str(lines) + caplog.text
    assert (await stored(ports.registry, phone.id)).push_address == ADDRESS


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PushFailedError("503"), ("push failed", "warning", "503")),
        (TimeoutError(ADDRESS), ("push failed", "warning", "timeout")),
        (BUG, ("push sender failed", "error", None)),
    ],
)
async def test_a_failure_of_the_service_is_no_bug(ports, add_phone, wakeup, error, told):
    dispatching = Dispatch(ports, {PushService.FCM: Sender(fail(error))})
    with capture_logs() as lines:
        dispatching.wake([await add_phone()], wakeup)
        await dispatching.close()
    assert [(line["event"], line["log_level"], line.get("code")) for line in lines] == [told]


async def test_a_service_that_is_not_set_up_is_no_failure(ports, add_phone, wakeup):
    dispatching = Dispatch(ports, {})
    with counted() as became, capture_logs() as lines:
        dispatching.wake([await add_phone()], wakeup)
        await dispatching.close()
    assert lines == []
    assert became == {"not_set_up": 1}


async def test_an_address_that_cannot_be_forgotten_is_kept_quietly(ports, add_phone, wakeup):
    class Away:
        async def commit(self, _change):
            raise RegistryUnavailableError

    phone = await add_phone()
    rejected = fail(TokenRejectedError("410"))
    dispatching = Dispatch(replace(ports, registry=Away()), {PushService.FCM: Sender(rejected)})
    with counted() as became, capture_logs() as lines:
        dispatching.wake([phone], wakeup)
        await dispatching.close()
    assert became == {"rejected 410": 1}
    assert [line["event"] for line in lines] == [
        "push address rejected",
        "push address kept",
        "push health not written",
    ]
    assert ADDRESS not in str(lines)
    assert phone.id not in str(lines)


async def test_what_is_under_way_is_counted_and_its_time_is_taken(ports, add_phone, wakeup):
    def sample(name):
        return METRICS.get_sample_value(f"pairing_wakeup{name}", {"service": "fcm"}) or 0

    gate = asyncio.Event()
    dispatching = Dispatch(ports, {PushService.FCM: Sender(lambda _: gate.wait())})
    before, taken = sample("s_under_way"), sample("_seconds_count")
    dispatching.wake([await add_phone()], wakeup)
    await settled()
    assert sample("s_under_way") == before + 1
    gate.set()
    await dispatching.close()
    assert (sample("s_under_way"), sample("_seconds_count")) == (before, taken + 1)
