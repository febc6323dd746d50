"""Push: a hint that there is something to pull, never the carrier of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class PushService(StrEnum):
    """Who delivers a wake-up."""

    APNS = "apns"
    FCM = "fcm"
    WEBPUSH = "webpush"


@dataclass(frozen=True, slots=True)
class PushAddress:
    """Where a phone is woken.

    Attributes:
        address: The device token, or the Web Push subscription as JSON; a secret of the phone's.
    """

    service: PushService
    address: str


@dataclass(frozen=True, slots=True)
class Wakeup:
    """A push without content.

    Attributes:
        id: The identifier under which the phone finds what there is; nothing else is sent.
        expires_at: When it is of no use any more.
    """

    id: str
    expires_at: datetime


class PushFailedError(Exception):
    """The service did not take the wake-up; a later one may be taken.

    Its arguments go to the log: what the service said, never the address.
    """


class TokenRejectedError(Exception):
    """The service does not know the address any more: forget it, not the phone."""


class PushSender(Protocol):
    """Hands wake-ups to one push service."""

    async def send(self, address: PushAddress, wakeup: Wakeup) -> None:
        """Hand over one wake-up.

        Raises:
            PushFailedError: the service did not take it.
            TokenRejectedError: the address is dead.
        """
