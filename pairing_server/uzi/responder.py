"""Asking an OCSP responder: in time, a few at once, and not when it is known to be down."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509

from pairing_server.destination import EgressError
from pairing_server.egress import Answer
from pairing_server.metrics import OCSP_SECONDS
from pairing_server.tokens import Random
from pairing_server.uzi.ocsp import (
    NONCE_OCTETS,
    RESPONSE_TYPE,
    Disrupted,
    Disruption,
    OcspAnswer,
    Question,
    read_response,
)
from pairing_server.uzi.revocation import RevocationList

#: What a card holder waits for a responder, all told.
PATIENCE = timedelta(seconds=3)
MAX_IN_FLIGHT = 8
#: So many failures in a row open the circuit: then nobody waits, and one at a time tries again.
MAX_FAILURES = 3
FIRST_PAUSE = timedelta(seconds=15)
LAST_PAUSE = timedelta(minutes=2)

_OK = 200
#: What a responder does that is down; what it says wrongly, it says quickly.
_DOWN = (Disruption.EGRESS, Disruption.STATUS, Disruption.MEDIA_TYPE, Disruption.UNSUCCESSFUL)

#: Posts a question to an address within a time, or raises `EgressError`.
Post = Callable[[str, bytes, timedelta], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer, and the bytes that show it to anybody later."""

    answer: OcspAnswer
    response: bytes = field(repr=False)


@dataclass(slots=True)
class Circuit:
    """Whether a responder is asked at all, in seconds of a monotonic clock."""

    failures: int = 0
    closed_from: float = 0.0
    trying: bool = False

    def is_open(self, now: float) -> bool:
        """Whether nobody is to ask just now."""
        return self.failures >= MAX_FAILURES and (now < self.closed_from or self.trying)

    def failed(self, now: float) -> None:
        """Count a failure; from the third on, pause for longer each time."""
        self.failures += 1
        doublings = min(self.failures - MAX_FAILURES, 10)
        if doublings >= 0:
            pause = min(LAST_PAUSE, FIRST_PAUSE * 2**doublings)
            self.closed_from = now + pause.total_seconds()

    def worked(self) -> None:
        """Close it."""
        self.failures = 0


class Responder:
    """Asks responders; nothing is shared between two questions but whether they answer.

    Args:
        nonce_required: Whether a response that was made ahead is no answer.
    """

    def __init__(
        self,
        post: Post,
        random: Random,
        *,
        nonce_required: bool = True,
        patience: timedelta = PATIENCE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._post = post
        self._random = random
        self._nonce_required = nonce_required
        self._patience = patience
        self._monotonic = monotonic
        self._in_flight = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._circuits: dict[str, Circuit] = {}

    async def ask(
        self,
        url: str,
        path: Sequence[x509.Certificate],
        at: datetime,
        lists: Sequence[RevocationList],
        *,
        even_if_down: bool = False,
    ) -> Heard:
        """Ask about the first certificate of a path.

        Args:
            url: That may be called.
            lists: By which the responder's own certificate is checked.
            even_if_down: Ask also through an open circuit, for there is nothing else to go by.

        Raises:
            Disrupted: There is no answer that is to be believed.
        """
        circuit = self._circuits.setdefault(url, Circuit())
        if circuit.is_open(self._monotonic()) and not even_if_down:
            raise Disrupted(Disruption.OPEN_CIRCUIT)
        circuit.trying = True
        started, outcome = time.perf_counter(), "cancelled"
        try:
            # A nonce of its own for each question, also for the same card at the same moment.
            question = Question(path[0], path[1], self._random(NONCE_OCTETS))
            response = await self._exchange(url, question)
            answer = read_response(
                response, question, at, lists, nonce_required=self._nonce_required
            )
            outcome = answer.verdict.value
            circuit.worked()
        except Disrupted as error:
            outcome = error.disruption.value
            if error.disruption in _DOWN:
                circuit.failed(self._monotonic())
            raise
        else:
            return Heard(answer, response)
        finally:
            circuit.trying = False
            OCSP_SECONDS.labels(outcome).observe(time.perf_counter() - started)

    async def _exchange(self, url: str, question: Question) -> bytes:
        due = self._monotonic() + self._patience.total_seconds()
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                await self._in_flight.acquire()
        except TimeoutError:
            raise Disrupted(Disruption.BUSY) from None
        try:
            left = timedelta(seconds=max(0.0, due - self._monotonic()))
            answer = await self._post(url, question.encoded(), left)
        except EgressError as error:
            raise Disrupted(Disruption.EGRESS, error.reason) from None
        finally:
            self._in_flight.release()
        if answer.status != _OK:
            raise Disrupted(Disruption.STATUS, str(answer.status))
        if answer.media_type != RESPONSE_TYPE:
            raise Disrupted(Disruption.MEDIA_TYPE)
        return answer.body
