"""APNs, FCM and Web Push on loopback, in a process of their own, and when what reached them."""

import asyncio
import contextlib
import json
import multiprocessing
import os
import secrets
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import uvloop

from clients.push_simulator import Arrival, Behaviour, Fault, Journal, fcm, webpush
from clients.push_simulator.apns import Rules
from clients.push_simulator.apns_reasons import refusal
from clients.push_simulator.simulator import PushSimulator, push_simulator
from pairing_server.cli.serve import settle
from pairing_server.push import PushAddress, PushService
from pairing_server.settings import Settings, load

#: Of a hundred tokens so many are dead.
DEAD = 1
#: What each service says of them.
DEATHS: dict[PushService, Behaviour] = {
    PushService.APNS: refusal("Unregistered"),
    PushService.FCM: fcm.UNREGISTERED,
    PushService.WEBPUSH: webpush.GONE,
}
#: The core of the services, and that of what is measured.
THEIRS, OURS = 1, 0


@dataclass(frozen=True)
class Phone:
    """A phone, and under what its service knows it."""

    address: PushAddress
    key: str


@dataclass(frozen=True)
class Services:
    """The services as they are spoken to, and asked what came."""

    given: dict[str, str]
    pipe: Pipe

    def settings(self, **others: object) -> Settings:
        """Return the settings of a server that wakes phones through them."""
        return load({}, **self.given, **others)

    def phones(self, service: PushService, count: int) -> list[Phone]:
        """Make phones, some of which are dead."""
        return self._ask("phones", service, count)

    def silence(self, phones: Iterable[Phone]) -> None:
        """Have a service say nothing any more when these phones are woken."""
        self._ask("silence", [phone.key for phone in phones])

    def received(self) -> dict[str, float]:
        """Return when which wake-ups came since this was last asked, by `time.perf_counter`."""
        return self._ask("received")

    def _ask(self, what: str, *arguments: object):  # noqa: ANN202
        self.pipe.send((what, arguments))
        return self.pipe.recv()


class _Desk:
    """Answers, in the process of the services, what is asked of them."""

    def __init__(self, simulator: PushSimulator) -> None:
        self._webpush = simulator.webpush
        self._journals: dict[PushService, Journal] = {
            PushService.APNS: simulator.apns.journal,
            PushService.FCM: simulator.fcm.journal,
            PushService.WEBPUSH: simulator.webpush.journal,
        }
        self._received: dict[str, float] = {}
        for journal in self._journals.values():
            journal.listener = self._note

    def _note(self, arrival: Arrival) -> None:
        self._received.setdefault(arrival.address, time.perf_counter())

    def phones(self, service: PushService, count: int) -> list[Phone]:
        made = [self._phone(service) for _ in range(count)]
        dead = (phone.key for place, phone in enumerate(made) if place % 100 < DEAD)
        self._journals[service].behaviours |= dict.fromkeys(dead, DEATHS[service])
        return made

    def silence(self, keys: list[str]) -> None:
        for journal in self._journals.values():
            journal.behaviours |= dict.fromkeys(keys, Fault.SILENCE)

    def received(self) -> dict[str, float]:
        found, self._received = self._received, {}
        return found

    def _phone(self, service: PushService) -> Phone:
        if service is PushService.WEBPUSH:
            subscription = self._webpush.subscribe()
            address = PushAddress(service, json.dumps(subscription))
            return Phone(address, str(subscription["endpoint"]))
        token = (
            secrets.token_hex(32) if service is PushService.APNS else secrets.token_urlsafe(105)
        )
        return Phone(PushAddress(service, token), token)


@contextlib.contextmanager
def services() -> Iterator[Services]:
    """Run the services in a process of their own until the block is left."""
    here, there = multiprocessing.Pipe()
    forked = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as directory:
        process = forked.Process(target=_serve, args=(there, Path(directory)), daemon=True)
        process.start()
        try:
            yield Services(here.recv(), here)
        finally:
            process.kill()
            process.join()


def pinned(core: int) -> None:
    """Keep this process on one core, where there are several."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[core % len(cores)]})


def _serve(pipe: Pipe, directory: Path) -> None:
    async def running() -> None:
        async with push_simulator(directory) as simulator:
            # Else it is this end that is measured.
            simulator.apns.rules = Rules(is_strict=False)
            desk, loop = _Desk(simulator), asyncio.get_running_loop()
            settle()
            pipe.send(simulator.settings)
            # Whoever asks has gone when this ends.
            with contextlib.suppress(EOFError):
                while True:
                    what, arguments = await loop.run_in_executor(None, pipe.recv)
                    pipe.send(getattr(desk, what)(*arguments))

    pinned(THEIRS)
    uvloop.run(running())
