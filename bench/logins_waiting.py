"""Workstations that wait: what they take of memory, and how soon an answer reaches one of many."""

import asyncio
import contextlib
import itertools
import json
import multiprocessing
import resource
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe

import uvloop

from bench.logins_load import OK, Desk, redemption
from bench.logins_people import Holder, Hospital, Program
from bench.logins_process import Served
from bench.logins_wire import Line, open_line
from bench.push_load import Delay, delay
from bench.push_services import THEIRS, pinned

#: Answers while the others wait, and how many a second.
ANSWERS, RATE = 300, 20
#: Workstations that begin at once.
BEGINNING = 32
#: What each process has open besides.
SPARE = 500
_WAIT = "Prefer: wait=30"
_EXPIRY = "300"
_SETTLE_SECONDS = 2
_LATE_SECONDS = 30
_PENDING = "authorization_pending"


@dataclass(frozen=True)
class Waiting:
    """What so many took that wait.

    Attributes:
        memory: Octets for each; `cpu` the part of a core that went into holding all of them.
        delay: From a phone's answer until its workstation had the tokens.
    """

    count: int
    memory: float
    cpu: float
    delay: Delay


@dataclass
class _Station:
    url: str
    holder: Holder
    program: Program
    line: Line
    code: str = ""
    got: asyncio.Future[float] = field(default_factory=asyncio.Future)

    async def ask(self) -> str:
        """Ask for the person; returns by what to wait for them."""
        desk = Desk(self.url, self.line, self.line)
        proof = self.program.assertion(self.url)
        asked = await desk.ask(self.holder, iter([proof]), requested_expiry=_EXPIRY)
        self.code = asked["binding_code"]
        return str(asked["auth_req_id"])

    async def wait(self, auth_req_id: str) -> None:
        """Wait for the person's answer, as often as the server says that there is none yet."""
        while True:
            proof = self.program.assertion(self.url)
            raw = redemption(self.url, auth_req_id, proof, _WAIT)
            status, body = await self.line.call(raw)
            if status == OK:
                self.got.set_result(time.perf_counter())
                return
            if json.loads(body)["error"] != _PENDING:
                raise RuntimeError(body.decode())

    async def answer(self) -> float:
        """Have the person answer; returns how long the workstation then waited."""
        phone = await open_line(self.url)
        sent = await Desk(self.url, phone, phone).approve(self.holder, self.code)
        phone.close()
        async with asyncio.timeout(_LATE_SECONDS):
            return await self.got - sent


def can_hold(count: int) -> bool:
    """Tell whether a process may have so many connections."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= count + SPARE


def open_files() -> None:
    """Let this process, and what it starts, have as many connections as it may."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def waiting(server: Served, hospital: Hospital, count: int) -> Waiting:
    """Let workstations wait, and some people answer."""
    here, there = multiprocessing.Pipe()
    run = (there, server.url, hospital, count)
    before = server.spent().memory
    process = multiprocessing.get_context("fork").Process(target=_generate, args=run, daemon=True)
    process.start()
    there.close()
    here.recv()
    began, calm = time.perf_counter(), server.spent()
    here.send("go")
    each = here.recv()
    took, after = time.perf_counter() - began, server.spent()
    process.join()
    cpu = (after.own - calm.own) / took
    return Waiting(count, (calm.memory - before) / count, cpu, delay(each))


def _generate(pipe: Pipe, url: str, hospital: Hospital, count: int) -> None:
    pinned(THEIRS)
    uvloop.run(_wait(pipe, url, hospital, count))


async def _wait(pipe: Pipe, url: str, hospital: Hospital, count: int) -> None:
    programs = itertools.cycle(hospital.programs)
    begin = asyncio.Semaphore(BEGINNING)
    stations: list[_Station] = []
    async with asyncio.TaskGroup() as tasks:

        async def station(holder: Holder, program: Program) -> asyncio.Task[None]:
            async with begin:
                each = _Station(url, holder, program, await open_line(url))
                auth_req_id = await each.ask()
            stations.append(each)
            return tasks.create_task(each.wait(auth_req_id))

        polls = await asyncio.gather(*map(station, hospital.holders[:count], programs))
        await asyncio.sleep(_SETTLE_SECONDS)
        pipe.send("waiting")
        pipe.recv()
        pipe.send(await _answered(stations))
        for poll in polls:
            poll.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*polls)


async def _answered(stations: list[_Station]) -> list[float]:
    chosen = stations[:: max(1, len(stations) // ANSWERS)]
    answers = []
    for each in chosen:
        answers.append(asyncio.create_task(each.answer()))
        await asyncio.sleep(1 / RATE)
    return await asyncio.gather(*answers)
