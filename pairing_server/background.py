"""Work that goes on beside the answers, as long as the server runs."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress


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
