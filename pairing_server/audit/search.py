"""Finding events: newest first, page by page, each filter by an index of its own.

A page goes on behind an event and not after a number of them, so that the thousandth page costs
what the first does, and no event is shown twice or missed while the log grows.
"""

import heapq
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from itertools import islice
from typing import Any

import sqlalchemy as sa

from pairing_server.audit.chain import Entry, entry_of
from pairing_server.clock import to_milliseconds
from pairing_server.registry import Query
from pairing_server.registry.tables import audit_event

#: Events of a page.
PAGE = 50
#: What an organisation is told of its members' phones also when it happened at another one: that
#: it did, and when, which the procedure for a lost phone goes by.
ELSEWHERE = frozenset(
    {
        "AuthRequestApproved",
        "AuthRequestDenied",
        "AuthenticatorBound",
        "AuthenticatorBlocked",
        "AuthenticatorUnblocked",
        "AuthenticatorRevoked",
        "CloneSuspected",
        "DeviceTokenReplaced",
        "TransferRefused",
    }
)
_LAST = 2**63 - 1
_HASH = re.compile(r"[0-9a-f]{64}")


class Scope(Enum):
    """Whose events may be found."""

    #: Those of one organisation.
    OWN = "own"
    #: Those, and of the phones of a member also what `ELSEWHERE` names.
    MEMBER = "member"
    #: All: a person's own.
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Place:
    """An event's place in the order in which events are listed.

    The hash tells apart what happened in one millisecond, under one number of two chains.
    """

    time: int
    sequence: int
    hash: str

    def __str__(self) -> str:
        """Write it as it rides in a URL."""
        return f"{self.time}.{self.sequence}.{self.hash}"

    @classmethod
    def read(cls, text: str) -> "Place | None":
        """Read what was written; `None` for anything else."""
        time, _, rest = text.partition(".")
        sequence, _, entry_hash = rest.partition(".")
        if not (_is_number(time) and _is_number(sequence) and _HASH.fullmatch(entry_hash)):
            return None
        return cls(int(time), int(sequence), entry_hash)


#: Before the newest event there is.
NEWEST = Place(_LAST, _LAST, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for.

    Attributes:
        ura: The organisation for which is looked.
        people: A person's id, and those of records that became theirs.
        uzi_number: That person's, under which their card is an actor.
        credentials: Phones; with a person, theirs.
        actions: Kinds of event; any of them.
        until: The first moment that is too late.
    """

    scope: Scope = Scope.OWN
    ura: str | None = None
    people: tuple[str, ...] = ()
    uzi_number: str | None = None
    credentials: tuple[str, ...] = ()
    workstation: str | None = None
    actions: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def actors(self) -> list[str]:
        """As whom the person acts."""
        people = [f"person:{person}" for person in self.people]
        return [*people, f"uzi:{self.uzi_number}"] if self.uzi_number else people


@dataclass(frozen=True, slots=True)
class Found:
    """An event that was found.

    Attributes:
        is_elsewhere: It happened at another organisation, which keeps the rest to itself.
    """

    entry: Entry
    is_elsewhere: bool

    @property
    def place(self) -> Place:
        """Where the list goes on behind it."""
        facts = self.entry.facts
        return Place(facts.time, facts.sequence, self.entry.hash)


def find(tx: Query, search: Search, before: Place = NEWEST, limit: int = PAGE) -> list[Found]:
    """Return the newest events before a place; fewer than `limit` where there are no more."""
    lists = [
        tx.all(_statement(*path, search.scope), **_values(search, before, limit), **values)
        for path, values in _paths(search)
    ]
    merged = heapq.merge(*lists, key=_order, reverse=True)
    return [
        Found(entry_of(row), search.scope is Scope.MEMBER and row["ura"] not in {search.ura, None})
        for row in islice(_once(merged), limit)
    ]


def one(tx: Query, event_id: str) -> Entry | None:
    """Return the event of that id."""
    row = tx.one(_by_id, id=event_id)
    return None if row is None else entry_of(row)


_c = audit_event.c
_by_id = sa.select(audit_event).where(_c.id == sa.bindparam("id"))
_Path = tuple[tuple[str, ...], bool]


def _paths(search: Search) -> Iterator[tuple[_Path, dict[str, Any]]]:
    """Tell by which columns the events are reached, and what they have to be there."""
    kinds: dict[str, Any] = {"actions": list(search.actions)} if search.actions else {}
    of_actions = bool(kinds)
    by_place = ("workstation",) if search.workstation else ()
    if not search.people and not search.credentials:
        if search.workstation or not search.actions:
            yield (("ura", *by_place), of_actions), kinds
            return
        for action in search.actions:
            yield (("ura", "action"), False), {"action": action}
        return
    for actor in search.actors:
        yield (("actor", *by_place), of_actions), {"actor": actor, **kinds}
    for person in search.people:
        yield (("person", *by_place), of_actions), {"person": person, **kinds}
    for credential in search.credentials:
        yield (("credential", *by_place), of_actions), {"credential": credential, **kinds}


@lru_cache(maxsize=128)
def _statement(equal: tuple[str, ...], of_actions: bool, scope: Scope) -> sa.Select[Any]:  # noqa: FBT001
    time, sequence, entry_hash = _c.time, _c.sequence, _c.hash
    at: sa.BindParameter[int] = sa.bindparam("at")
    number: sa.BindParameter[int] = sa.bindparam("number")
    conditions: list[sa.ColumnElement[bool]] = [
        *(_c[name] == sa.bindparam(name) for name in equal),
        time >= sa.bindparam("since"),
        time < sa.bindparam("until"),
        # For the index; what follows tells apart events of one millisecond.
        time <= at,
        sa.or_(
            time < at,
            sequence < number,
            sa.and_(sequence == number, entry_hash < sa.bindparam("before_hash")),
        ),
    ]
    if of_actions:
        conditions.append(_c.action.in_(sa.bindparam("actions", expanding=True)))
    own = _c.ura == sa.bindparam("ura")
    if scope is Scope.OWN and "ura" not in equal:
        conditions.append(own)
    if scope is Scope.MEMBER and "ura" not in equal:
        conditions.append(sa.or_(own, _c.action.in_(sorted(ELSEWHERE))))
    return (
        sa.select(audit_event)
        .where(*conditions)
        .order_by(time.desc(), sequence.desc(), entry_hash.desc())
        .limit(sa.bindparam("most"))
    )


def _values(search: Search, before: Place, limit: int) -> dict[str, Any]:
    return {
        "ura": search.ura,
        "workstation": search.workstation,
        "since": 0 if search.since is None else to_milliseconds(search.since),
        "until": _LAST if search.until is None else to_milliseconds(search.until),
        "at": before.time,
        "number": before.sequence,
        "before_hash": before.hash,
        "most": limit,
    }


def _order(row: Any) -> tuple[int, int, str]:
    return row["time"], row["sequence"], row["hash"]


def _once(rows: Iterable[Any]) -> Iterator[Any]:
    last = None
    for row in rows:
        if row["id"] != last:
            yield row
        last = row["id"]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < len(str(_LAST))
