"""A card is believed when its path holds and its revocation is known, in that order."""

import asyncio
import threading

import pytest

from pairing_server.uzi.belief import MAX_VERIFYING, Belief, CardBeliever
from pairing_server.uzi.refusals import (
    AuthorityRevoked,
    CardRevoked,
    RevocationUnknown,
    UntrustedIssuer,
)


class Known:
    """What is known of revoked certificates, and of what it was asked."""

    def __init__(self, refusal=None):
        self.refusal = refusal
        self.asked = []

    async def check(self, path, at):
        self.asked.append((tuple(path), at))
        if self.refusal is not None:
            raise self.refusal
        return {"crl": "fresh"}


class Waiting:
    """Counts who asks a verifier, and lets nobody through before it is told."""

    def __init__(self, verifier):
        self._verifier = verifier
        self.open = threading.Event()
        self.inside = 0
        self.most = 0
        self.threads = set()
        self._lock = threading.Lock()

    def verify(self, *asked):
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.threads.add(threading.get_ident())
        self.open.wait(5)
        with self._lock:
            self.inside -= 1
        return self._verifier.verify(*asked)


async def test_a_card_is_believed_with_what_showed_that_it_holds(verifier, card, at):
    known = Known()

    belief = await CardBeliever(verifier, known)(card.der, card.chain_ders, at)

    verified = verifier.verify(card.der, card.chain_ders, at)
    assert belief == Belief(verified.card, {"crl": "fresh"})
    assert known.asked == [(verified.path, at)]


async def test_the_path_is_asked_after_from_the_card_to_the_anchor(verifier, card, ca, at):
    known = Known()

    await CardBeliever(verifier, known)(card.der, card.chain_ders[::-1], at)

    assert known.asked[0][0] == (card.certificate, *card.chain)


async def test_nobody_is_asked_after_a_card_without_a_path(verifier, card, at):
    known = Known()

    with pytest.raises(UntrustedIssuer):
        await CardBeliever(verifier, known)(card.der, [], at)

    assert known.asked == []


@pytest.mark.parametrize("refusal", [AuthorityRevoked, CardRevoked, RevocationUnknown])
async def test_a_card_that_may_not_hold_is_not_believed(verifier, card, at, refusal):
    with pytest.raises(refusal):
        await CardBeliever(verifier, Known(refusal))(card.der, card.chain_ders, at)


async def test_few_cards_are_verified_at_once_and_none_on_the_loop(verifier, card, at):
    waiting = Waiting(verifier)
    believe = CardBeliever(waiting, Known())
    asked = [
        asyncio.ensure_future(believe(card.der, card.chain_ders, at))
        for _ in range(3 * MAX_VERIFYING)
    ]
    async with asyncio.timeout(10):
        while waiting.inside < MAX_VERIFYING:  # noqa: ASYNC110  (a thread sets no asyncio.Event)
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.05)

    assert waiting.inside == MAX_VERIFYING
    waiting.open.set()
    await asyncio.gather(*asked)
    assert waiting.most == MAX_VERIFYING
    assert threading.get_ident() not in waiting.threads
