"""People who log in: so many at once, from a process of their own."""

import asyncio
import itertools
import json
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from typing import Any

import uvloop

from bench.logins_people import ASSERTION_TYPE, Holder, Hospital
from bench.logins_process import Served
from bench.logins_wire import Line, get, open_line, post_form, put_json
from bench.push_load import Delay, delay
from bench.push_services import THEIRS, pinned
from bench.push_ward import URA
from pairing_server.oidc.metadata import CIBA_GRANT_TYPE

OK, NO_CONTENT = 200, 204


@dataclass(frozen=True)
class Rate:
    """What so many logins took.

    Attributes:
        took: Seconds; `cpu` those of the server's processor, `store` those of what it started.
    """

    count: int
    at_once: int
    took: float
    cpu: float
    store: float
    delay: Delay

    @property
    def core(self) -> float:
        """How many logins a second one core can at the most, that does nothing else."""
        return self.count / self.cpu

    @property
    def each(self) -> float:
        """Processor time of one login, in microseconds."""
        return self.cpu / self.count * 1e6


class Desk:
    """A workstation and, beside it, a person's phone: a connection each."""

    def __init__(self, url: str, workstation: Line, phone: Line) -> None:
        self._url = url
        self._workstation = workstation
        self._phone = phone

    async def log_in(self, holder: Holder, proofs: Iterator[str]) -> None:
        """Log a person in: ask, pull, answer, redeem."""
        asked = await self.ask(holder, proofs)
        await self.approve(holder, asked["binding_code"])
        status, body = await self._workstation.call(
            redemption(self._url, asked["auth_req_id"], next(proofs))
        )
        expect(OK, status, body)

    async def ask(self, holder: Holder, proofs: Iterator[str], **others: str) -> dict[str, Any]:
        """Ask for a person at the workstation."""
        raw = question(self._url, holder, next(proofs), **others)
        status, body = await self._workstation.call(raw)
        expect(OK, status, body)
        asked: dict[str, Any] = json.loads(body)
        return asked

    async def approve(self, holder: Holder, code: str) -> float:
        """Pull what is asked to the phone and sign it; returns when the answer was sent."""
        bearer = f"Authorization: Bearer {holder.device_token}"
        status, body = await self._phone.call(get(self._url, "/phone/auth-requests", bearer))
        expect(OK, status, body)
        shown = json.loads(body)["auth_requests"][0]
        answer = holder.answer(self._url, shown, code)
        path = f"/phone/auth-requests/{shown['id']}/answer"
        sent = time.perf_counter()
        status, body = await self._phone.call(put_json(self._url, path, answer, bearer))
        expect(NO_CONTENT, status, body)
        return sent


def question(url: str, holder: Holder, proof: str, **others: str) -> bytes:
    """Write what a workstation asks first."""
    context = {"workstation_id": f"desk-{holder.place}", "workstation": "Balie", "location": "A1"}
    form = {
        "scope": "openid profile uzi",
        "login_hint": f"uzi:{holder.uzi_number}",
        "ura": URA,
        "request_context": json.dumps(context),
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": proof,
        **others,
    }
    return post_form(url, "/bc-authorize", form)


def redemption(url: str, auth_req_id: str, proof: str, *fields: str) -> bytes:
    """Write how a workstation asks for its tokens."""
    form = {
        "grant_type": CIBA_GRANT_TYPE,
        "auth_req_id": auth_req_id,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": proof,
    }
    return post_form(url, "/token", form, *fields)


def expect(wanted: int, status: int, body: bytes) -> None:
    """Stop where a server does not do what is measured."""
    if status != wanted:
        raise RuntimeError(f"{status}: {body.decode()}")


def rate(server: Served, hospital: Hospital, count: int, at_once: int) -> Rate:
    """Have people log in, so many at once."""
    here, there = multiprocessing.Pipe()
    run = (there, server.url, hospital, count, at_once)
    process = multiprocessing.get_context("fork").Process(target=_generate, args=run, daemon=True)
    process.start()
    there.close()
    here.recv()
    before = server.spent()
    here.send("go")
    took, each = here.recv()
    after = server.spent()
    process.join()
    spent, others = after.own - before.own, after.others - before.others
    return Rate(count, at_once, took, spent, others, delay(each))


def _generate(pipe: Pipe, url: str, hospital: Hospital, count: int, at_once: int) -> None:
    pinned(THEIRS)
    uvloop.run(_log_in(pipe, url, hospital, count, at_once))


async def _log_in(pipe: Pipe, url: str, hospital: Hospital, count: int, at_once: int) -> None:
    program = hospital.programs[0]
    proofs = iter([program.assertion(url) for _ in range(2 * count)])
    holders = itertools.islice(itertools.cycle(hospital.holders), count)
    each: list[float] = []
    async with AsyncExitStack() as stack:
        desks = [await _desk(url, stack) for _ in range(at_once)]
        pipe.send("ready")
        pipe.recv()

        async def work(desk: Desk) -> None:
            for holder in holders:
                began = time.perf_counter()
                await desk.log_in(holder, proofs)
                each.append(time.perf_counter() - began)

        began = time.perf_counter()
        await asyncio.gather(*map(work, desks))
        pipe.send((time.perf_counter() - began, each))


async def _desk(url: str, stack: AsyncExitStack) -> Desk:
    lines = [await open_line(url) for _ in range(2)]
    for line in lines:
        stack.callback(line.close)
    return Desk(url, *lines)
