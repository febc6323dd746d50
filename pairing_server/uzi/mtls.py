"""Logging in with the card itself: the browser shows its certificate in the TLS handshake.

Under the same rules as the signed session, and with less evidence: nothing is signed that would
last, so that only a login is had this way.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509

from pairing_server.audit.events import CardProved, CardRefused, Outcome
from pairing_server.errors import TooManyRequests
from pairing_server.ports import Ports
from pairing_server.tokens import new_id
from pairing_server.uzi import refusals
from pairing_server.uzi.belief import Believe
from pairing_server.uzi.certificate import Card
from pairing_server.uzi.client_cert import ClientCertificate, complete
from pairing_server.uzi.path import load_certificate
from pairing_server.uzi.session import Purpose

#: What is found out only of a card whose path leads to an anchor.
_ANCHORED = (refusals.AuthorityRevoked, refusals.CardRevoked, refusals.RevocationUnknown)
#: Cards that wait to be believed; what comes on top is told to come back.
MAX_WAITING = 100

METHOD = "mtls"


@dataclass(frozen=True, slots=True, kw_only=True)
class MtlsLogin:
    """A card that was believed.

    Attributes:
        evidence: How it was proved, as JSON values: no signed statement, but the certificate.
    """

    card: Card
    evidence: Mapping[str, Any]


class MtlsFlow:
    """Believe a card that TLS showed."""

    def __init__(
        self, ports: Ports, believe: Believe, issuers: Sequence[x509.Certificate], *, origin: str
    ) -> None:
        """Build the flow.

        Args:
            issuers: Authorities that cards come without.
        """
        self._registry = ports.registry
        self._clock = ports.clock
        self._random = ports.random
        self._believe = believe
        self._issuers = issuers
        self._origin = origin
        self._waiting = 0

    async def prove(self, shown: ClientCertificate) -> MtlsLogin:
        """Believe the card or not; the log has it before the caller hears.

        Raises:
            CardRefused: with the code of the rule.
            TooManyRequests: too many cards are being checked.
        """
        if self._waiting >= MAX_WAITING:
            raise TooManyRequests("cards under way")
        login_id = new_id(self._random)
        self._waiting += 1
        try:
            full = complete(shown, self._issuers)
            belief = await self._believe(full.leaf, full.chain, self._clock())
        except _ANCHORED as refusal:
            await self._record_refusal(login_id, refusal, shown)
            raise
        finally:
            self._waiting -= 1
        card = belief.card
        event = CardProved(
            actor=f"uzi:{card.uzi_number}",
            object=f"uzi-login:{login_id}",
            ura=card.ura,
            evidence={
                "method": METHOD,
                "purpose": Purpose.LOGIN,
                "serial_number": card.serial_number,
                "revocation": belief.revocation,
            },
        )
        await self._registry.commit(lambda tx: tx.record(event))
        evidence = {
            "method": METHOD,
            "origin": self._origin,
            "id": login_id,
            "purpose": Purpose.LOGIN,
            "certificate": _text(full.leaf),
            "chain": [_text(der) for der in full.chain],
        }
        return MtlsLogin(card=card, evidence=evidence)

    async def _record_refusal(
        self, login_id: str, refusal: refusals.CardRefused, shown: ClientCertificate
    ) -> None:
        """Tell of a card that led to an anchor and was refused all the same.

        A card that leads nowhere is anybody's making: telling of those would let a stranger write
        to the log, which forgets nothing.
        """
        event = CardRefused(
            actor="card:unbelieved",
            object=f"uzi-login:{login_id}",
            outcome=Outcome.REFUSED,
            evidence={
                "code": refusal.code,
                "method": METHOD,
                "purpose": Purpose.LOGIN,
                "serial_number": f"{load_certificate(shown.leaf).serial_number:x}",
            },
        )
        await self._registry.commit(lambda tx: tx.record(event))


def _text(der: bytes) -> str:
    return base64.b64encode(der).decode("ascii")
