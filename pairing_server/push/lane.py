"""One push service, or one host of Web Push: what is under way there, and whether more may go."""

import json
from contextlib import suppress
from datetime import datetime, timedelta
from enum import Enum, auto
from urllib.parse import urlsplit

import structlog

from pairing_server.metrics import PUSH_CIRCUITS_OPEN
from pairing_server.push import PushAddress, PushService
from pairing_server.push import breaker as breaker_rules
from pairing_server.push import pauses as pause_rules
from pairing_server.push.breaker import Breaker, State
from pairing_server.push.pauses import Pauses
from pairing_server.tokens import digest

#: Sends under way at once; what comes on top of it is turned away, for phones pull in any case.
MAX_IN_FLIGHT = 1000
#: The same for one of many hosts of Web Push, whose answers nobody here knows.
MAX_AT_HOST = 250
#: Wake-ups that wait until a service wants to hear of us again.
MAX_WAITING = 1000

_log = structlog.get_logger("push")


class Admission(Enum):
    """Whether a send is let through."""

    REFUSED = auto()
    PLAIN = auto()
    #: To see whether the service answers again.
    TRIAL = auto()


class Lane:
    """A bulkhead: what happens in one lane delays nothing in another."""

    def __init__(self, service: PushService, most: int) -> None:
        self.service = service
        self.in_flight = 0
        self.waiting = 0
        self._most = most
        self._breaker = Breaker()
        self._pauses = Pauses()

    @property
    def is_full(self) -> bool:
        """Whether as many sends are under way as may be."""
        return self.in_flight >= self._most

    def state_at(self, now: datetime) -> State:
        """Return the state of its circuit breaker."""
        return breaker_rules.state_at(self._breaker, now)

    def is_idle(self, now: datetime) -> bool:
        """Whether it can be forgotten: nothing is under way, and nothing is to be remembered."""
        is_quiet = not self.in_flight and not self.waiting
        is_trusted = self.state_at(now) is State.CLOSED
        return is_quiet and is_trusted and pause_rules.are_over(self._pauses, now)

    def pause(self, address: PushAddress, now: datetime) -> datetime | None:
        """Return before when nothing is to be sent to this address, or `None`."""
        return pause_rules.until(self._pauses, _token(address), now)

    def admit(self, now: datetime) -> Admission:
        """Let a send through, or not; of one that is let through the end is told below."""
        admitted = breaker_rules.admit(self._breaker, now)
        if admitted is None:
            return Admission.REFUSED
        is_trial = self.state_at(now) is State.HALF_OPEN
        self._breaker = admitted
        return Admission.TRIAL if is_trial else Admission.PLAIN

    def answered(self) -> None:
        """Hear that the service answered."""
        if self._breaker.open_until is not None:
            PUSH_CIRCUITS_OPEN.labels(self.service).dec()
            _log.info("push service answers again", service=self.service)
        self._breaker = breaker_rules.answered(self._breaker)

    def failed(self, now: datetime) -> None:
        """Hear that it did not, or only to say that it cannot."""
        before, self._breaker = self._breaker, breaker_rules.failed(self._breaker, now)
        if before.open_until is None and self._breaker.open_until is not None:
            PUSH_CIRCUITS_OPEN.labels(self.service).inc()
            _log.warning("push service does not answer", service=self.service)

    def given_up(self) -> None:
        """Hear that the trial ended before the service said anything."""
        self._breaker = breaker_rules.given_up(self._breaker)

    def told_to_wait(self, address: PushAddress, wait: timedelta, now: datetime) -> None:
        """Hear a `Retry-After`."""
        self._pauses = pause_rules.told(self._pauses, _token(address), now + wait, now)


def lane_name(address: PushAddress) -> str:
    """Return where an address belongs: of Web Push, the host that the phone named."""
    if address.service is not PushService.WEBPUSH:
        return address.service
    host = None
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        host = urlsplit(json.loads(address.address)["endpoint"]).hostname
    return f"{address.service} {host}"


def lane_for(address: PushAddress) -> Lane:
    """Open a lane for an address."""
    is_host = address.service is PushService.WEBPUSH
    return Lane(address.service, MAX_AT_HOST if is_host else MAX_IN_FLIGHT)


def _token(address: PushAddress) -> str:
    return digest(address.address)
