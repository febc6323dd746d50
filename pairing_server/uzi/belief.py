"""Whether a card is believed just now: its path, and whether it still holds."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from cryptography import x509

from pairing_server.uzi.certificate import Card
from pairing_server.uzi.path import CardVerifier


@dataclass(frozen=True, slots=True)
class Belief:
    """A believed card.

    Attributes:
        revocation: What showed that it was not revoked, as JSON values for the audit log.
    """

    card: Card
    revocation: Mapping[str, Any]


#: Believes a card or raises `CardRefused`, from leaf, chain and the time.
Believe = Callable[[bytes, Sequence[bytes], datetime], Awaitable[Belief]]


class Revocation(Protocol):
    """What is known of revoked certificates."""

    async def check(self, path: Sequence[x509.Certificate], at: datetime) -> Mapping[str, Any]:
        """Check every certificate of a path, from the card to below the anchor that ends it.

        Returns:
            What showed it, as JSON values for the audit log.

        Raises:
            CardRevoked: The card is revoked.
            RevocationUnknown: That cannot be known just now.
            AuthorityRevoked: An authority is revoked.
        """


#: Cards that are verified at once: the threads are shared with everything else that blocks.
MAX_VERIFYING = 4


class CardBeliever:
    """Believes cards; a `Believe`."""

    def __init__(self, verifier: CardVerifier, revocation: Revocation) -> None:
        self._verifier = verifier
        self._revocation = revocation
        self._verifying = asyncio.Semaphore(MAX_VERIFYING)

    async def __call__(self, leaf: bytes, chain: Sequence[bytes], at: datetime) -> Belief:
        """Believe a card.

        Args:
            leaf: DER of the authentication certificate.
            chain: DER of the authorities' certificates.
            at: Aware; the time for which all is checked.

        Raises:
            CardRefused: One subclass per rule; see `refusals`.
        """
        async with self._verifying:
            # Signatures and a policy tree: not for the loop.
            verified = await asyncio.to_thread(self._verifier.verify, leaf, chain, at)
        return Belief(verified.card, await self._revocation.check(verified.path, at))
