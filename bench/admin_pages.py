"""What the administrators' pages cost in a large country: `python -m bench.admin_pages`.

    .venv/bin/python -m bench.admin_pages [people [events [times]]]

Fills a PostgreSQL of its own with `bench.people_rows`, or takes the one that was filled by that
and that `BENCH_DATABASE` names, and opens every page with filters, searches and later pages as a
browser does, at the largest organisation and at a small one.  Each is opened for other people and
names every time, in rounds; of these the one counts in which the machine did the least besides.
"""

import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from html import unescape
from http import HTTPStatus
from itertools import count, cycle
from pathlib import Path
from random import Random
from secrets import token_bytes
from urllib.parse import urlencode

import psycopg
import uvloop
from yarl import URL

from bench import country, people_rows
from bench.admin_lost_phone import register_in
from bench.country import NOW, SEED, Country
from bench.push import table
from bench.results import keep
from pairing_server import logs
from pairing_server.app import open_stores
from pairing_server.clock import utc_now
from pairing_server.ports import Ports
from pairing_server.registry import migrate
from pairing_server.registry.people import AdministrativeRole
from pairing_server.registry.people_overview import PhoneState
from tests.admin.desk import at_work
from tests.house import UNLIMITED, House, house_settings, opened_house
from tests.pages.visitor import Visitor
from tests.postgresql import PostgreSQL

TIMES, ROUNDS = 50, 3
#: Milliseconds that a page may take.
MOST = 100
#: Seconds in which a server leaves off an export that nobody reads.
LET_GO = 0.5

_NEXT = re.compile(r'href="([^"]+)" rel="next"')

#: Opens one page, and returns how long that took, in seconds.
Open = Callable[[], Awaitable[float]]


@dataclass(frozen=True)
class Took:
    """How long a page took in the best round, in milliseconds."""

    middle: float
    slow: float
    slowest: float


@dataclass
class Office:
    """An administrator at a browser, and the organisation that they administer."""

    visitor: Visitor
    of: Country
    organisation: int
    chance: Random

    def person(self) -> int:
        """Return one of the people who work there, by number."""
        found = self.chance.choice(self.of.members(self.organisation))
        return self.person() if people_rows.has_left(self.of, found) else found

    async def get(self, path: str) -> float:
        """Open a page."""
        return (await self.read(path))[0]

    async def read(self, path: str) -> tuple[float, str]:
        """Open a page, and return how long that took and what it says."""
        begun = time.perf_counter()
        shown = await self.visitor.get(path)
        took = time.perf_counter() - begun
        if shown.status != HTTPStatus.OK:
            raise RuntimeError(f"{path}: {shown.status}")
        return took, shown.text

    async def search(self, typed: str) -> float:
        """Type something in the field at the top, and open what it leads to."""
        begun = time.perf_counter()
        sent = await self.visitor.post("/admin/people", {"q": typed})
        await self.visitor.get(sent.location)
        return time.perf_counter() - begun

    async def begin(self, path: str, form: dict[str, str]) -> float:
        """Send a form, and return how long its answer takes to begin."""
        own = self.visitor.house.base_url
        begun = time.perf_counter()
        http = self.visitor.portal._http  # noqa: SLF001  (to read no more than the first byte)
        async with http.post(URL(own + path), data=form, headers={"Origin": own}) as answer:
            await answer.content.readany()
            took = time.perf_counter() - begun
            if answer.status != HTTPStatus.OK:
                raise RuntimeError(f"{path}: {answer.status}")
            # The rest is not waited for, but for the server to see that nobody reads it.
            answer.close()
        await asyncio.sleep(LET_GO)
        return took


class Leafing:
    """Opens one page behind the other, and begins again behind the last one."""

    def __init__(self, office: Office, path: str) -> None:
        self._office = office
        self._first = self._path = path

    async def __call__(self) -> float:
        """Open the next page."""
        took, text = await self._office.read(self._path)
        found = _NEXT.search(text)
        self._path = unescape(found[1]) if found else self._first
        return took


