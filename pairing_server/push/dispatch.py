"""Which phones are woken, and what is done about the answers; nobody ever waits for this."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from pairing_server.metrics import WAKEUPS
from pairing_server.push import (
    PushAddress,
    PushFailedError,
    PushSender,
    PushService,
    TokenRejectedError,
    Wakeup,
)
from pairing_server.registry import (
    Query,
    Registry,
    RegistryUnavailableError,
    credentials,
    people,
)
from pairing_server.registry.credentials import Credential
from pairing_server.tokens import mark

SEND_DEADLINE = timedelta(seconds=5)
#: Sends under way at once; what comes on top of it is turned away, for phones pull in any case.
MAX_IN_FLIGHT = 1000

_log = structlog.get_logger("push")


class Dispatch:
    """Wakes phones in tasks of its own."""

    def __init__(self, registry: Registry, senders: Mapping[PushService, PushSender]) -> None:
        self._registry = registry
        self._senders = senders
        self._tasks: set[asyncio.Task[None]] = set()

    def wake(self, phones: list[Credential], wakeup: Wakeup) -> None:
        """Wake these phones, each as fast as its service is, without waiting for any."""
        for phone in phones:
            if phone.push_service is None or phone.push_address is None:
                continue
            if len(self._tasks) >= MAX_IN_FLIGHT:
                WAKEUPS.labels(phone.push_service, "turned_away").inc()
                continue
            address = PushAddress(PushService(phone.push_service), phone.push_address)
            task = asyncio.create_task(self._send(phone.id, address, wakeup))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Let sends that are under way end, within their deadline."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send(self, credential_id: str, address: PushAddress, wakeup: Wakeup) -> None:
        outcome = "failed"
        try:
            async with asyncio.timeout(SEND_DEADLINE.total_seconds()):
                await self._senders[address.service].send(address, wakeup)
            outcome = "sent"
        except TokenRejectedError:
            outcome = "rejected"
            await self._forget(credential_id, address)
        except PushFailedError as error:
            _log.warning("push failed", service=address.service, error=repr(error))
        except TimeoutError as error:
            # Of an HTTP client's time-out the text is the address, which is a secret.
            _log.warning("push failed", service=address.service, error=type(error).__name__)
        except Exception as error:  # noqa: BLE001  (a sender's bug; its words may quote the address)
            _log.error("push sender failed", service=address.service, error=type(error).__name__)
        finally:
            WAKEUPS.labels(address.service, outcome).inc()

    async def _forget(self, credential_id: str, address: PushAddress) -> None:
        _log.info("push address rejected", phone=mark(credential_id), service=address.service)
        try:
            await self._registry.commit(
                lambda tx: credentials.forget_push(
                    tx, credential_id, address.service, address.address
                )
            )
        except RegistryUnavailableError as error:
            _log.warning("push address kept", phone=mark(credential_id), error=repr(error))


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
