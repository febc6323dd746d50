"""What a sender to FCM does beyond the contract: its tokens, and what its check finds."""

import asyncio
from datetime import timedelta

import pytest

from clients.push_simulator import Answer, fcm
from pairing_server.clock import utc_now
from pairing_server.push import PushFailedError, Wakeup
from pairing_server.push.access_token import FRESH
from tests.push.contract import Situation
from tests.push.fcm_harness import FcmHarness
from tests.push.test_access_token import Elapsed


@pytest.fixture
def elapsed():
    return Elapsed()


@pytest.fixture
async def harness(elapsed):
    async with FcmHarness.open(Situation(), elapsed=elapsed) as opened:
        yield opened


@pytest.fixture
def wakeup():
    return Wakeup("kCWOZxJ2Xw3fyqeRUrSkDA", utc_now() + timedelta(minutes=2), tag="t" * 22)


async def failure(harness, wakeup):
    with pytest.raises(PushFailedError) as failed:
        await harness.sender.send(harness.address(), wakeup)
    return failed.value


async def test_a_token_that_is_not_believed_any_more_is_replaced_once(harness, wakeup, elapsed):
    await harness.sender.send(harness.address(), wakeup)
    harness.service.forget_tokens()
    elapsed.move(FRESH)
    await asyncio.gather(*(harness.sender.send(harness.address(), wakeup) for _ in range(50)))
    assert harness.service.requests == 2
    assert len(harness.journal.arrivals) == 51


async def test_a_project_that_believes_no_token_is_not_asked_for_ever(harness, wakeup, elapsed):
    await harness.sender.send(harness.address(), wakeup)
    elapsed.move(FRESH)
    harness.service.believes = False
    errors = [await failure(harness, wakeup) for _ in range(5)]
    assert {(error.code, error.retriable) for error in errors} == {("UNAUTHENTICATED", False)}
    assert harness.service.requests == 2


async def test_another_platforms_key_is_no_reason_for_a_new_token(harness, wakeup, elapsed):
    await harness.sender.send(harness.address(), wakeup)
    elapsed.move(FRESH)
    address = harness.address()
    harness.journal.behaviours[address.address] = fcm.THIRD_PARTY_AUTH_ERROR
    with pytest.raises(PushFailedError):
        await harness.sender.send(address, wakeup)
    assert harness.service.requests == 1


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        (fcm.PERMISSION_DENIED, "enable the Firebase Cloud Messaging API"),
        (fcm.NO_SUCH_PROJECT, "does not know the project"),
        (Answer(418), "answered 418"),
    ],
)
async def test_the_check_has_a_message_read_and_says_what_is_wrong(harness, behaviour, told):
    harness.journal.behaviours["nobody"] = behaviour
    (said,) = await harness.sender.check()
    assert told in said


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        (Answer(400, b'{"error": "invalid_grant"}'), "does not believe the key"),
        (Answer(401, b'{"error": "invalid_client"}'), "does not know the account"),
        (Answer(502), "answered 502"),
    ],
)
async def test_the_check_asks_for_a_token_of_its_own(harness, wakeup, behaviour, told):
    await harness.sender.send(harness.address(), wakeup)
    harness.service.token_behaviour = behaviour
    (said,) = await harness.sender.check()
    assert told in said


async def test_a_message_that_fcm_would_take_is_fine_too(harness):
    harness.journal.behaviours["nobody"] = Answer(200, b"{}")
    assert await harness.sender.check() == []
