# ruff: noqa: SLF001  (how it is looked for is what is measured)
"""What a page of the log costs, by each filter, in a log of many rows.

    .venv/bin/python -m bench.audit_rows [rows] [sqlite|postgresql ...]

Fills a log from a seed, with 2,000 organisations of which the largest has a twentieth of all
events, and reads first and later pages of it as `/admin/log` does.  Prints milliseconds, and how
the database goes about it where that is asked for by `EXPLAIN=1`.
"""

import asyncio
import hashlib
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from bench.results import keep
from pairing_server.audit import search as rules
from pairing_server.audit.filing import filing
from pairing_server.audit.search import NEWEST, Scope, Search, find
from pairing_server.clock import to_milliseconds, utc_now
from pairing_server.registry import Registry, migrate
from pairing_server.registry.database import driver_of, open_registry
from pairing_server.registry.sqlite import SqliteDriver
from pairing_server.registry.statement import Prepared
from tests.postgresql import PostgreSQL

ROWS = 200_000
SEED = 7513
ORGANISATIONS = 2_000
PEOPLE = 100_000
#: Of a large log's events: logins and what follows them, and now and then something rare.
KINDS = ["AuthRequestApproved"] * 48 + ["AssertionIssued"] * 48 + ["AuthRequestDenied"] * 3
RARE = ("AuthenticatorBlocked", "CloneSuspected", "AuthenticatorBound", "LogViewed")
COMMON = 0.999
FIRST = datetime(2021, 11, 1, tzinfo=UTC)
PERIOD = timedelta(days=5 * 365)
COLUMNS = (
    *("chain", "sequence", "id", "time", "action", "actor", "object", "ura", "outcome"),
    *("evidence", "previous", "hash", "person", "credential", "workstation"),
)
#: How often each page is read.
ROUNDS = 40

Row = tuple[Any, ...]


def ura_of(number: int) -> str:
    """Return an organisation's number."""
    return f"{90_000_000 + number}"


def rows(count: int) -> Iterator[Row]:
    """Events in order of time, each filed as the server files it."""
    chance = random.Random(SEED)  # noqa: S311  (the same log each time)
    first, step = to_milliseconds(FIRST), PERIOD / timedelta(milliseconds=1) / count
    before = "0" * 64
    for number in range(1, count + 1):
        # The largest organisation has a twentieth, the smallest a handful.
        organisation = int(ORGANISATIONS * chance.random() ** 2.5)
        person = organisation * 50 + int(50 * chance.random())
        kind = chance.choice(KINDS) if chance.random() < COMMON else chance.choice(RARE)
        yield event(number, first + int(number * step), kind, (organisation, person), before)
        before = hashlib.sha256(before.encode()).hexdigest()


def event(number: int, at: int, kind: str, who: tuple[int, int], before: str) -> Row:
    """Return an event as a row."""
    organisation, person = who
    credential, workstation = f"credential-{person}", f"Balie {person % 40}"
    signed = {"workstation": workstation, "client": "XIS", "location": "Poli"}
    evidence: dict[str, Any] = {"credential": credential}
    actor, about = f"person:person-{person}", f"auth-request:request-{number}"
    if kind == "AssertionIssued":
        actor, about = "client:xis", f"person:person-{person}"
    elif kind == "AuthRequestApproved":
        evidence = {**evidence, "signed": signed, "assertion": "x" * 600}
    elif kind.startswith("Auth"):
        evidence, about = {**evidence, "shown": signed}, f"credential:{credential}"
    filed = filing(actor, about, evidence)
    identifier = hashlib.sha256(str(number).encode()).hexdigest()
    text = str(evidence).replace("'", '"')
    return (
        *("main", number, identifier[:22], at, kind, actor, about, ura_of(organisation)),
        *("success", text, before, identifier),
        *(filed.person, filed.credential, filed.workstation),
    )


def fill_sqlite(url: str, count: int) -> None:
    """Fill a file, and index it after that."""
    marks = ", ".join("?" * len(COLUMNS))
    statement = f"INSERT INTO audit_event ({', '.join(COLUMNS)}) VALUES ({marks})"  # noqa: S608
    file = Path(url.removeprefix("sqlite:///"))
    with closing(SqliteDriver(file).connect()) as connection:
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous = OFF")
        cursor.execute("PRAGMA cache_size = -400000")
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE tbl_name = 'audit_event'"
            " AND type = 'index' AND sql IS NOT NULL"
        )
        indexes = cursor.fetchall()
        # Which index is taken is told by statistics, and these go with their index.
        cursor.execute("CREATE TEMP TABLE told AS SELECT * FROM sqlite_stat1")
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        cursor.execute("BEGIN")
        cursor.executemany(statement, rows(count))
        cursor.execute("COMMIT")
        for _, text in indexes:
            cursor.execute(text)
        cursor.execute("DELETE FROM sqlite_stat1")
        cursor.execute("INSERT INTO sqlite_stat1 SELECT * FROM told")


