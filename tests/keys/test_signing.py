"""Signing keys: made once, sealed at rest, rotated without one failed verification."""

import asyncio
import base64
import secrets
from datetime import timedelta

import jwt
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from pairing_server.keys.seal import Seal, SealError
from pairing_server.keys.signing import (
    JWKS_LIFETIME,
    PUBLISHED_AFTER_USE,
    PUBLISHED_BEFORE_USE,
    REFRESH,
    SigningKeys,
    State,
    TooEarlyError,
)
from pairing_server.registry import AlreadyExistsError
from pairing_server.registry.tables import signing_key
from tests.doubles import FrozenClock
from tests.keys.handset import MeanwhileRegistry

MINUTE = timedelta(minutes=1)
TOKEN_LIFETIME = timedelta(minutes=5)


@pytest.fixture
def clock():
    return FrozenClock()


def node(registry, clock, key=b"s" * 32):
    return SigningKeys(registry, Seal(key, secrets.token_bytes), clock, secrets.token_bytes)


@pytest.fixture
async def keys(registry, clock):
    made = node(registry, clock)
    await made.prepare()
    return made


def verifies(token, jwks):
    """Verify as a relying party does with the key set that it has, but for the times."""
    kid = jwt.get_unverified_header(token)["kid"]
    fitting = [key for key in jwks["keys"] if key["kid"] == kid]
    options = {"verify_exp": False}
    return [jwt.decode(token, jwt.PyJWK(key), ["ES256"], options) for key in fitting] != []


class Verifier:
    """Keeps the key set for exactly as long as it may, from a moment of its own."""

    def __init__(self, keys, clock, phase):
        self._keys = keys
        self._clock = clock
        self._read_at = clock() - phase
        self._jwks = None

    async def verify(self, token):
        if self._jwks is None or self._clock() - self._read_at >= JWKS_LIFETIME:
            self._jwks = await self._keys.jwks()
            self._read_at = self._clock()
        return verifies(token, self._jwks)


async def states(keys):
    return [key.state for key in await keys.all()]


async def test_two_nodes_that_start_at_once_share_their_keys(registry, other_node, clock):
    nodes = [node(registry, clock), node(other_node, clock)]
    await asyncio.gather(*(each.prepare() for each in nodes * 8))
    first, second = [await each.jwks() for each in nodes]
    assert first == second
    assert sorted(await states(nodes[0])) == [State.CURRENT, State.NEXT]
    assert verifies(await nodes[0].sign({"a": 1}), second)


async def test_a_node_that_lost_the_race_takes_the_winners_keys(registry, clock):
    winner = node(registry, clock)
    stalled = MeanwhileRegistry(registry, winner.prepare)
    loser = node(stalled, clock)
    await loser.prepare()
    assert stalled.stalled
    assert verifies(await loser.sign({"a": 1}), await winner.jwks())


async def test_keys_are_made_at_the_first_start_only(keys, registry, clock):
    before = await keys.jwks()
    again = node(registry, clock)
    await again.prepare()
    assert await again.jwks() == before


async def test_a_token_names_its_key_and_type(keys):
    token = await keys.sign({"a": 1}, "at+jwt")
    current, _ = (await keys.jwks())["keys"]
    header = jwt.get_unverified_header(token)
    assert header == {"alg": "ES256", "kid": current["kid"], "typ": "at+jwt"}


