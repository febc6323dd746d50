"""What waking phones costs: beside bare clients, from the workstation's call on, and in trouble.

    make bench, or .venv/bin/python -m bench.push [wake-ups]

The services run in a process of their own, on another core.  Rates and delays are of this machine
and of what else it does; processor times and ratios say more.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from bench.push_load import Cost, Delay
from bench.push_senders import compared
from bench.push_services import DEAD, OURS, THEIRS, Phone, Services, pinned, services
from bench.push_trouble import WARM, asked, dispatched
from bench.push_ward import ward
from bench.results import keep
from pairing_server import logs
from pairing_server.cli.serve import settle
from pairing_server.push import PushService
from pairing_server.push.words import NAMES
from pairing_server.settings import LogFormat

WAKEUPS = 3000
#: Half of what a core is to hand over; encryption for each phone takes its time.
RATES = {PushService.APNS: 1000, PushService.FCM: 1000, PushService.WEBPUSH: 500}
#: Of each service, where all three are called at once.
BESIDE = 250
#: Logins a second: what a workstation's call costs is far more than a wake-up.
LOGINS = 30
QUIET = "none"

Delays = Mapping[PushService, Delay]


def mixed(running: Services, count: int) -> list[Phone]:
    """Make phones of all services, by turns."""
    each = (running.phones(service, count) for service in PushService)
    return list(chain.from_iterable(zip(*each, strict=True)))


def at(phones: list[Phone], service: str) -> list[Phone]:
    """Return the phones at a service."""
    return [phone for phone in phones if phone.address.service == service]


async def alone(running: Services, count: int) -> Delays:
    """Wake phones through each service by itself."""
    found: dict[PushService, Delay] = {}
    for service, rate in RATES.items():
        phones = running.phones(service, count + WARM)
        found |= await dispatched(running, phones, rate)
    return found


async def beside(running: Services, count: int) -> dict[str, Delays]:
    """Wake phones through all services, while none and while each one hangs."""
    found: dict[str, Delays] = {}
    for hanging in (QUIET, *PushService):
        phones = mixed(running, count // 3 + WARM)
        running.silence(at(phones[WARM:], hanging))
        found[hanging] = await dispatched(running, phones, BESIDE * len(PushService))
    return found


async def logins(running: Services, count: int) -> dict[str, Delays]:
    """Have workstations ask for people, while none and while one service hangs."""
    found: dict[str, Delays] = {}
    with TemporaryDirectory() as directory:
        phones = mixed(running, 2 * (count // 18 + WARM))
        half = len(phones) // 2
        with ward(Path(directory), running, phones) as opened:
            pinned(THEIRS)
            found[QUIET] = await asked(running, opened, phones[:half], LOGINS)
            running.silence(at(phones[half:], PushService.WEBPUSH))
            found[PushService.WEBPUSH] = await asked(running, opened, phones[half:], LOGINS)
            pinned(OURS)
    return found


def cost_lines(costs: Mapping[PushService, tuple[Cost, Cost]]) -> Iterator[tuple[str, ...]]:
    """Write what each service's wake-ups cost."""
    for service, (ours, bare) in costs.items():
        yield (
            NAMES[service],
            f"{ours.rate:,.0f}",
            f"{ours.each:.0f} µs",
            f"{ours.core:,.0f}",
            f"{bare.core:,.0f}",
            f"{ours.core / bare.core:.2f}",
        )


def delay_line(what: str, delays: Delays) -> tuple[str, ...]:
    """Write the delays of one run."""
    return (what, *(str(delays.get(service, "")) for service in PushService))


def table(*rows: tuple[str, ...]) -> None:
    """Print a table, whose first row is its head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [" | ".join(map(str.ljust, row, widths)) for row in rows]
    lines.insert(1, " | ".join("-" * width for width in widths))
    print(*(f"| {line} |" for line in lines), "", sep="\n")


async def main() -> None:
    """Measure, print and keep."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else WAKEUPS
    logs.configure("critical", LogFormat.CONSOLE)
    with services() as running:
        pinned(OURS)
        settle()
        costs = {service: await compared(running, service, count) for service in PushService}
        by_itself = await alone(running, count)
        hanging = await beside(running, count)
        asked_for = await logins(running, count)
    names = tuple(NAMES[service] for service in PushService)
    print(f"{DEAD} % of the tokens are dead.\n")
    head = ("wake-ups", "a second", "each takes", "so one core", "bare client", "ours by bare")
    table(head, *cost_lines(costs))
    rates = ", ".join(f"{rate:,}" for rate in RATES.values())
    table(
        ("p50 / p99 until received", *names),
        delay_line(f"each alone, {rates} a second", by_itself),
        *(
            delay_line(f"all, {BESIDE} a second each, hanging: {name}", delays)
            for name, delays in hanging.items()
        ),
        *(
            delay_line(f"from bc-authorize, {LOGINS} a second, hanging: {name}", delays)
            for name, delays in asked_for.items()
        ),
    )
    keep(
        "push",
        {
            "cost": {
                service: {"ours": asdict(ours), "bare": asdict(bare)}
                for service, (ours, bare) in costs.items()
            },
            "alone": {service: asdict(delay) for service, delay in by_itself.items()},
            "hanging": _plain(hanging),
            "bc-authorize": _plain(asked_for),
        },
    )


def _plain(runs: Mapping[str, Delays]) -> dict[str, dict[str, dict[str, float]]]:
    return {
        str(name): {str(service): asdict(delay) for service, delay in delays.items()}
        for name, delays in runs.items()
    }


if __name__ == "__main__":
    uvloop.run(main())
