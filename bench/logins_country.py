"""Whether a login costs more where many people are registered, and the log is long.

    .venv/bin/python -m bench.logins_country [people [events [logins]]]

Two servers as `bench.logins` has them, each on a database of one PostgreSQL that
`bench.people_rows` filled: one with 1,000 people, one with as many as asked, or the one that
`BENCH_DATABASE` names.  A hospital's people, beside all of those, log in at either by turns; of
each the best round counts.  Processor times, of the server and of what it asks, say more than
rates where a machine has other things to do.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from bench import people_rows
from bench.admin_pages import database
from bench.country import ORGANISATIONS, Country
from bench.logins import COMPARED, HOLDERS, LOGINS, ROUNDS, WARM, best, line, serving
from bench.logins_load import Rate, rate
from bench.logins_people import Hospital, hospital
from bench.push import table
from bench.results import keep
from pairing_server.registry import migrate

#: With how many people they are compared, and how long a log those have made.
FEW, FEW_EVENTS = 1_000, 5_000
_TOLD, _TOLD_SECONDS = "SELECT count(*) FROM phone_notice", 5
#: A small country has fewer organisations than a large one has.
_OF_ONE = 5


def country(people: int) -> Country:
    """Return a country of so many people."""
    return Country(people, min(ORGANISATIONS, people // _OF_ONE))


@contextmanager
def databases(people: int, events: int) -> Iterator[dict[int, str]]:
    """Return where the registries are, by how many people are in them."""
    with database(country(people), events) as url:
        few = url.replace("/postgres?", "/few?")
        _run(url, "DROP DATABASE IF EXISTS few WITH (FORCE)", "CREATE DATABASE few")
        migrate.upgrade(few)
        people_rows.fill(few, country(FEW), FEW_EVENTS)
        yield {FEW: few, people: url}
        _run(url, "DROP DATABASE few WITH (FORCE)")


def _run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def _server_of(url: str) -> int:
    """Return the process of a database that starts one for each who connects."""
    with psycopg.connect(url) as connection:
        status = Path(f"/proc/{connection.info.backend_pid}/stat").read_text()
    return int(status.rpartition(")")[2].split()[1])


def _wait_until_all_are_told(url: str) -> None:
    """Wait while a server tells people that their phones expire, which it does once for each."""
    before: object = None
    with psycopg.connect(url, autocommit=True) as connection:
        while before != (told := connection.execute(_TOLD).fetchone()):
            before = told
            time.sleep(_TOLD_SECONDS)


def compared(wards: dict[int, Hospital], at: dict[int, str], count: int) -> dict[int, Rate]:
    """Log in at all by turns; returns the best of each, by how many people are registered."""
    rounds: dict[int, list[Rate]] = {people: [] for people in wards}
    with ExitStack() as stack:
        up = {}
        for people, everybody in wards.items():
            kept = Path(stack.enter_context(TemporaryDirectory()))
            served = stack.enter_context(serving(kept, everybody, at[people]))
            up[people] = replace(served, database=_server_of(at[people]))
            _wait_until_all_are_told(at[people])
            rate(up[people], everybody, WARM, COMPARED)
        for _ in range(ROUNDS):
            for people, everybody in wards.items():
                rounds[people].append(rate(up[people], everybody, count, COMPARED))
    return {people: best(rates) for people, rates in rounds.items()}


def main(
    people: int = people_rows.PEOPLE, events: int = people_rows.EVENTS, count: int = LOGINS
) -> None:
    """Measure, print and keep."""
    wards = {number: hospital(HOLDERS, first=number) for number in (FEW, people)}
    with databases(people, events) as at:
        found = compared(wards, at, count)
    few = found[FEW]
    table(
        ("people", "a second", "each takes", "stores", "so one core", "by few", "p50 / p99"),
        *(line(f"{number:,}", each, few.core) for number, each in found.items()),
    )
    keep(
        "logins_country",
        {
            "people": people,
            "events": events,
            "by_people": {str(number): asdict(each) for number, each in found.items()},
            "throughput": round(found[people].core / few.core, 3),
        },
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
