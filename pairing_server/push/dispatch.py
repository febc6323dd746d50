"""Which phones are woken, and what is done about the answers; nobody ever waits for this."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import structlog

from pairing_server.metrics import WAKEUP_SECONDS, WAKEUPS, WAKEUPS_UNDER_WAY
from pairing_server.ports import Ports
from pairing_server.push import (
    PushAddress,
    PushFailedError,
    PushSender,
    PushService,
    TokenRejectedError,
    Wakeup,
)
from pairing_server.push.codes import is_outage, label_of
from pairing_server.push.errand import Errand, Outcome, Result
from pairing_server.push.failure import Failure
from pairing_server.push.health import HealthLog
from pairing_server.push.lane import MAX_WAITING, Admission
from pairing_server.push.lanes import Lanes
from pairing_server.registry import Query, RegistryUnavailableError, credentials, people
from pairing_server.registry.credentials import Credential
from pairing_server.tokens import mark

SEND_DEADLINE = timedelta(seconds=5)
#: Before the one retry where the service does not say; half of it more by lot.
RETRY_AFTER = timedelta(seconds=0.5)

_log = structlog.get_logger("push")


class Dispatch:
    """Wakes phones in tasks of its own."""

    def __init__(self, ports: Ports, senders: Mapping[PushService, PushSender]) -> None:
        self._registry = ports.registry
        self._clock = ports.clock
        self._random = ports.random
        self._senders = senders
        self._lanes = Lanes()
        self._health = HealthLog(ports.registry, ports.clock)
        self._newest: dict[tuple[str, str], Errand] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False

    def wake(self, phones: Iterable[Credential], wakeup: Wakeup) -> None:
        """Wake these phones, each as fast as its service is, without waiting for any."""
        for phone in phones:
            if phone.push_service is None or phone.push_address is None:
                continue
            if self._is_closing:
                WAKEUPS.labels(phone.push_service, Outcome.DROPPED, "").inc()
                continue
            if phone.push_service not in self._senders:
                # Registered for a service that the operator has not set up, or not any more.
                WAKEUPS.labels(phone.push_service, Outcome.NOT_SET_UP, "").inc()
                continue
            address = PushAddress(PushService(phone.push_service), phone.push_address)
            key = (phone.id, wakeup.tag or wakeup.id)
            before = self._newest.get(key)
            if before is not None:
                before.stop(Outcome.REPLACED)
            lane = self._lanes.of(address, self._clock())
            errand = Errand(phone.id, address, wakeup, lane, before)
            self._newest[key] = errand
            task = asyncio.create_task(self._run(key, errand))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Let sends that are under way end, within their deadline, and drop those that wait."""
        self._is_closing = True
        for errand in self._newest.values():
            errand.stop(Outcome.DROPPED)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._health.close()
        for sender in {id(sender): sender for sender in self._senders.values()}.values():
            await sender.close()

    async def _run(self, key: tuple[str, str], errand: Errand) -> None:
        result = Result(Outcome.FAILED)
        try:
            if errand.before is not None:
                await errand.before.done.wait()
                errand.before = None
            result = await self._go(errand)
        finally:
            errand.done.set()
            if self._newest.get(key) is errand:
                del self._newest[key]
            service = errand.address.service
            WAKEUPS.labels(service, result.outcome, label_of(result.code)).inc()
        if result.outcome is Outcome.SENT:
            self._health.succeeded(errand.credential_id)
        elif result.outcome not in (Outcome.REPLACED, Outcome.DROPPED):
            self._health.failed(errand.credential_id, result.code or result.outcome)

    async def _go(self, errand: Errand) -> Result:
        """Send, and once more where that may help; the wake-up and its id stay the same."""
        first = await self._attempt(errand)
        if not first.is_retriable or errand.lane.waiting >= MAX_WAITING:
            return first
        wait = RETRY_AFTER * (1 + self._random(1)[0] / 510)
        if await self._stopped_within(errand, wait) is not None:
            return first
        second = await self._attempt(errand)
        # What kept it from being tried again says less than what the service said.
        return second if second.outcome in (Outcome.SENT, Outcome.REJECTED) else first

    async def _attempt(self, errand: Errand) -> Result:
        lane = errand.lane
        if errand.give_up is Outcome.REPLACED:
            return Result(Outcome.REPLACED)
        ended = await self._pause_over(errand)
        if ended is not None:
            return Result(ended)
        if lane.is_full:
            return Result(Outcome.TURNED_AWAY)
        admission = lane.admit(self._clock())
        if admission is Admission.REFUSED:
            return Result(Outcome.CIRCUIT_OPEN)
        try:
            return await self._send(errand)
        finally:
            if admission is Admission.TRIAL:
                # Where the service was heard of, this changes nothing any more.
                lane.given_up()

    async def _pause_over(self, errand: Errand) -> Outcome | None:
        """Wait until the service wants to hear of us.  Returns why that is of no use, if so."""
        pause = errand.lane.pause(errand.address, self._clock())
        if pause is None:
            return None
        if pause >= errand.wakeup.expires_at or errand.lane.waiting >= MAX_WAITING:
            return Outcome.HELD_OFF
        ended = await self._stopped_within(errand, pause - self._clock())
        if ended is not None:
            return ended
        is_paused_again = errand.lane.pause(errand.address, self._clock()) is not None
        return Outcome.HELD_OFF if is_paused_again else None

    async def _stopped_within(self, errand: Errand, wait: timedelta) -> Outcome | None:
        """Wait, holding no place among the sends.  Returns why it need not go on, if so."""
        errand.lane.waiting += 1
        try:
            async with asyncio.timeout(wait.total_seconds()):
                await errand.stopped.wait()
        except TimeoutError:
            return None
        finally:
            errand.lane.waiting -= 1
        return errand.give_up

    async def _send(self, errand: Errand) -> Result:
        lane, service = errand.lane, errand.address.service
        lane.in_flight += 1
        try:
            with (
                WAKEUPS_UNDER_WAY.labels(service).track_inprogress(),
                WAKEUP_SECONDS.labels(service).time(),
            ):
                async with asyncio.timeout(SEND_DEADLINE.total_seconds()):
                    await self._senders[service].send(errand.address, errand.wakeup)
            lane.answered()
            return Result(Outcome.SENT)
        except TokenRejectedError as error:
            lane.answered()
            await self._forget(errand, error.code)
            return Result(Outcome.REJECTED, error.code)
        except PushFailedError as error:
            return self._failed(errand, error)
        except TimeoutError:
            return self._failed(errand, PushFailedError(Failure.TIMEOUT, retriable=True))
        except Exception as error:  # noqa: BLE001  (a sender's bug; its words may quote the address)
            _log.error("push sender failed", service=service, error=type(error).__name__)
            return Result(Outcome.FAILED, "bug")
        finally:
            lane.in_flight -= 1

    def _failed(self, errand: Errand, error: PushFailedError) -> Result:
        lane, now = errand.lane, self._clock()
        _log.warning("push failed", service=errand.address.service, code=error.code)
        if is_outage(error.code, retriable=error.retriable):
            lane.failed(now)
        elif error.code != Failure.BUSY:
            lane.answered()
        if error.retry_after:
            lane.told_to_wait(errand.address, error.retry_after, now)
        return Result(Outcome.FAILED, error.code, error.retriable)

    async def _forget(self, errand: Errand, code: str) -> None:
        phone, address = errand.credential_id, errand.address
        _log.info("push address rejected", phone=mark(phone), service=address.service, code=code)
        try:
            await self._registry.commit(
                lambda tx: credentials.forget_push(tx, phone, address.service, address.address)
            )
        except RegistryUnavailableError as error:
            _log.warning("push address kept", phone=mark(phone), error=repr(error))


def active_phones(tx: Query, person_id: str, now: datetime) -> list[Credential]:
    """Return the phones that can answer: the one that the person chose, if it can be woken."""
    phones = [phone for phone in credentials.of_person(tx, person_id) if phone.is_active(now)]
    person = people.get_person(tx, person_id)
    chosen = [
        phone
        for phone in phones
        if person is not None and phone.id == person.default_phone and phone.push_address
    ]
    return chosen or phones
