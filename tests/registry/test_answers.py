"""Answers and redemptions: each once, for ever."""

import asyncio
from dataclasses import replace

import pytest

from pairing_server.registry import AlreadyExistsError, answers
from pairing_server.registry.answers import Answer, Decision, Redemption
from tests.registry.people import NOW

ANSWER = Answer(
    auth_request="request-1",
    decision=Decision.APPROVE,
    answer_digest="digest",
    credential_id="credential-1",
    answered_at=NOW,
    role_code="01.015",
    facts_digest="facts",
)
REDEMPTION = Redemption(
    auth_request="request-1",
    client_id="xis",
    credential_id="credential-1",
    jti="jti-1",
    redeemed_at=NOW,
)


async def test_what_was_added_is_found(registry):
    await registry.commit(lambda tx: answers.add_answer(tx, ANSWER))
    await registry.commit(lambda tx: answers.add_redemption(tx, REDEMPTION))

    assert await registry.read(lambda tx: answers.get_answer(tx, "request-1")) == ANSWER
    assert await registry.read(lambda tx: answers.get_redemption(tx, "request-1")) == REDEMPTION
    assert await registry.read(lambda tx: answers.get_redemption_of(tx, "jti-1")) == REDEMPTION


@pytest.mark.parametrize(
    "get", [answers.get_answer, answers.get_redemption, answers.get_redemption_of]
)
async def test_an_unknown_one_is_none(registry, get):
    assert await registry.read(lambda tx: get(tx, "unknown")) is None


async def test_the_first_answer_stands(registry):
    denial = replace(ANSWER, decision=Decision.DENY)
    await registry.commit(lambda tx: answers.add_answer(tx, ANSWER))

    with pytest.raises(AlreadyExistsError):
        await registry.commit(lambda tx: answers.add_answer(tx, denial))
    assert await registry.read(lambda tx: answers.get_answer(tx, "request-1")) == ANSWER


async def test_of_many_nodes_that_redeem_one_does(open_at, database_url):
    nodes = [open_at(database_url, name) for name in "ab"]

    def redeem(number):
        mine = replace(REDEMPTION, jti=f"jti-{number}")
        return nodes[number % 2].commit(lambda tx: answers.add_redemption(tx, mine))

    outcomes = await asyncio.gather(*map(redeem, range(64)), return_exceptions=True)

    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, AlreadyExistsError) for outcome in outcomes) == 63


async def test_a_jti_is_one_redemptions(registry):
    await registry.commit(lambda tx: answers.add_redemption(tx, REDEMPTION))

    with pytest.raises(AlreadyExistsError):
        await registry.commit(
            lambda tx: answers.add_redemption(tx, replace(REDEMPTION, auth_request="request-2"))
        )
