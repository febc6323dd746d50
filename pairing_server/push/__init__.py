"""Push: a hint that there is something to pull, never the carrier of it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

#: 128 of the 256 bits of a digest; Web Push takes at most 32 characters (RFC 8030 section 5.4).
TAG_CHARACTERS = 22


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
    address: str = field(repr=False)


class WakeupKind(StrEnum):
    """What a phone is woken for.

    `withdrawn` takes the place of an earlier one with the same tag: nothing is asked any more.
    """

    REQUEST = "request"
    NOTICE = "notice"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Wakeup:
    """A push without content.

    Attributes:
        id: The identifier under which the phone finds what there is.
        expires_at: When it is of no use any more.
        tag: What replaces each other at one phone has the same: at most 32 characters of
            base64url (the Topic of RFC 8030 section 5.4); nothing replaces one without.
        language: Of the generic line, where it is not the app that words it.
    """

    id: str
    expires_at: datetime
    kind: WakeupKind = WakeupKind.REQUEST
    tag: str = ""
    language: str = "nl"


class PushFailedError(Exception):
    """The service did not take the wake-up; a later one may be taken.

    Args:
        code: What the service said, in its own words or ours; never the address.
        retry_after: How long the service wants to be left alone.
        retriable: Whether the same wake-up may be taken when it is sent again.
    """

    def __init__(
        self, code: str, retry_after: timedelta | None = None, *, retriable: bool = False
    ) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after
        self.retriable = retriable


class TokenRejectedError(Exception):
    """The service does not know the address any more: forget it, not the phone."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class PushSender(Protocol):
    """Hands wake-ups to one push service.

    It neither sleeps nor retries, but where the protocol proves that nothing was done; it frees
    what a cancelled send held, and never tells an address, a token, a key or a body.
    """

    async def send(self, address: PushAddress, wakeup: Wakeup) -> None:
        """Hand over one wake-up; return when the service has accepted it.

        Raises:
            PushFailedError: the service did not take it.
            TokenRejectedError: the address is dead.
        """

    async def check(self) -> list[str]:
        """Say what is wrong, a sentence a mistake, for the operator."""

    async def close(self) -> None:
        """Give up the connections."""
