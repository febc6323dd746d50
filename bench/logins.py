"""What a login costs: beside the least that answers the same calls, and beside a peer.

    make bench, or
    .venv/bin/python -m bench.logins [logins [waiting at one worker [waiting at [workers]]]]

A login is `POST /bc-authorize`, the phone's pull, its signed answer and `POST /token`, with the
embedded stores: Valkey with its log, SQLite that is synced at each commit, the audit chain.  One
worker; the load comes from a process of its own, on another core.  Rates and delays are of this
machine and of what else it does; processor times and ratios say more.
"""

import os
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from bench.logins_floor import floor
from bench.logins_load import Rate, rate
from bench.logins_peer import VARIABLE, peer, peer_directory, peer_rate
from bench.logins_people import Hospital, hospital
from bench.logins_process import Served, served
from bench.logins_waiting import SPARE, Waiting, open_files, waiting
from bench.push import table
from bench.results import keep
from pairing_server import logs
from pairing_server.app import Surroundings, open_stores, running
from pairing_server.settings import load

LOGINS = 1500
HOLDERS = 600
WAITING = 10_000
#: Calls that a program may have held, at one worker.
OF_PROGRAM = 2000
MANY, WORKERS = 50_000, 5
#: What is run in its place where there are fewer cores.
FEW, FEW_WORKERS = 4000, 2
USAGE = "python -m bench.logins logins waiting many workers"
AT_ONCE = (1, 16, 256)
ROUNDS = 3
#: With how many at once we are compared.
COMPARED = 16
WARM = 200
PEER_SECONDS = 4


@asynccontextmanager
async def server(
    url: str, directory: Path, everybody: Hospital, database: str | None = None
) -> AsyncIterator[None]:
    """Run ours, as `pairing-server serve` does it, with what it keeps in a directory.

    Args:
        database: Another registry than the one in the directory.
    """
    settings = load(
        {},
        base_url=url,
        port=urlsplit(url).port,
        data_dir=directory,
        client_rate=100_000,
        database_url=database,
    )
    with (directory / "log").open("w") as lines:
        os.dup2(lines.fileno(), sys.stderr.fileno())
    logs.configure(settings.log_level, settings.log_format)
    async with open_stores(settings) as stores:
        await everybody.register(stores.registry)
        async with running(settings, stores, Surroundings()):
            yield


def serving(
    directory: Path, everybody: Hospital, database: str | None = None
) -> AbstractContextManager[Served]:
    """Run ours in a process of its own."""
    return served(partial(server, directory=directory, everybody=everybody, database=database))


def best(rates: Iterable[Rate]) -> Rate:
    """Return the round in which the machine did the least besides."""
    return min(rates, key=lambda each: each.each)


def compared(everybody: Hospital, ours: Served, bare: Served, count: int) -> dict[str, Rate]:
    """Log in by turns at ours, at the floor and at the peer; returns the best of each."""
    rounds: dict[str, list[Rate]] = {"ours": [], "floor": []}
    directory = peer_directory()
    for each in (ours, bare):
        rate(each, everybody, WARM, COMPARED)
    for _ in range(ROUNDS):
        rounds["ours"].append(rate(ours, everybody, count, COMPARED))
        rounds["floor"].append(rate(bare, everybody, count, COMPARED))
    if directory:
        with peer(directory) as theirs:
            peer_rate(directory, theirs, PEER_SECONDS, COMPARED)
            rounds["peer"] = [
                peer_rate(directory, theirs, PEER_SECONDS, COMPARED) for _ in range(ROUNDS)
            ]
    return {name: best(rates) for name, rates in rounds.items()}


def line(what: str, measured: Rate, floor_core: float) -> tuple[str, ...]:
    """Write what a login cost."""
    return (
        what,
        f"{measured.count / measured.took:,.0f}",
        f"{measured.each:,.0f} µs",
        f"{measured.store / measured.count * 1e6:,.0f} µs" if measured.store else "",
        f"{measured.core:,.0f}",
        f"{measured.core / floor_core:.2f}",
        str(measured.delay),
    )


def waited(count: int, workers: int) -> Waiting | None:
    """Let workstations wait at servers of their own."""
    each = count // workers
    wards = [hospital(each, -(-each // OF_PROGRAM)) for _ in range(workers)]
    with ExitStack() as stack:
        kept = [Path(stack.enter_context(TemporaryDirectory())) for _ in wards]
        up = [stack.enter_context(serving(*place)) for place in zip(kept, wards, strict=True)]
        return waiting(list(zip(up, wards, strict=True)))


def waiting_line(count: int, workers: int, files: int) -> tuple[str, Waiting | None]:
    """Write what those take that wait, where each process may have so many connections."""
    said = f"{count:,} waiting at {workers} worker{'s' * (workers > 1)}"
    if files < count // workers + SPARE:
        return f"{said}: not run: hard limit {files:,} (ulimit -Hn)", None
    found = waited(count, workers)
    if found is None:
        return f"{said}: did not get there", None
    return (
        f"{said}: {found.memory / 1000:,.1f} kB each, {found.cpu:.2f} of a core to hold them; "
        f"from answer to tokens, p50 / p99: {found.delay}"
    ), found


def main() -> None:
    """Measure, print and keep."""
    here = (os.cpu_count() or 1) > WORKERS
    usual = (LOGINS, WAITING, MANY if here else FEW, WORKERS if here else FEW_WORKERS)
    count, wait, many, workers = map(int, (*sys.argv[1:], *usual[len(sys.argv) - 1 :]))
    files = open_files()
    everybody = hospital(HOLDERS)
    with TemporaryDirectory() as kept:
        bare = served(partial(floor, hospital=everybody))
        with serving(Path(kept), everybody) as up, bare as least:
            beside = compared(everybody, up, least, count)
            at_once = {each: rate(up, everybody, count, each) for each in AT_ONCE}
            memory = up.spent().memory
    core = beside["floor"].core
    head = ("logins", "a second", "each takes", "Valkey", "so one core", "by floor", "p50 / p99")
    table(
        head,
        *(line(f"{name}, {COMPARED} at once", each, core) for name, each in beside.items()),
        *(line(f"ours, {number} at once", each, core) for number, each in at_once.items()),
    )
    if "peer" not in beside:
        print(f"peer: not run ({VARIABLE} names no directory with it)")
    print(f"memory of the worker: {memory / 1e6:.0f} MB\n")
    kept_waiting = []
    for of_one, over in ((wait, 1), (many, workers)):
        said, found = waiting_line(of_one, over, files)
        print(said, flush=True)
        kept_waiting.append(found and asdict(found))
    if many < MANY:
        print(f"{MANY:,} are 1,700 polls a second, more than these cores answer; to try: {USAGE}")
    print()
    keep(
        "logins",
        {
            "beside": {name: asdict(each) for name, each in beside.items()},
            "at_once": {str(number): asdict(each) for number, each in at_once.items()},
            "memory": memory,
            "waiting": kept_waiting,
        },
    )


if __name__ == "__main__":
    main()
