"""What a sender needs to be held to the contract: its service on loopback, and a way to open both.

`harnesses.py` names one for each service; `test_contract.py` puts every case to all of them.
"""

import asyncio
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Protocol

import pytest

from clients.push_simulator import Behaviour, Journal
from pairing_server.clock import Clock, utc_now
from pairing_server.push import (
    PushAddress,
    PushFailedError,
    PushSender,
    PushService,
    TokenRejectedError,
    Wakeup,
)


@dataclass(frozen=True)
class Situation:
    """In what a sender finds itself.

    Attributes:
        deadline: Of each send.
        most: Sends that may be under way, waiting ones included.
        clock: The sender's; the service's is right.
        is_reachable: Whether anybody listens where the service should be.
        is_trusted: Whether the sender believes the authority of the service's certificate.
        has_right_key: Whether the service knows the provider's key.
    """

    deadline: timedelta = timedelta(seconds=5)
    most: int = 2000
    proxy: str | None = None
    clock: Clock = utc_now
    is_reachable: bool = True
    is_trusted: bool = True
    has_right_key: bool = True


class Harness(Protocol):
    """A service on loopback and a sender that speaks to it.

    Attributes:
        DEAD: Every documented answer that says that an address is dead, by name.
        FOREIGN: Answers about an address of another environment, topic, project or key: what the
            operator set is as likely to be wrong as the address.
        DEAD_BY_STATUS: Statuses that say so by the standard, whatever the body.
        BUSY: The answer of a service that is asked too much; it gets a Retry-After.
        STATES_TIME: Whether the service notices that the provider's clock is off.
        secrets: What must stand in no log line and no error.
    """

    SERVICE: ClassVar[PushService]
    DEAD: ClassVar[Mapping[str, Behaviour]]
    FOREIGN: ClassVar[Mapping[str, Behaviour]]
    DEAD_BY_STATUS: ClassVar[frozenset[int]] = frozenset()
    BUSY: ClassVar[int]
    STATES_TIME: ClassVar[bool]

    sender: PushSender
    journal: Journal
    secrets: list[str]

    @classmethod
    def open(cls, situation: Situation) -> AbstractAsyncContextManager["Harness"]:
        """Start the service and a sender in that situation; end both."""

    def address(self) -> PushAddress:
        """Return the address of a further phone, alive and at this service."""

    def key_of(self, address: PushAddress) -> str:
        """Return under what the journal knows an address."""

    def shown(self, body: bytes) -> Mapping[str, object]:
        """Return what a phone gets, without what the service itself asks for."""


async def failure(harness: Harness, address: PushAddress, wakeup: Wakeup) -> PushFailedError:
    """Send what must fail, and return the error, which tells nothing that is secret."""
    with pytest.raises(PushFailedError) as failed:
        await harness.sender.send(address, wakeup)
    assert told(failed.value, harness) == []
    return failed.value


async def rejection(harness: Harness, address: PushAddress, wakeup: Wakeup) -> TokenRejectedError:
    """Send what must be rejected, and return the error, which tells nothing that is secret."""
    with pytest.raises(TokenRejectedError) as rejected:
        await harness.sender.send(address, wakeup)
    assert told(rejected.value, harness) == []
    return rejected.value


async def until(condition: Callable[[], object]) -> None:
    """Wait until something has happened at the service."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def told(error: BaseException, harness: Harness) -> list[str]:
    """Return the secrets that an error tells, its causes included."""
    text = "".join(traceback.format_exception(error)) + repr(error.args) + repr(vars(error))
    return [secret for secret in harness.secrets if secret in text]
