"""One access token for all sends: fetched by one, renewed ahead, and no storm when it fails."""

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from clients.push_simulator import Answer, Fault
from clients.push_simulator.authority import LoopbackAuthority
from clients.push_simulator.fcm import TOKEN_SECONDS, FcmService
from pairing_server.clock import utc_now
from pairing_server.push import PushFailedError
from pairing_server.push.access_token import AHEAD, FRESH, PAUSE, AccessTokens
from pairing_server.push.post import Post
from tests.push.contract import Situation
from tests.push.fcm_harness import KEY, egress_to_loopback, read_account

ISSUED = b'{"access_token": "geheim", "expires_in": 3599, "token_type": "Bearer"}'


class Elapsed:
    """A monotonic clock that a test moves on."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def move(self, duration):
        self.now += duration.total_seconds()


@pytest.fixture
def elapsed():
    return Elapsed()


@pytest.fixture
async def service():
    authority = LoopbackAuthority.create()
    async with FcmService(key=KEY).running(authority.context()) as running:
        running.authority = authority
        yield running


@pytest.fixture
async def tokens(service, elapsed):
    egress = egress_to_loopback(Situation(), service.authority)
    post = Post(egress)
    made = AccessTokens(read_account(service.account()), post, utc_now, elapsed)
    yield made
    await made.close()
    await post.close()
    egress.close()


async def failure(tokens):
    with pytest.raises(PushFailedError) as failed:
        await tokens.get()
    return failed.value


async def fetched(service, times):
    async with asyncio.timeout(10):
        while service.requests < times:  # noqa: ASYNC110  (a server counts)
            await asyncio.sleep(0.005)


async def test_a_hundred_sends_ask_once(service, tokens):
    found = await asyncio.gather(*(tokens.get() for _ in range(100)))
    assert len(set(found)) == 1
    assert service.requests == 1


async def test_a_token_is_used_until_it_is_time_to_renew_it(service, tokens, elapsed):
    first = await tokens.get()
    elapsed.move(timedelta(seconds=TOKEN_SECONDS) - AHEAD - timedelta(seconds=1))
    assert await tokens.get() == first
    await asyncio.sleep(0.05)
    assert service.requests == 1


async def test_a_token_is_renewed_ahead_and_nobody_waits_for_it(service, tokens, elapsed):
    first = await tokens.get()
    elapsed.move(timedelta(seconds=TOKEN_SECONDS) - AHEAD)
    assert [await tokens.get() for _ in range(50)] == [first] * 50
    await fetched(service, 2)
    async with asyncio.timeout(10):
        while await tokens.get() == first:  # noqa: ASYNC110  (a server decides it)
            await asyncio.sleep(0.005)
    assert service.requests == 2


async def test_a_renewal_that_fails_takes_no_token_away(service, tokens, elapsed):
    first = await tokens.get()
    elapsed.move(timedelta(seconds=TOKEN_SECONDS) - AHEAD)
    service.token_behaviour = Answer(503)
    with capture_logs() as lines:
        assert await tokens.get() == first
        await fetched(service, 2)
        await asyncio.sleep(0.05)
    assert [(line["event"], line["error"]) for line in lines] == [("no access token", "503")]
    assert await tokens.get() == first
    await asyncio.sleep(0.05)
    assert service.requests == 2
    elapsed.move(PAUSE)
    assert await tokens.get() == first
    await fetched(service, 3)


async def test_a_token_is_not_used_after_its_end(tokens, elapsed):
    first = await tokens.get()
    elapsed.move(timedelta(seconds=TOKEN_SECONDS))
    assert await tokens.get() != first


async def test_a_token_that_lives_shortly_is_renewed_at_half_of_its_life(service, tokens, elapsed):
    service.token_behaviour = Answer(200, ISSUED.replace(b"3599", b"60"))
    await tokens.get()
    elapsed.move(timedelta(seconds=29))
    await tokens.get()
    await asyncio.sleep(0.05)
    assert service.requests == 1
    elapsed.move(timedelta(seconds=1))
    await tokens.get()
    await fetched(service, 2)


async def test_a_failure_is_everybodys_for_a_moment(service, tokens, elapsed):
    service.token_behaviour = Answer(503)
    errors = await asyncio.gather(*(failure(tokens) for _ in range(100)))
    assert {(error.code, error.retriable) for error in errors} == {("503", True)}
    assert len({id(error) for error in errors}) == 100
    await failure(tokens)
    assert service.requests == 1
    elapsed.move(PAUSE)
    service.token_behaviour = None
    await tokens.get()
    assert service.requests == 2


async def test_a_token_endpoint_that_wants_to_be_left_alone_is(service, tokens, elapsed):
    service.token_behaviour = Answer(429, b"", {"Retry-After": "30"})
    assert (await failure(tokens)).retry_after == timedelta(seconds=30)
    elapsed.move(timedelta(seconds=29))
    assert (await failure(tokens)).retry_after == timedelta(seconds=30)
    assert service.requests == 1


async def test_who_gives_up_waiting_takes_nothing_from_the_others(service, tokens):
    waiting = [asyncio.create_task(tokens.get()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    assert len({await waiting[1], await waiting[2]}) == 1
    assert waiting[0].cancelled()
    assert service.requests == 1


async def test_a_refused_token_is_forgotten_once(service, tokens, elapsed):
    first = await tokens.get()
    elapsed.move(FRESH)
    assert tokens.reject(first)
    second = await tokens.get()
    # A send that was slow: what it was refused with is gone already.
    assert tokens.reject(first)
    assert await tokens.get() == second
    assert service.requests == 2


async def test_a_token_that_is_new_is_not_what_is_wrong(service, tokens, elapsed):
    first = await tokens.get()
    elapsed.move(FRESH - timedelta(seconds=1))
    assert not tokens.reject(first)
    assert await tokens.get() == first
    assert service.requests == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"access_token": "geheim"}',
        ISSUED.replace(b"3599", b"0"),
        ISSUED.replace(b"3599", b'"3599"'),
        ISSUED.replace(b"geheim", b"geheim\\r\\nX: y"),
        ISSUED.replace(b"geheim", b""),
    ],
)
async def test_what_is_no_token_is_not_used(service, tokens, body):
    service.token_behaviour = Answer(200, body)
    error = await failure(tokens)
    assert (error.code, error.retriable) == ("protocol", False)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, b'{"error": "invalid_grant", "error_description": "geheim"}', "invalid_grant"),
        (401, b'{"error": "geheim"}', "401"),
        (403, b"geheim", "403"),
    ],
)
async def test_what_the_endpoint_says_is_told_if_it_is_a_known_word(
    service, tokens, status, body, code
):
    service.token_behaviour = Answer(status, body)
    with capture_logs() as lines:
        error = await failure(tokens)
    assert (error.code, error.retriable) == (code, False)
    assert "geheim" not in str(lines) + repr(error)


async def test_closing_leaves_nobody_waiting(service, tokens):
    service.token_behaviour = Fault.SILENCE
    waiting = asyncio.create_task(failure(tokens))
    await fetched(service, 1)
    await tokens.close()
    assert (await asyncio.wait_for(waiting, 1)).code == "disconnected"


async def test_a_mistake_of_ours_is_logged_without_its_words(service, elapsed):
    class Broken:
        async def call(self, *_):
            raise ValueError("geheim")

    tokens = AccessTokens(read_account(service.account()), Broken(), utc_now, elapsed)
    with capture_logs() as lines, pytest.raises(ValueError, match="geheim"):
        await tokens.get()
    assert [line["error"] for line in lines] == ["ValueError"]
