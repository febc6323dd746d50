"""Fills registry and log with a country of people, the same each time, past the server.

    .venv/bin/python -m bench.people_rows URL [people] [events]

The database is to have the newest schema and nothing in it.  Rows come in an order in which
colleagues are far apart, as they are where people come and go for years.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from bench import country
from bench.country import NOW, PERIOD, SEED, Country
from pairing_server.audit.filing import filing
from pairing_server.clock import to_milliseconds
from pairing_server.registry import member_listings
from pairing_server.registry.names import name_key
from pairing_server.registry.sqlite import SqliteDriver

PEOPLE, EVENTS = 20_000, 100_000
#: Who made the log, and the program at which everybody logs in.
CHAIN, CLIENT = "country", "xis"
#: Of a large log's events: logins and what follows them, and now and then something rare.
KINDS = ["AuthRequestApproved"] * 48 + ["AssertionIssued"] * 48 + ["AuthRequestDenied"] * 3
RARE = ("AuthenticatorBlocked", "CloneSuspected", "AuthenticatorBound", "LogViewed")
COMMON = 0.999
#: How many people work elsewhere, too, how many left, and how phones stand.
_GUESTS, _LEFT, _BLOCKED, _REVOKED, _SECOND, _NAMED = 0.03, 0.05, 0.005, 0.02, 0.05, 0.15
_UNREACHED = 0.01
_MODELS = ("iPhone 15", "iPhone 13", "Galaxy S24", "Galaxy A54", "Pixel 9", "Fairphone 5", "Edge")
_ROLES = ("01.015", "30.000", "30.000", "17.000", "04.000", "01.010")
_DAY = 24 * 3600 * 1000

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Rows:
    """What one table is to have."""

    table: str
    columns: Sequence[str]
    each: Callable[[], Iterator[Row]]


def tables(of: Country, events: int) -> list[Rows]:
    """Return all that is filled, in an order in which each finds what it refers to."""
    now = to_milliseconds(NOW)
    return [
        Rows("organisation", ("ura", "name", "status", "registered_at"), partial(_places, of)),
        Rows(
            "client",
            ("id", "name", "jwks", "redirect_uris", "policy", "status", "created_at"),
            lambda: iter([(CLIENT, "HIS", '{"keys": []}', "[]", "{}", "active", now)]),
        ),
        Rows("client_organisation", ("client_id", "ura"), partial(_open_to, of)),
        Rows(
            "person",
            (
                *("id", "uzi_number", "first_names", "last_name", "name_key", "user_name"),
                *("status", "created_at"),
            ),
            partial(_people, of),
        ),
        Rows(
            "membership",
            (
                *("person_id", "ura", "role_code", "kind", "administrative_role"),
                *("valid_until", "created_at"),
            ),
            partial(_memberships, of),
        ),
        Rows("credential", _PHONE, partial(_phones, of)),
        Rows(
            "push_health",
            ("credential_id", "last_ok_at", "last_error_at", "last_error"),
            partial(_health, of),
        ),
        Rows(
            "member_listing",
            ("ura", "person_id", "listed_as", "found_by"),
            partial(_listings, of),
        ),
        Rows(
            "phone_listing",
            ("credential_id", "ura", "valid_until", *_STANDING),
            partial(_phone_listings, of),
        ),
        Rows(
            "person_workstation",
            (
                *("person_id", "client_id", "workstation_id", "workstation", "location"),
                "last_used_at",
            ),
            partial(_workstations, of),
        ),
        Rows("audit_event", EVENT, partial(_events, of, events)),
        Rows(
            "audit_chain",
            ("name", "sequence", "hash"),
            lambda: iter([(CHAIN, events, _hash(events))]),
        ),
        Rows(
            "audit_checkpoint",
            ("number", "made_at", "heads", "signature"),
            partial(_checkpoints, events),
        ),
    ]


EVENT = (
    *("chain", "sequence", "id", "time", "action", "actor", "object", "ura", "outcome"),
    *("evidence", "previous", "hash", "person", "credential", "workstation"),
)
_PHONE = (
    *("id", "person_id", "kind", "public_key", "sign_count", "aaguid", "attestation_format"),
    *("attestation_verdict", "backup_eligible", "backed_up", "acr", "platform", "model"),
    *("app_version", "status", "bound_by", "pairing_id", "device_token_digest", "bound_at"),
    *("expires_at", "last_used_at", "last_used_workstation", "name", "bound_ura"),
)
#: Of these what phones are found by, and what they are counted by.
_CALLED = ("name", "model")
_STANDING = ("status", "expires_at", "attestation_verdict", "backup_eligible")


def _places(of: Country) -> Iterator[Row]:
    for number in range(of.organisations):
        yield country.ura_of(number), f"Organisatie {number}", "active", to_milliseconds(NOW)


def _open_to(of: Country) -> Iterator[Row]:
    for number in range(of.organisations):
        yield CLIENT, country.ura_of(number)


def _people(of: Country) -> Iterator[Row]:
    for number in of.shuffled():
        first, last = country.name_of(number)
        yield (
            *(country.person_id_of(number), country.uzi_number_of(number), first, last),
            *(name_key(first, last), f"user{number}", "active", _born(number)),
        )


def _memberships(of: Country) -> Iterator[Row]:
    for number in of.shuffled():
        chance, made, place = _chance(number, "m"), _born(number), of.place(number)
        role = "administrator" if number == of.members(place).start else None
        code = _ROLES[int(chance.random() * len(_ROLES))]
        person = country.person_id_of(number)
        for ura, kind, until in _linked(of, number):
            yield person, ura, code, kind, role if kind == "employee" else None, until, made


def _linked(of: Country, number: int) -> Iterator[tuple[str, str, int | None]]:
    """Where somebody is a member, as what, and until when."""
    left = _born(number) + _DAY if has_left(of, number) else None
    yield country.ura_of(of.place(number)), "employee", left
    if (guest := _guest_of(of, number)) is not None:
        yield country.ura_of(guest), "guest", to_milliseconds(NOW) + 90 * _DAY


def has_left(of: Country, number: int) -> bool:
    """Tell whether a person works for their organisation no more."""
    is_first = number == of.members(of.place(number)).start
    return not is_first and _chance(number, "left").random() < _LEFT


def _guest_of(of: Country, number: int) -> int | None:
    chance = _chance(number, "g")
    if chance.random() > _GUESTS:
        return None
    there = int(of.organisations * chance.random())
    return None if there == of.place(number) else there


def _phones(of: Country) -> Iterator[Row]:
    for number in of.shuffled():
        yield from (_phone(of, number, place) for place in range(_phones_of(number)))


def _phones_of(number: int) -> int:
    return 1 + (_chance(number, "p").random() < _SECOND)


def _phone(of: Country, number: int, place: int) -> Row:
    chance = _chance(number, f"phone{place}")
    bound = to_milliseconds(NOW) - int(3 * 365 * _DAY * chance.random())
    identifier = country.phone_of(number) + "-2" * place
    standing = chance.random()
    status = "active"
    if standing < _BLOCKED + _REVOKED:
        status = "blocked" if standing < _BLOCKED else "revoked"
    name, model = _called(number, place)
    return (
        *(identifier, country.person_id_of(number), "phone", b"\xa5" * 77, 0),
        *("00000000-0000-0000-0000-000000000000", "none", "unknown", True, True),
        *("http://eidas.europa.eu/LoA/low", "other", model, "1.0", status, "uzi-pas"),
        *(f"pairing-{identifier}", None if status == "revoked" else f"token-{identifier}"),
        *(bound, bound + 3 * 365 * _DAY, bound, country.workstation_of(number), name),
        country.ura_of(of.place(number)),
    )


def _phone_listings(of: Country) -> Iterator[Row]:
    standing = [_PHONE.index(name) for name in _STANDING]
    for number in of.shuffled():
        for phone in (_phone(of, number, place) for place in range(_phones_of(number))):
            facts = [phone[place] for place in standing]
            for ura, _, until in _linked(of, number):
                yield phone[0], ura, until, *facts


def _health(of: Country) -> Iterator[Row]:
    for number in of.shuffled():
        chance, now = _chance(number, "h"), to_milliseconds(NOW)
        failed = now - _DAY if chance.random() < _UNREACHED else None
        for place in range(_phones_of(number)):
            yield country.phone_of(number) + "-2" * place, now - 2 * _DAY, failed, ""


def _called(number: int, place: int) -> tuple[str, str]:
    chance = _chance(number, f"called{place}")
    model = _MODELS[int(chance.random() * len(_MODELS))]
    is_named = chance.random() < _NAMED
    return (f"Werk {country.name_of(number)[0]}" if is_named else ""), model


def _listings(of: Country) -> Iterator[Row]:
    for number in of.shuffled():
        listed = member_listings.listed_as(*country.name_of(number))
        phones = (_phone(of, number, place) for place in range(_phones_of(number)))
        latest_first = sorted(phones, key=lambda phone: -phone[_PHONE.index("bound_at")])
        called = [
            phone[_PHONE.index(name)] for phone in latest_first for name in ("name", "model")
        ]
        by = member_listings.found_by(listed, filter(None, called))
        for ura, *_ in _linked(of, number):
            yield ura, country.person_id_of(number), listed, by


def _workstations(of: Country) -> Iterator[Row]:
    for number in of.shuffled():
        place = country.workstation_of(number)
        yield country.person_id_of(number), CLIENT, place, place, "Poli", to_milliseconds(NOW)


def _events(of: Country, count: int) -> Iterator[Row]:
    """Events in order of time, each filed as the server files it."""
    chance = Random(SEED)  # noqa: S311  (the same log each time)
    period = int(PERIOD.total_seconds() * 1000)
    first, before = to_milliseconds(NOW) - period, "0" * 64
    for number in range(1, count + 1):
        person = of.person_of_rank(int(of.people * chance.random() ** 2))
        kind = chance.choice(KINDS) if chance.random() < COMMON else chance.choice(RARE)
        at = first + period * number // count
        row = _event(number, at, kind, (of.place(person), person), before)
        yield row
        before = row[EVENT.index("hash")]


def _checkpoints(count: int) -> Iterator[Row]:
    """One a day, behind which an export begins; none of them is signed."""
    days = PERIOD.days
    for day in range(1, days + 1):
        last = count * day // days
        heads = json.dumps({CHAIN: {"sequence": last, "hash": _hash(last)}})
        yield day, to_milliseconds(NOW) - _DAY * (days - day), heads, f"signature-{day}"


def _event(number: int, at: int, kind: str, who: tuple[int, int], before: str) -> Row:
    organisation, person = who
    phone = country.phone_of(person)
    signed = {"workstation": country.workstation_of(person), "client": "HIS", "location": "Poli"}
    evidence: dict[str, Any] = {"credential": phone}
    actor, about = f"person:{country.person_id_of(person)}", f"auth-request:request-{number}"
    if kind == "AssertionIssued":
        actor, about = f"client:{CLIENT}", f"person:{country.person_id_of(person)}"
    elif kind == "AuthRequestApproved":
        evidence = {**evidence, "signed": signed, "assertion": "x" * 600}
    elif kind.startswith("Auth"):
        evidence, about = {**evidence, "shown": signed}, f"credential:{phone}"
    filed = filing(actor, about, evidence)
    made = _hash(number)
    text = str(evidence).replace("'", '"')
    return (
        *(CHAIN, number, made[:22], at, kind, actor, about, country.ura_of(organisation)),
        *("success", text, before, made, filed.person, filed.credential, filed.workstation),
    )


def _hash(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def _chance(number: int, what: str) -> Random:
    return Random(f"{SEED}{what}{number}")  # noqa: S311  (the same people each time)


def _born(number: int) -> int:
    return to_milliseconds(NOW) - _DAY * (number % 1500)


def fill(url: str, of: Country, events: int) -> None:
    """Fill a database, and index it after that."""
    filling = _fill_sqlite if url.startswith("sqlite") else _fill_postgresql
    filling(url, tables(of, events))


def _fill_sqlite(url: str, rows: Sequence[Rows]) -> None:
    file = Path(url.removeprefix("sqlite:///"))
    with closing(SqliteDriver(file).connect()) as connection:
        cursor = connection.cursor()
        for setting in ("synchronous = OFF", "cache_size = -400000", "foreign_keys = OFF"):
            cursor.execute(f"PRAGMA {setting}")
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE name LIKE 'ix_%'")
        indexes = cursor.fetchall()
        # Which index is taken is told by statistics, and these go with their index.
        cursor.execute("CREATE TEMP TABLE told AS SELECT * FROM sqlite_stat1")
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        for each in rows:
            cursor.execute("BEGIN")
            marks = ", ".join("?" * len(each.columns))
            into = f"INSERT INTO {each.table} ({', '.join(each.columns)})"
            cursor.executemany(f"{into} VALUES ({marks})", each.each())
            cursor.execute("COMMIT")
        for _, text in indexes:
            cursor.execute(text)
        cursor.execute("DELETE FROM sqlite_stat1")
        cursor.execute("INSERT INTO sqlite_stat1 SELECT * FROM told")


def _fill_postgresql(url: str, rows: Sequence[Rows]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        # Nor triggers: that all refers to something is seen to here.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '512MB'")
        found = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE 'ix\\_%'"
        ).fetchall()
        for name, _ in found:
            connection.execute(f"DROP INDEX {name}")
        for each in rows:
            columns = ", ".join(each.columns)
            with connection.cursor().copy(f"COPY {each.table} ({columns}) FROM STDIN") as to:
                for row in each.each():
                    to.write_row(row)
        for _, text in found:
            connection.execute(text)
        connection.execute("VACUUM ANALYZE")


def main(url: str, people: int = PEOPLE, events: int = EVENTS) -> None:
    """Fill a database, and say how long that took."""
    begun = time.perf_counter()
    fill(url, Country(people), events)
    print(f"{people:,} people and {events:,} events in {time.perf_counter() - begun:,.0f} s")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
