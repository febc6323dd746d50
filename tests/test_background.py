"""Work beside the answers: it runs while the block does, and is over when the block is."""

import asyncio
from datetime import timedelta

import pytest
import structlog
from structlog.testing import capture_logs

from pairing_server.background import in_background, in_rounds
from pairing_server.registry import RegistryUnavailableError


class Job:
    def __init__(self, error=None):
        self.steps = []
        self.error = error

    async def run(self):
        self.steps.append("begun")
        if self.error is not None:
            raise self.error
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.steps.append("ended")


async def test_a_job_runs_beside_the_block_and_has_ended_when_it_is_left():
    job = Job()
    async with in_background(job.run()):
        await asyncio.sleep(0)
        assert job.steps == ["begun"]
    assert job.steps == ["begun", "ended"]


async def test_a_job_ends_where_the_block_fails():
    job = Job()

    async def fail():
        async with in_background(job.run()):
            await asyncio.sleep(0)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert job.steps == ["begun", "ended"]


async def test_what_a_job_failed_with_is_told_when_the_block_is_left():
    with pytest.raises(OSError, match="away"):
        async with in_background(Job(OSError("away")).run()):
            await asyncio.sleep(0)


async def test_what_keeps_one_round_keeps_no_other():
    outcomes = iter([None, RegistryUnavailableError("away"), LookupError("a bug"), None])
    rounds, done = [], asyncio.Event()

    async def work():
        outcome = next(outcomes, None)
        rounds.append(outcome)
        if len(rounds) == 4:
            done.set()
        if outcome is not None:
            raise outcome

    log = structlog.get_logger("test")
    with capture_logs() as logged:
        async with in_background(in_rounds(work, timedelta(0), log, "no round")):
            await asyncio.wait_for(done.wait(), 10)

    assert [type(each) for each in rounds[:4]] == [
        type(None),
        RegistryUnavailableError,
        LookupError,
        type(None),
    ]
    assert [(each["event"], each["log_level"]) for each in logged] == [
        ("no round", "warning"),
        ("no round", "error"),
    ]