def pages(office: Office) -> Iterator[tuple[str, Open]]:
    """Return all that is opened, by name."""
    person, get = office.person, office.get
    yield "overview", partial(get, "/admin/")
    for state in PhoneState:
        yield f"phones: {state}", partial(get, f"/admin/phones?state={state}")
    yield "people", partial(get, "/admin/people")
    yield "people, later pages", Leafing(office, "/admin/people")
    for what, typed in searches(office).items():
        yield f"search: {what}", partial(_typed, office, typed)
    yield "a person", lambda: get(f"/admin/people/{country.person_id_of(person())}")
    lost = urlencode({"lost": f"{NOW - timedelta(days=90):%Y-%m-%dT%H:%M}", "offset": "0"})
    yield "a person, lost", lambda: get(f"/admin/people/{country.person_id_of(person())}?{lost}")
    yield "a record", lambda: get(f"/admin/people/{country.person_id_of(person())}/record")
    yield (
        "a membership",
        lambda: get(f"/admin/people/{country.person_id_of(person())}/membership"),
    )
    yield "a new person", partial(get, "/admin/people/new")
    yield "offers", partial(get, "/admin/people/offers")
    yield "organisation", partial(get, "/admin/organisation")
    for what, query in filters(office).items():
        yield f"log: {what}", partial(_queried, office, query)
        yield f"log: {what}, later pages", Leafing(office, f"/admin/log?{urlencode(query())}")
    for form in ("json", "csv", "nen7513"):
        yield f"export {form}, first byte", partial(office.begin, "/admin/log/export", _form(form))
    yield "export of people, first byte", partial(office.begin, "/admin/people/export", {})


def searches(office: Office) -> dict[str, Callable[[], str]]:
    """Return what is typed in the field at the top."""
    letters = cycle("abcdefghijklmnoprstvwz")
    return {
        "de vries": lambda: "de vries",
        "a name": lambda: " ".join(country.name_of(office.person())),
        "a last name": lambda: country.name_of(office.person())[1],
        "a letter": lambda: next(letters),
        "nobody": partial(next, (f"qqq{number}" for number in count())),
        "two words, nobody": partial(next, (f"de vr{number}" for number in count())),
        "a UZI number": lambda: country.uzi_number_of(office.person()),
        "a key": lambda: country.phone_of(office.person()),
        "a phone's model": lambda: "fairphone",
        "a phone's name": lambda: f"werk {country.name_of(office.person())[0]}",
    }


def filters(office: Office) -> dict[str, Callable[[], dict[str, str]]]:
    """Return by what the log is looked through."""

    def person() -> dict[str, str]:
        return {"person": country.person_id_of(office.person())}

    def days() -> dict[str, str]:
        first = NOW.date() - timedelta(days=office.chance.randrange(30, 1500))
        return {"since": f"{first}", "until": f"{first + timedelta(days=30)}"}

    def workstation() -> dict[str, str]:
        return {"workstation": country.workstation_of(office.person())}

    def phone() -> dict[str, str]:
        return {"phone": country.phone_of(office.person())}

    rare, common = {"kind": "CloneSuspected"}, {"kind": "AuthRequestApproved"}
    return {
        "everything": dict,
        "days": days,
        "a rare kind": lambda: rare,
        "a kind that there is none of": lambda: {"kind": "PeopleMerged"},
        "a common kind": lambda: common,
        "a common kind, days": lambda: {**common, **days()},
        "a group of kinds": lambda: {"kind": "phones"},
        "a group of kinds, days": lambda: {"kind": "phones", **days()},
        "a person": person,
        "a person, a rare kind": lambda: {**person(), **rare},
        "a person, a group, days": lambda: {**person(), "kind": "logins", **days()},
        "a phone": phone,
        "a phone, a rare kind": lambda: {**phone(), **rare},
        "a workstation": workstation,
        "a workstation, days": lambda: {**workstation(), **days()},
        "a workstation, a rare kind": lambda: {**workstation(), **rare},
        "a workstation, a person": lambda: {**workstation(), **person()},
        "a workstation that there is none of": lambda: {"workstation": "Nowhere"},
    }


async def _typed(office: Office, typed: Callable[[], str]) -> float:
    return await office.search(typed())


