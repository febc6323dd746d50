"""Work that goes on beside the answers, as long as the server runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import structlog

from pairing_server.registry import RegistryUnavailableError


@asynccontextmanager
async def in_background(job: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Run a job beside the block, and see it ended when the block is left, however it is.

    Raises:
        Exception: what the job had failed with by then.
    """
    task = asyncio.create_task(job)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def in_rounds(
    work: Callable[[], Awaitable[object]],
    every: timedelta,
    log: structlog.typing.FilteringBoundLogger,
    missed: str,
) -> None:
    """Do a work again and again, for ever; what keeps one round keeps no other.

    Args:
        every: The pause after a round.
        missed: What the log is told where a round came to nothing.
    """
    while True:
        try:
            await work()
        except RegistryUnavailableError as error:
            log.warning(missed, error=repr(error))
        except Exception:
            log.exception(missed)
        await asyncio.sleep(every.total_seconds())