async def test_the_key_set_holds_nothing_private(keys):
    await keys.rotate("operator:test", compromised=True)
    members = {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert [set(key) for key in (await keys.jwks())["keys"]] == [members, members]
    assert [set(key) for key in await keys.authentic_jwks()] == [members, members, members]


async def test_no_private_key_lies_in_the_database(keys, tmp_path):
    opened = [keys._open(key) for key in await keys.all()]
    numbers = [key.private_numbers().private_value.to_bytes(32, "big") for key in opened]
    encodings = [serialization.Encoding.PEM, serialization.Encoding.DER]
    formats = [
        serialization.PrivateFormat.PKCS8,
        serialization.PrivateFormat.TraditionalOpenSSL,
    ]
    plain = serialization.NoEncryption()
    whole = [key.private_bytes(e, f, plain) for key in opened for e in encodings for f in formats]
    lines = [line for text in whole if text.startswith(b"--") for line in text.split(b"\n")[1:-2]]
    texts = [base64.b64encode(number).rstrip(b"=") for number in numbers]
    secret = [*numbers, *whole, *lines, *texts, *(number.hex().encode() for number in numbers)]

    raw = b"".join(file.read_bytes() for file in tmp_path.glob("registry.sqlite3*"))
    assert all(key.kid.encode() in raw for key in await keys.all())
    assert [each for each in secret if each in raw] == []
    assert b"PRIVATE KEY" not in raw


async def test_another_seal_key_opens_nothing(keys, registry, clock):
    stranger = node(registry, clock, b"S" * 32)
    with pytest.raises(SealError):
        await stranger.prepare()
    with pytest.raises(SealError):
        await stranger.sign({})
    assert await stranger.authentic_jwks() == []
    assert await stranger.jwks() == {"keys": []}
    assert len(await keys.all()) == 2


async def test_a_key_in_another_keys_place_does_not_open(keys, registry, clock):
    current, following = await keys.all()
    swap = sa.update(signing_key).where(signing_key.c.kid == sa.bindparam("key"))
    swap = swap.values(sealed=sa.bindparam("new"))
    await registry.commit(lambda tx: tx.run(swap, key=current.kid, new=following.sealed))
    with pytest.raises(SealError):
        await node(registry, clock).prepare()


async def test_what_is_sealed_but_no_ec_key_is_refused(keys, registry, clock):
    current, _ = await keys.all()
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    sealed = Seal(b"s" * 32, secrets.token_bytes).close(f"signing-key:{current.kid}", pem)
    swap = sa.update(signing_key).where(signing_key.c.kid == sa.bindparam("key"))
    swap = swap.values(sealed=sa.bindparam("new"))
    await registry.commit(lambda tx: tx.run(swap, key=current.kid, new=sealed))
    with pytest.raises(TypeError):
        await node(registry, clock).prepare()


async def test_the_next_key_waits_until_it_is_known(keys, clock):
    clock.advance(PUBLISHED_BEFORE_USE - timedelta(milliseconds=1))
    with pytest.raises(TooEarlyError) as refused:
        await keys.rotate("operator:test")
    assert refused.value.args[0] == clock() + timedelta(milliseconds=1)
    clock.advance(timedelta(milliseconds=1))
    rotated = await keys.rotate("operator:test")
    assert jwt.get_unverified_header(await keys.sign({}))["kid"] == rotated.kid
    assert await states(keys) == [State.RETIRED, State.CURRENT, State.NEXT]


async def test_a_rotation_is_in_the_audit_log(keys, clock, audit):
    current, following = await keys.all()
    clock.advance(PUBLISHED_BEFORE_USE)
    await keys.rotate("operator:test")
    (event,) = await audit()
    assert (event["action"], event["actor"]) == ("SigningKeyRotated", "operator:test")
    assert event["object"] == f"signing-key:{following.kid}"
    assert current.kid in event["evidence"]


class Stream:
    """Two nodes that sign, verifiers that cache, and tokens that live their five minutes."""

    def __init__(self, clock, nodes):
        self._clock = clock
        self._nodes = nodes
        phases = [MINUTE * n for n in range(5)]
        self._verifiers = [Verifier(each, clock, phase) for each in nodes for phase in phases]
        self._tokens = []
        self.checked = 0
        self.failed = []

    async def step(self):
        now = self._clock()
        self._tokens = [(t, at) for t, at in self._tokens if now - at < TOKEN_LIFETIME]
        self._tokens += [(await each.sign({"at": str(now)}), now) for each in self._nodes]
        for token, at in self._tokens:
            for verifier in self._verifiers:
                self.checked += 1
                if not await verifier.verify(token):
                    self.failed.append((token, at, now))

    async def run(self, steps, length=MINUTE):
        for _ in range(steps):
            await self.step()
            self._clock.advance(length)


@pytest.mark.parametrize("gap", [10, 11, 14])
async def test_no_verification_fails_through_several_rotations(
    keys, registry, other_node, clock, gap
):
    elsewhere = node(other_node, clock)
    await elsewhere.prepare()
    stream = Stream(clock, [keys, elsewhere])
    for _ in range(4):
        await stream.run(gap)
        await keys.rotate("operator:test")
        await stream.run(1, REFRESH / 2)
    await stream.run(gap)
    assert stream.failed == []
    assert stream.checked > 1000
    assert len(await keys.all()) == 6


async def test_a_retired_key_is_published_for_a_day(keys, clock):
    first, _ = await keys.all()
    clock.advance(PUBLISHED_BEFORE_USE)
    await keys.rotate("operator:test")
    clock.advance(PUBLISHED_AFTER_USE - timedelta(seconds=1))
    assert first.kid in published(await keys.jwks())
    clock.advance(timedelta(seconds=1))
    assert first.kid not in published(await keys.jwks())


async def test_a_compromised_key_is_unpublished_at_once(keys, registry, clock):
    first, _ = await keys.all()
    token = await keys.sign({})
    rotated = await keys.rotate("operator:test", compromised=True)
    assert first.kid not in published(await keys.jwks())
    assert not verifies(token, await keys.jwks())
    assert jwt.get_unverified_header(await keys.sign({}))["kid"] == rotated.kid


async def test_another_node_follows_within_seconds(keys, other_node, clock):
    elsewhere = node(other_node, clock)
    await elsewhere.prepare()
    rotated = await keys.rotate("operator:test", compromised=True)
    clock.advance(REFRESH)
    assert jwt.get_unverified_header(await elsewhere.sign({}))["kid"] == rotated.kid


@pytest.mark.parametrize("compromised", [False, True])
async def test_two_rotations_at_once_are_one(keys, registry, clock, compromised):
    clock.advance(PUBLISHED_BEFORE_USE)

    async def other():
        await keys.rotate("operator:one", compromised=compromised)

    stalled = MeanwhileRegistry(registry, other)
    with pytest.raises(AlreadyExistsError):
        await node(stalled, clock).rotate("operator:two", compromised=compromised)
    assert stalled.stalled
    assert len(await keys.all()) == 3


async def test_many_rotations_at_once_are_one(keys, registry, other_node, clock):
    clock.advance(PUBLISHED_BEFORE_USE)
    nodes = [node(registry, clock), node(other_node, clock)]
    rotations = [each.rotate("operator:test") for each in nodes * 4]
    outcomes = await asyncio.gather(*rotations, return_exceptions=True)
    refused = (AlreadyExistsError, TooEarlyError)
    assert len([each for each in outcomes if isinstance(each, refused)]) == 7
    assert sorted(await states(keys)) == [State.CURRENT, State.NEXT, State.RETIRED]


async def test_a_key_that_was_put_into_the_database_is_not_published(keys, registry, clock):
    ours, _ = await keys.all()
    stranger = node(registry, clock, b"S" * 32)
    await registry.commit(lambda tx: stranger._insert(tx, State.RETIRED))

    assert len(await keys.all()) == 3
    assert len(published(await keys.jwks())) == 2
    assert ours.kid in published(await keys.jwks())


def published(jwks):
    return {key["kid"] for key in jwks["keys"]}


class StalledTransaction:
    """A transaction in which another node rotates between the read and the write."""

    def __init__(self, tx):
        self._tx = tx
        self.record = tx.record

    def all(self, statement):
        rows = self._tx.all(statement)
        retire = sa.update(signing_key).where(signing_key.c.state == "current")
        self._tx.run(retire.values(state="retired"))
        return rows

    def run(self, statement, **values):
        return self._tx.run(statement, **values)


async def test_a_rotation_between_the_read_and_the_write_is_seen(keys, registry, clock):
    class Stalled:
        read = registry.read

        async def commit(self, change):
            return await registry.commit(lambda tx: change(StalledTransaction(tx)))

    clock.advance(PUBLISHED_BEFORE_USE)
    with pytest.raises(AlreadyExistsError):
        await node(Stalled(), clock).rotate("operator:test")
    assert await states(keys) == [State.CURRENT, State.NEXT]
