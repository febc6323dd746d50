"""Checkpoints: what is signed, and who can sign it."""

import json
from dataclasses import asdict, replace
from hashlib import sha256

import pytest

from pairing_server.audit.chain import Head
from pairing_server.audit.checkpoint import (
    ATTEMPTS,
    TOKEN_TYPE,
    Checkpoints,
    Signed,
    read_heads,
    read_signed,
    verifier,
)
from pairing_server.audit.verify import verify
from pairing_server.clock import to_milliseconds
from pairing_server.registry import RegistryUnavailableError
from tests.audit.doubles import Signer, SlowSigner, fill, make_checkpoint

SIGNED = Signed(4, "cd" * 32, {"main": Head(3, "ab" * 32)})


@pytest.fixture(scope="module")
def signer():
    return Signer()


@pytest.fixture
def check(signer):
    return verifier([signer.jwk])


async def test_a_checkpoint_signs_the_heads_of_all_chains(
    open_at, database_url, clock, signer, check
):
    await fill(open_at(database_url, "a"), 2)
    registry = open_at(database_url, "b")
    await fill(registry, 1)

    made = await Checkpoints(registry, signer, clock).make()

    assert (made.number, made.made_at) == (1, to_milliseconds(clock()))
    assert read_signed(made, check).heads == await registry.read(read_heads)


async def test_a_checkpoint_signs_its_number_and_the_one_before_it(registry, clock, signer, check):
    checkpoints = Checkpoints(registry, signer, clock)

    first, second = await checkpoints.make(), await checkpoints.make()

    assert read_signed(first, check) == Signed(1, sha256(b"").hexdigest(), {})
    assert read_signed(second, check) == Signed(
        2, sha256(first.signature.encode()).hexdigest(), {}
    )


async def test_nodes_that_make_checkpoints_at_the_same_time_stay_one_chain(
    open_at, database_url, clock, signer, check
):
    one, two = (open_at(database_url, name) for name in ("one", "two"))
    await fill(one, 1)
    faster = Checkpoints(two, signer, clock).make
    slow = SlowSigner(signer, faster, faster)

    made = await Checkpoints(one, slow, clock).make()

    assert slow.left == []
    assert made.number == 3
    assert await verify(one, check) == []


async def test_a_node_that_is_always_slower_gives_up(open_at, sqlite_url, clock, signer):
    one, two = (open_at(sqlite_url, name) for name in ("one", "two"))
    slow = SlowSigner(signer, *ATTEMPTS * [Checkpoints(two, signer, clock).make])

    with pytest.raises(RegistryUnavailableError, match="all the time"):
        await Checkpoints(one, slow, clock).make()

    assert (await Checkpoints(one, slow, clock).make()).number == ATTEMPTS + 1


def test_a_signed_checkpoint_vouches_for_all_that_it_says(signer, check):
    assert read_signed(make_checkpoint(signer, SIGNED), check) == SIGNED


def test_a_checkpoint_that_was_renumbered_tells_its_number(signer, check):
    moved = replace(make_checkpoint(signer, SIGNED), number=3)

    assert read_signed(moved, check).number == SIGNED.number


@pytest.mark.parametrize("member", ["number", "previous"])
def test_a_signature_over_less_is_not_believed(signer, check, member):
    made = make_checkpoint(signer, SIGNED)
    claims = dict(check(made.signature))
    del claims[member]

    lesser = replace(made, signature=signer.sign_now(claims, TOKEN_TYPE))

    assert read_signed(lesser, check) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"made_at": 6},
        {"made_at": None},
        {"heads": json.dumps({"main": asdict(Head(2, "ab" * 32))})},
        {"heads": "{}"},
        {"heads": "[]"},
        {"heads": "not JSON"},
        {"heads": '{"main": 1}'},
        {"heads": None},
        {"signature": ""},
        {"signature": None},
    ],
)
def test_a_checkpoint_that_was_changed_is_not_believed(signer, check, changed):
    assert read_signed(replace(make_checkpoint(signer, SIGNED), **changed), check) is None


@pytest.mark.parametrize("kid", ["key-1", "other"])
def test_another_key_signs_no_checkpoints(check, kid):
    assert read_signed(make_checkpoint(Signer(kid), SIGNED), check) is None


def test_what_else_the_key_signs_is_no_checkpoint(signer, check):
    assert read_signed(make_checkpoint(signer, SIGNED, token_type="JWT"), check) is None
