"""Workstations that wait: what they take of memory, and how soon an answer reaches one of many."""

import asyncio
import contextlib
import itertools
import json
import multiprocessing
import resource
import time
from collections.abc import Sequence
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
_HELD_SECONDS = 30
_WAIT = f"Prefer: wait={_HELD_SECONDS}"
_EXPIRY = "300"
_SETTLE_SECONDS = 2
_LATE_SECONDS = 30
_PENDING, _UNAVAILABLE = "authorization_pending", 503


@dataclass(frozen=True)
class Waiting:
    """What so many took that wait.

    Attributes:
        workers: Over how many servers they are.
        memory: Octets for each; `cpu` how many cores went into holding all of them.
        delay: From a phone's answer until its workstation had the tokens.
    """

    count: int
    workers: int
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

    async def wait(self, auth_req_id: str, begin: float) -> None:
        """Wait for the person's answer, as often as the server says that there is none yet."""
        await asyncio.sleep(begin)
        while True:
            proof = self.program.assertion(self.url)
            raw = redemption(self.url, auth_req_id, proof, _WAIT)
            status, body = await self.line.call(raw)
            if status == OK:
                self.got.set_result(time.perf_counter())
                return
            if status == _UNAVAILABLE:
                # As every workstation does that is told so.
                await asyncio.sleep(_SETTLE_SECONDS)
            elif json.loads(body)["error"] != _PENDING:
                raise RuntimeError(body.decode())

    async def answer(self) -> float:
        """Have the person answer; returns how long the workstation then waited."""
        phone = await open_line(self.url)
        sent = await Desk(self.url, phone, phone).approve(self.holder, self.code)
        phone.close()
        async with asyncio.timeout(_LATE_SECONDS):
            return await self.got - sent


def open_files() -> int:
    """Let this process, and what it starts, have as many connections as it may; returns those."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def waiting(wards: Sequence[tuple[Served, Hospital]]) -> Waiting | None:
    """Let everybody's workstation wait, each ward's at its own server, and some people answer.

    Returns:
        `None` where they did not all get to wait, or an answer took longer than people stay.
    """
    count = sum(len(hospital.holders) for _, hospital in wards)
    servers = [server for server, _ in wards]
    before = [server.spent() for server in servers]
    pipes = list(itertools.starmap(_started, wards))
    try:
        for pipe in pipes:
            pipe.recv()
        began, calm = time.perf_counter(), [server.spent() for server in servers]
        for pipe in pipes:
            pipe.send("go")
        each = [took for pipe in pipes for took in pipe.recv()]
    except EOFError:
        return None
    took, after = time.perf_counter() - began, [server.spent() for server in servers]
    held = sum(now.memory - then.memory for now, then in zip(calm, before, strict=True))
    spent = sum(now.own - then.own for now, then in zip(after, calm, strict=True))
    return Waiting(count, len(wards), held / count, spent / took, delay(each))


def _started(server: Served, hospital: Hospital) -> Pipe:
    here, there = multiprocessing.Pipe()
    run = (there, server.url, hospital)
    multiprocessing.get_context("fork").Process(target=_generate, args=run, daemon=True).start()
    there.close()
    return here


def _generate(pipe: Pipe, url: str, hospital: Hospital) -> None:
    pinned(THEIRS)
    uvloop.run(_wait(pipe, url, hospital))


async def _wait(pipe: Pipe, url: str, hospital: Hospital) -> None:
    programs = itertools.cycle(hospital.programs)
    begin = asyncio.Semaphore(BEGINNING)

    async def station(holder: Holder, program: Program) -> tuple[_Station, str]:
        async with begin:
            each = _Station(url, holder, program, await open_line(url, holder.place))
            return each, await each.ask()

    # First all ask: who polls already would take the time of those who are still to come.
    asked = await asyncio.gather(*map(station, hospital.holders, programs))
    stations = [each for each, _ in asked]
    apart = _HELD_SECONDS / len(asked)
    async with asyncio.TaskGroup() as tasks:
        polls = [
            tasks.create_task(each.wait(auth_req_id, place * apart))
            for place, (each, auth_req_id) in enumerate(asked)
        ]
        # Twice: a server that only just keeps up shows it in the second.
        await asyncio.sleep(2 * _HELD_SECONDS)
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
