"""One wake-up on its way to one phone, and what becomes of it."""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum

from pairing_server.push import PushAddress, Wakeup
from pairing_server.push.lane import Lane


class Outcome(StrEnum):
    """What became of a wake-up."""

    SENT = "sent"
    #: The address is dead.
    REJECTED = "rejected"
    FAILED = "failed"
    #: As many are under way as may be.
    TURNED_AWAY = "turned_away"
    #: The service did not answer those before.
    CIRCUIT_OPEN = "circuit_open"
    #: The service wants to be left alone for longer than the wake-up is of use.
    HELD_OFF = "held_off"
    #: A newer one of its tag came while it waited.
    REPLACED = "replaced"
    #: Nobody speaks to the service: the operator has not set it up.
    NOT_SET_UP = "not_set_up"
    #: The server stopped while it waited.
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Result:
    """How an attempt ended.

    Attributes:
        code: What the service said, or ours of the way there.
        is_retriable: Whether the same wake-up may be taken if sent once more.
    """

    outcome: Outcome
    code: str = ""
    is_retriable: bool = False


@dataclass(slots=True, eq=False)
class Errand:
    """One wake-up on its way to one phone.

    Attributes:
        give_up: Why it need not go on, once it need not.
        stopped: Set with it.
        done: Set at its end: the next one of its tag then goes, so that none overtakes another.
    """

    credential_id: str
    address: PushAddress
    wakeup: Wakeup
    lane: Lane
    before: "Errand | None"
    give_up: Outcome | None = None
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self, why: Outcome) -> None:
        """Let it go no further than it is; what is under way is left to its end."""
        self.give_up = self.give_up or why
        self.stopped.set()