def fill_postgresql(url: str, count: int) -> None:
    """Fill a database, and index it after that."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'audit_event'"
            " AND indexname LIKE 'ix_%'"
        ).fetchall()
        for name, _ in found:
            connection.execute(f"DROP INDEX {name}")
        with connection.cursor().copy(f"COPY audit_event ({', '.join(COLUMNS)}) FROM STDIN") as to:
            for row in rows(count):
                to.write_row(row)
        for _, text in found:
            connection.execute(text)
        connection.execute("VACUUM ANALYZE audit_event")


def searches() -> dict[str, Search]:
    """What an administrator looks for, at the largest organisation and at a small one."""
    large, small = ura_of(0), ura_of(ORGANISATIONS - 5)
    month = {"since": FIRST + PERIOD / 2, "until": FIRST + PERIOD / 2 + timedelta(days=30)}
    person: dict[str, Any] = {"people": ("person-7",), "credentials": ("credential-7",)}
    return {
        "everything, large": Search(ura=large),
        "everything, small": Search(ura=small),
        "a month": Search(ura=large, **month),
        "a rare kind": Search(ura=large, actions=("CloneSuspected",)),
        "a group of kinds": Search(ura=large, actions=(*RARE, "AuthRequestDenied")),
        "a person": Search(ura=large, scope=Scope.MEMBER, **person),
        "a person, a rare kind": Search(ura=large, actions=("CloneSuspected",), **person),
        "a phone": Search(ura=large, credentials=("credential-7",)),
        "a workstation": Search(ura=large, workstation="Balie 7"),
        "a workstation, a rare kind": Search(
            ura=large, workstation="Balie 7", actions=("AuthenticatorBlocked",)
        ),
        "nobody": Search(ura=large, people=("nobody",)),
        "one's own": Search(scope=Scope.ALL, **person),
    }


async def measure(registry: Registry, search: Search) -> tuple[float, float]:
    """Return the median and the slowest of reading a page and those behind it, in ms."""
    took, before = [], NEWEST
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        page = await registry.read(lambda tx, before=before: find(tx, search, before))
        took.append((time.perf_counter() - begun) * 1000)
        before = page[-1].place if len(page) == rules.PAGE else NEWEST
    took.sort()
    return took[len(took) // 2], took[-1]


def explain(url: str, search: Search) -> Iterator[str]:
    """Say how the database goes about it."""
    driver = driver_of(url)
    with closing(driver.connect()) as connection:
        cursor = connection.cursor()
        how = "EXPLAIN QUERY PLAN" if url.startswith("sqlite") else "EXPLAIN (ANALYZE, BUFFERS)"
        for path, values in rules._paths(search):
            prepared = Prepared(rules._statement(*path, search.scope), driver.dialect)
            text, bound = prepared.bind({**rules._values(search, NEWEST, 51), **values})
            cursor.execute(f"{how} {text}", bound)
            yield from (f"    {row[-1]}" for row in cursor.fetchall())


async def run(url: str, count: int, fill: Callable[[str, int], None]) -> dict[str, Any]:
    """Fill a database and read it by each filter."""
    migrate.upgrade(url)
    begun = time.perf_counter()
    await asyncio.to_thread(fill, url, count)
    print(f"  filled in {time.perf_counter() - begun:.0f} s", flush=True)
    registry = open_registry(url, chain="bench", clock=utc_now)
    found = {}
    try:
        for name, search in searches().items():
            median, slowest = await measure(registry, search)
            found[name] = {"median_ms": round(median, 1), "slowest_ms": round(slowest, 1)}
            print(f"  {name:28} {median:8.1f} ms   slowest {slowest:8.1f} ms", flush=True)
            if os.environ.get("EXPLAIN"):
                print("\n".join(explain(url, search)), flush=True)
    finally:
        await registry.close()
    return found


def main(count: int, databases: list[str]) -> None:
    """Measure, and keep what was measured."""
    if "sqlite" in databases:
        with tempfile.TemporaryDirectory() as directory:
            print(f"SQLite, {count} events")
            url = f"sqlite:///{directory}/registry.sqlite3"
            found = asyncio.run(run(url, count, fill_sqlite))
            keep("audit_rows_sqlite", {"rows": count, **found})
    if "postgresql" in databases:
        server = PostgreSQL()
        try:
            print(f"PostgreSQL, {count} events")
            url = server.url("postgres")
            found = asyncio.run(run(url, count, fill_postgresql))
            keep("audit_rows_postgresql", {"rows": count, **found})
        finally:
            server.stop()


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else ROWS, given[1:] or ["sqlite", "postgresql"])