async def _queried(office: Office, query: Callable[[], dict[str, str]]) -> float:
    return await office.get(f"/admin/log?{urlencode(query())}")


def _form(form: str) -> dict[str, str]:
    return {"form": form, "since": f"{NOW.date() - timedelta(days=30)}"}


async def measured(opens: Open, times: int) -> Took:
    """Open a page in rounds, after once for nothing."""
    await opens()
    rounds = [sorted([await opens() * 1000 for _ in range(times)]) for _ in range(ROUNDS)]
    best = min(rounds, key=lambda each: each[_at(each, 0.99)])
    return Took(
        round(best[_at(best, 0.5)], 1),
        round(best[_at(best, 0.99)], 1),
        round(max(each[-1] for each in rounds), 1),
    )


def _at(each: list[float], part: float) -> int:
    return round((len(each) - 1) * part)


@asynccontextmanager
async def server(url: str, directory: Path) -> AsyncIterator[House]:
    """Run a server on a database, at the time at which its log ends."""
    register, since = register_in(directory), utc_now() - NOW

    def clock() -> datetime:
        return utc_now() - since

    settings = house_settings(
        register, directory / "data", log_level="error", database_url=url, node="bench"
    )
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_stores(settings, clock))
        ports = Ports(stores.registry, stores.store, clock, token_bytes)
        yield await stack.enter_async_context(
            opened_house(settings, stores, ports, register, UNLIMITED)
        )


async def run(url: str, of: Country, times: int) -> dict[str, dict[str, Took]]:
    """Open everything at a large organisation and at a small one."""
    found: dict[str, dict[str, Took]] = {}
    only = re.compile(os.environ.get("BENCH_PAGES", ""))
    with tempfile.TemporaryDirectory() as directory:
        async with server(url, Path(directory)) as house:
            for where, organisation in {"large": 0, "small": of.organisations - 5}.items():
                ura = country.ura_of(organisation)
                role = AdministrativeRole.ADMINISTRATOR
                visitor = await at_work(house, role, f"administrator-{organisation}", ura)
                chance = Random(SEED)  # noqa: S311  (the same people each time)
                office = Office(visitor, of, organisation, chance)
                for what, opens in pages(office):
                    if only.search(what):
                        found.setdefault(what, {})[where] = await measured(opens, times)
                        print(f"  {where}: {what}: {found[what][where]}", flush=True)
    return found


def line(what: str, took: dict[str, Took]) -> tuple[str, ...]:
    """Write how long a page took at either."""
    each = [took[where] for where in ("large", "small")]
    return what, *(f"{one.middle:,.1f} / {one.slow:,.1f} ({one.slowest:,.0f})" for one in each)


@contextmanager
def database(of: Country, events: int) -> Iterator[str]:
    """Return where a country is: in a database that was filled before, or in one of our own."""
    if "BENCH_DATABASE" in os.environ:
        with psycopg.connect(os.environ["BENCH_DATABASE"], autocommit=True) as connection:
            for secret in ("signing_key", "server_secret"):
                # The key that sealed them was that of another run.
                connection.execute(f"DELETE FROM {secret}")  # noqa: S608
        yield os.environ["BENCH_DATABASE"]
        return
    postgresql = PostgreSQL()
    try:
        url = postgresql.url("postgres")
        migrate.upgrade(url)
        people_rows.fill(url, of, events)
        yield url
    finally:
        postgresql.remove()


def main(
    people: int = people_rows.PEOPLE, events: int = people_rows.EVENTS, times: int = TIMES
) -> None:
    """Measure, print and keep."""
    logs.configure("error", "json")
    of = Country(people)
    with database(of, events) as url:
        found = uvloop.run(run(url, of, times))
    table(
        ("p50 / p99 (slowest), ms", "large", "small"),
        *(line(what, took) for what, took in found.items()),
    )
    late = [
        what for what, took in found.items() if any(each.slow > MOST for each in took.values())
    ]
    print(f"p99 over {MOST} ms: {', '.join(late) or 'none'}")
    kept = {
        what: {where: vars(each) for where, each in took.items()} for what, took in found.items()
    }
    keep("admin_pages", {"people": people, "events": events, "ms": kept})


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
