"""How load is made and what it is measured by."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.push_services import Phone

#: Sends under way at once.
AT_ONCE = 100

Send = Callable[[Phone], Awaitable[object]]


@dataclass(frozen=True)
class Cost:
    """What sending so many took, in seconds."""

    count: int
    took: float
    cpu: float

    @property
    def rate(self) -> float:
        """How many a second, as it went: whatever else the machine did meanwhile."""
        return self.count / self.took

    @property
    def each(self) -> float:
        """Processor time of one, in microseconds."""
        return self.cpu / self.count * 1e6

    @property
    def core(self) -> float:
        """How many a second one core can at the most, that does nothing else."""
        return self.count / self.cpu


@dataclass(frozen=True)
class Delay:
    """How long each of many took, in milliseconds."""

    count: int
    p50: float
    p99: float

    def __str__(self) -> str:
        return f"{self.p50:.1f} / {self.p99:.1f} ms"


def delay(took: Sequence[float]) -> Delay:
    """Return the delays of what took so many seconds."""
    ordered = sorted(took) or [float("nan")]
    last = len(ordered) - 1
    return Delay(len(took), ordered[last // 2] * 1e3, ordered[last * 99 // 100] * 1e3)


async def cost(phones: Sequence[Phone], send: Send) -> Cost:
    """Wake phones as fast as it goes, some at once."""
    waiting = iter(phones)

    async def work() -> None:
        for phone in waiting:
            await send(phone)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return Cost(len(phones), time.perf_counter() - began, time.process_time() - cpu)


async def at_rate(
    phones: Sequence[Phone], rate: float, begin: Callable[[Phone], object]
) -> Mapping[str, float]:
    """Begin with so many a second, whatever becomes of them; returns when each was due."""
    due: dict[str, float] = {}
    began = time.perf_counter()
    for place, phone in enumerate(phones):
        due[phone.key] = began + place / rate
        if (wait := due[phone.key] - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        begin(phone)
    return due


def between(due: Mapping[str, float], received: Mapping[str, float]) -> Delay:
    """Return how long it took from when each was due until its service had it."""
    return delay([received[key] - moment for key, moment in due.items() if key in received])
