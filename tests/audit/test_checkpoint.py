"""Checkpoints: what is signed, and who can sign it."""

import json
from dataclasses import asdict, replace

import pytest

from pairing_server.audit.chain import Head
from pairing_server.audit.checkpoint import (
    TOKEN_TYPE,
    Checkpoints,
    checkpoint_claims,
    checkpoint_of,
    read_heads,
    signed_heads,
    verifier,
)
from pairing_server.clock import to_milliseconds
from tests.audit.doubles import Signer, fill

HEADS = {"main": Head(3, "ab" * 32)}


def signed(signer, heads=HEADS, made_at=5, token_type=TOKEN_TYPE):
    claims = checkpoint_claims(heads, made_at)
    return checkpoint_of(
        {
            "number": 1,
            "made_at": made_at,
            "heads": json.dumps(claims["heads"]),
            "signature": signer.sign_now(claims, token_type),
        }
    )


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
    assert signed_heads(made, check) == await registry.read(read_heads)


async def test_checkpoints_are_numbered(registry, clock, signer):
    checkpoints = Checkpoints(registry, signer, clock)

    first, second = await checkpoints.make(), await checkpoints.make()

    assert second.number == first.number + 1


def test_a_signed_checkpoint_names_its_heads(signer, check):
    assert signed_heads(signed(signer), check) == HEADS


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
    assert signed_heads(replace(signed(signer), **changed), check) is None


@pytest.mark.parametrize("kid", ["key-1", "other"])
def test_another_key_signs_no_checkpoints(check, kid):
    assert signed_heads(signed(Signer(kid)), check) is None


def test_what_else_the_key_signs_is_no_checkpoint(signer, check):
    assert signed_heads(signed(signer, token_type="JWT"), check) is None
