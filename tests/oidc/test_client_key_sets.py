"""Keys of a `jwks_uri`: a client's rotation fails no login, and a stranger makes nobody fetch."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from pairing_server.egress import Egress
from pairing_server.errors import Unavailable
from pairing_server.oidc.client_egress import LOOPBACK, ClientEgress
from pairing_server.oidc.client_key_sets import FLOOR, FRESH, MAX_WAITING, STALE, ClientKeySets
from pairing_server.oidc.client_keys import UnverifiedError
from pairing_server.registry.client_metadata import ClientMetadata
from pairing_server.registry.clients import Client, ClientStatus
from tests.oidc.endpoint import listening

OLD, NEW, STRANGE = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))


class Elapsed:
    """A monotonic clock that moves when somebody sleeps, or when a test says so."""

    def __init__(self):
        self.seconds = 1000.0
        self.slept = []

    def __call__(self):
        return self.seconds

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)

    def advance(self, duration):
        self.seconds += duration.total_seconds()


@pytest.fixture
def elapsed():
    return Elapsed()


@pytest.fixture
async def endpoint():
    async with listening() as opened:
        yield opened


@pytest.fixture
async def sets(elapsed):
    egress = ClientEgress(Egress(()), Egress(LOOPBACK), is_demo=True)
    yield ClientKeySets(egress, elapsed, elapsed.sleep)
    await egress.close()


def publish(endpoint, *keys, status=200):
    """Let the client publish keys, by name; or anything else."""
    body = {"keys": [jwk(key, kid) for kid, key in keys]}
    endpoint.answers[:] = [lambda: web.json_response(body, status=status)]


def jwk(key, kid):
    return {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "alg": "ES256"}


def client(endpoint, **changed):
    known = Client(
        id="his",
        name="HIS",
        jwks={"keys": [jwk(STRANGE, "s")]},
        uras=(),
        redirect_uris=(),
        policy={},
        status=ClientStatus.ACTIVE,
        created_at=datetime(2026, 11, 26, tzinfo=UTC),
        metadata=ClientMetadata(jwks_uri=endpoint.url),
    )
    return replace(known, **changed)


def signed(key, kid):
    return jwt.encode({"sub": "his"}, key, "ES256", {"kid": kid} if kid else None)


async def test_the_keys_are_fetched_once_and_registered_ones_count_no_more(sets, endpoint):
    publish(endpoint, ("old", OLD))
    for _ in range(3):
        assert await sets.verified(signed(OLD, "old"), client(endpoint)) == {"sub": "his"}
    with pytest.raises(UnverifiedError):
        await sets.verified(signed(STRANGE, "old"), client(endpoint))
    assert len(endpoint.heard) == 1
    assert endpoint.heard[0].method == "GET"


async def test_many_that_come_at_once_fetch_once(sets, endpoint):
    publish(endpoint, ("old", OLD))
    calls = [sets.verified(signed(OLD, "old"), client(endpoint)) for _ in range(20)]
    assert await asyncio.gather(*calls) == [{"sub": "his"}] * 20
    assert len(endpoint.heard) == 1


@pytest.mark.parametrize("kid", ["new", None])
async def test_a_new_key_is_fetched_when_it_is_met(sets, endpoint, elapsed, kid):
    publish(endpoint, ("old", OLD))
    await sets.verified(signed(OLD, "old"), client(endpoint))
    elapsed.advance(FLOOR)
    publish(endpoint, ("old", OLD), ("new", NEW))
    calls = [sets.verified(signed(NEW, kid), client(endpoint)) for _ in range(20)]
    assert await asyncio.gather(*calls) == [{"sub": "his"}] * 20
    assert (len(endpoint.heard), elapsed.slept) == (2, [])


async def test_a_rotation_just_after_a_fetch_waits_and_does_not_fail(sets, endpoint, elapsed):
    publish(endpoint, ("old", OLD))
    with pytest.raises(UnverifiedError):
        await sets.verified(signed(STRANGE, "stranger"), client(endpoint))
    before = len(endpoint.heard)
    publish(endpoint, ("new", NEW))
    assert await sets.verified(signed(NEW, "new"), client(endpoint)) == {"sub": "his"}
    assert elapsed.slept[-1] == FLOOR.total_seconds()
    assert len(endpoint.heard) == before + 1


async def test_strangers_make_nobody_fetch_more_than_once_in_a_while(sets, endpoint, elapsed):
    publish(endpoint, ("old", OLD))
    await sets.verified(signed(OLD, "old"), client(endpoint))
    started = elapsed()
    calls = [sets.verified(signed(STRANGE, f"kid-{each}"), client(endpoint)) for each in range(50)]
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(each) for each in done} == {UnverifiedError}
    # They waited for one fetch together.
    assert (len(endpoint.heard), elapsed() - started) == (2, FLOOR.total_seconds())


async def test_a_known_key_does_not_wait_behind_strangers(sets, endpoint, elapsed):
    publish(endpoint, ("old", OLD))
    await sets.verified(signed(OLD, "old"), client(endpoint))
    held = asyncio.Event()
    sets._sleep = lambda _: held.wait()
    stranger = asyncio.create_task(sets.verified(signed(STRANGE, "strange"), client(endpoint)))
    await asyncio.sleep(0)
    assert await sets.verified(signed(OLD, "old"), client(endpoint)) == {"sub": "his"}
    held.set()
    with pytest.raises(UnverifiedError):
        await stranger


async def test_no_more_wait_than_there_is_room_for(sets, endpoint, elapsed):
    publish(endpoint, ("old", OLD))
    await sets.verified(signed(OLD, "old"), client(endpoint))
    calls = [
        sets.verified(signed(STRANGE, "strange"), client(endpoint)) for _ in range(MAX_WAITING + 5)
    ]
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(each, Unavailable) for each in done) == 5


async def test_a_forged_signature_under_a_known_name_makes_nobody_fetch(sets, endpoint, elapsed):
    publish(endpoint, ("old", OLD))
    await sets.verified(signed(OLD, "old"), client(endpoint))
    elapsed.advance(FLOOR)
    with pytest.raises(UnverifiedError):
        await sets.verified(signed(STRANGE, "old"), client(endpoint))
    assert len(endpoint.heard) == 1


async def test_a_withdrawn_key_is_refused_when_the_set_is_fetched_again(sets, endpoint, elapsed):
    publish(endpoint, ("old", OLD))
    await sets.verified(signed(OLD, "old"), client(endpoint))
    publish(endpoint, ("new", NEW))
    elapsed.advance(FRESH)
    with pytest.raises(UnverifiedError):
        await sets.verified(signed(OLD, "old"), client(endpoint))


async def test_keys_outlive_a_vendor_that_is_down_for_a_day(sets, endpoint, elapsed):
    publish(endpoint, ("old", OLD))
    await sets.verified(signed(OLD, "old"), client(endpoint))
    endpoint.answers[:] = [503]
    elapsed.advance(STALE)
    assert await sets.verified(signed(OLD, "old"), client(endpoint)) == {"sub": "his"}
    elapsed.advance(FLOOR)
    with pytest.raises(Unavailable):
        await sets.verified(signed(OLD, "old"), client(endpoint))


@pytest.mark.parametrize(
    "answer",
    [
        503,
        302,
        lambda: web.Response(text="no JSON"),
        lambda: web.json_response(["keys"]),
        lambda: web.Response(body=b'{"keys": [' + b" " * 70_000 + b"]}"),
    ],
)
async def test_where_nothing_can_be_fetched_nobody_is_told_that_they_are_unknown(
    sets, endpoint, answer
):
    endpoint.answers[:] = [answer]
    with pytest.raises(Unavailable):
        await sets.verified(signed(OLD, "old"), client(endpoint))


@pytest.mark.parametrize("status", [201, 302, 404, 500])
async def test_keys_in_an_error_are_no_keys(sets, endpoint, status):
    publish(endpoint, ("old", OLD), status=status)
    with pytest.raises(Unavailable):
        await sets.verified(signed(OLD, "old"), client(endpoint))


async def test_another_uri_is_another_set(sets, endpoint):
    publish(endpoint, ("old", OLD))
    await sets.verified(signed(OLD, "old"), client(endpoint))
    moved = client(endpoint, metadata=ClientMetadata(jwks_uri=f"{endpoint.origin}/moved"))
    await sets.verified(signed(OLD, "old"), moved)
    assert [heard.path for heard in endpoint.heard] == ["/ping", "/moved"]


async def test_registered_keys_need_no_fetch(sets, endpoint):
    registered = client(endpoint, metadata=ClientMetadata())
    assert await sets.verified(signed(STRANGE, "s"), registered) == {"sub": "his"}
    assert endpoint.heard == []


async def test_a_set_without_end_is_none_and_what_was_fetched_stays(sets, endpoint, elapsed):
    publish(endpoint, ("old", OLD))
    await sets.verified(signed(OLD, "old"), client(endpoint))
    endpoint.answers[:] = [lambda: web.Response(body=b"[" * 60_000)]
    elapsed.advance(FRESH)
    assert await sets.verified(signed(OLD, "old"), client(endpoint)) == {"sub": "his"}


async def test_who_waited_for_a_fetch_that_failed_does_not_fetch_in_turn(sets, endpoint, elapsed):
    """A hundred strangers would wait for minutes, and whoever has a new key behind them."""
    publish(endpoint, ("old", OLD))
    await sets.verified(signed(OLD, "old"), client(endpoint))
    endpoint.answers[:] = [503]
    started = elapsed()
    calls = [sets.verified(signed(STRANGE, f"kid-{each}"), client(endpoint)) for each in range(20)]
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(each) for each in done} == {Unavailable}
    assert (len(endpoint.heard), elapsed() - started) == (2, FLOOR.total_seconds())


async def test_known_keys_count_while_strangers_fill_the_room_and_the_vendor_is_down(
    sets, endpoint, elapsed
):
    publish(endpoint, ("old", OLD))
    await sets.verified(signed(OLD, "old"), client(endpoint))
    endpoint.answers[:] = [503]
    elapsed.advance(FRESH)
    held = asyncio.Event()
    sets._egress.send, send = hang_until(held, sets._egress.send), sets._egress.send
    strangers = [
        asyncio.create_task(sets.verified(signed(STRANGE, "strange"), client(endpoint)))
        for _ in range(MAX_WAITING)
    ]
    await asyncio.sleep(0)
    elapsed.advance(FLOOR)
    assert await sets.verified(signed(OLD, "old"), client(endpoint)) == {"sub": "his"}
    held.set()
    sets._egress.send = send
    await asyncio.gather(*strangers, return_exceptions=True)


def hang_until(event, send):
    async def hung(*args, **options):
        await event.wait()
        return await send(*args, **options)

    return hung
