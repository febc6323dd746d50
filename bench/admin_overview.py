"""What the overview of `/admin/` costs a large organisation.

    .venv/bin/python -m bench.admin_overview [logins a day] [sqlite|postgresql ...]

Fills a log with 15 days of one organisation, whose people log in so often a day, and gives it
20,000 people with a phone each, some of them blocked, about to expire or out of reach.  Prints
milliseconds to count the log, which happens once a minute, and to count and list the phones, which
happens each time.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from admin import log_counts
from admin.overview_rules import SOON
from bench import audit_rows
from bench.results import keep
from pairing_server.clock import to_milliseconds, utc_now, wire_time
from pairing_server.registry import (
    Query,
    Registry,
    Transaction,
    credentials,
    migrate,
    organisations,
    people,
    people_overview,
    push_health,
)
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.database import open_registry
from pairing_server.registry.people_overview import PhoneState
from pairing_server.registry.push_health import PushHealth
from tests.admin.staff import member, person
from tests.postgresql import PostgreSQL
from tests.registry.people import CREDENTIAL, ORGANISATION

LOGINS = 20_000
PEOPLE = 20_000
DAYS = 15
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
URA = audit_rows.ura_of(0)
ROUNDS = 30
FAILING = 2
#: People who are written in one commit.
AT_ONCE = 200


def rows(logins: int) -> Iterator[audit_rows.Row]:
    """Events in order of time: one in 40 is declined, each login is handed out as well."""
    count, before = logins * DAYS, "0" * 64
    step = timedelta(days=DAYS) / count
    for number in range(1, count + 1):
        at = NOW - timedelta(days=DAYS) + number * step
        kind = "AuthRequestDenied" if number % 40 == 0 else "AuthRequestApproved"
        for each, place in ((kind, 2 * number - 1), ("AssertionIssued", 2 * number)):
            row = audit_rows.event(place, to_milliseconds(at), each, (0, number % PEOPLE), before)
            asked = wire_time(at - timedelta(seconds=number % 40))
            yield tuple(
                value.replace('"client"', f'"requested_at": "{asked}", "client"')
                if isinstance(value, str)
                else value
                for value in row
            )
            before = row[11]


def add_people(tx: Transaction, first: int) -> None:
    """Write some people with a phone each: one in 50 blocked, expiring, or out of reach."""
    for number in range(first, first + AT_ONCE):
        people.add_person(tx, person(f"p{number}"))
        people.put_membership(tx, member(f"p{number}", ura=URA))
        turn = number % 50
        blocked = CredentialStatus.ACTIVE if turn else CredentialStatus.BLOCKED
        left = timedelta(days=10 if turn == 1 else 300)
        phone = replace(
            CREDENTIAL,
            id=f"c{number}",
            person_id=f"p{number}",
            pairing_id=f"c{number}",
            device_token_digest=None,
            status=blocked,
            expires_at=NOW + left,
        )
        credentials.add(tx, phone)
        late = timedelta(hours=1 if turn == FAILING else -1)
        health = PushHealth(last_ok_at=NOW, last_error_at=NOW + late, last_error="timeout")
        push_health.write(tx, {phone.id: health})


async def run(url: str, logins: int, fill: Callable[[str, int], None]) -> dict[str, Any]:
    """Fill a database and look at its overview."""
    migrate.upgrade(url)
    await asyncio.to_thread(fill, url, logins)
    registry = open_registry(url, chain="bench", clock=utc_now)
    ours = replace(ORGANISATION, ura=URA)
    await registry.commit(lambda tx: organisations.add(tx, ours))
    for first in range(0, PEOPLE, AT_ONCE):
        await registry.commit(lambda tx, first=first: add_people(tx, first))
    try:
        return {name: await measure(registry, name, query) for name, query in looked_at().items()}
    finally:
        await registry.close()


def looked_at() -> dict[str, Callable[[Query], object]]:
    """Return what a page reads."""
    soon = NOW + SOON
    lists = {
        f"list, {state.value}": lambda tx, state=state: people_overview.phones(
            tx, URA, state, NOW, soon, None
        )
        for state in PhoneState
    }
    return {
        "count the log": lambda tx: log_counts.read(tx, URA, NOW),
        "count people and phones": lambda tx: people_overview.counts(tx, URA, NOW, soon),
        **lists,
    }


async def measure(registry: Registry, name: str, query: Callable[[Query], object]) -> Any:
    """Return the median and the slowest, in ms."""
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        await registry.read(query)
        took.append((time.perf_counter() - begun) * 1000)
    took.sort()
    found = {"median_ms": round(took[len(took) // 2], 1), "slowest_ms": round(took[-1], 1)}
    print(f"  {name:28} {found['median_ms']:8.1f} ms   slowest {found['slowest_ms']:8.1f} ms")
    return found


def main(logins: int, databases: list[str]) -> None:
    """Measure, and keep what was measured."""
    audit_rows.rows = rows
    told = {"logins_a_day": logins, "people": PEOPLE}
    if "sqlite" in databases:
        with tempfile.TemporaryDirectory() as directory:
            print(f"SQLite, {logins} logins a day", flush=True)
            url = f"sqlite:///{directory}/registry.sqlite3"
            found = asyncio.run(run(url, logins, audit_rows.fill_sqlite))
            keep("admin_overview_sqlite", {**told, **found})
    if "postgresql" in databases:
        server = PostgreSQL()
        try:
            print(f"PostgreSQL, {logins} logins a day", flush=True)
            url = server.url("postgres")
            found = asyncio.run(run(url, logins, audit_rows.fill_postgresql))
            keep("admin_overview_postgresql", {**told, **found})
        finally:
            server.stop()


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else LOGINS, given[1:] or ["sqlite", "postgresql"])
