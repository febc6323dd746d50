"""Finding people of an organisation by what somebody types in one field, page by page."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from pairing_server.clock import to_milliseconds
from pairing_server.registry import Query, Row
from pairing_server.registry.names import search_key
from pairing_server.registry.people_tables import member_listing
from pairing_server.registry.tables import credential, membership, person

#: As many as a page shows.
LISTED = 50
#: More words than that are looked for as they stand.
WORDS = 6
_UZI_NUMBER = re.compile(r"[0-9]{9}", re.ASCII)
_ESCAPE = str.maketrans({"%": "\\%", "_": "\\_", "\\": "\\\\"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPerson:
    """Somebody who works for the organisation."""

    id: str
    name: str
    uzi_number: str | None
    role_code: str
    kind: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some of those whom a text fits.

    Attributes:
        is_last: Whether nobody comes after them.
    """

    people: list[FoundPerson]
    is_last: bool


_p, _m, _l, _c = person.c, membership.c, member_listing.c, credential.c
_holds = sa.or_(_m.valid_until.is_(None), _m.valid_until > sa.bindparam("at"))
_shown = (_p.id, _p.first_names, _p.last_name, _p.uzi_number, _m.role_code, _m.kind)
_members = (
    sa.select(*_shown)
    .select_from(person.join(membership, _m.person_id == _p.id))
    .where(_m.ura == sa.bindparam("for_ura"), _holds)
)
_by_number = _members.where(_p.uzi_number == sa.bindparam("number"))
_by_key = _members.where(
    _p.id
    == sa.select(_c.person_id)
    .where(_c.id == sa.bindparam("key"))
    .correlate(None)
    .scalar_subquery()
)
_place = sa.select(_l.listed_as).where(
    _l.ura == sa.bindparam("for_ura"), _l.person_id == sa.bindparam("of_person")
)


def find(
    tx: Query, ura: str, typed: str, at: datetime, after: str = "", limit: int = LISTED
) -> Page:
    """Return the members whom a text fits, in the order of their last names.

    Args:
        typed: A UZI number, a phone's key, or parts of a name or of what a phone is called;
            nothing finds everybody.
        after: Behind whom the page goes on: a person's id, for a name stands in no address.
    """
    text, now = typed.strip(), to_milliseconds(at)
    if "\0" in text + after:
        # PostgreSQL keeps none, and so nobody is called so.
        return Page([], is_last=True)
    if _UZI_NUMBER.fullmatch(text):
        return _alone(tx.all(_by_number, for_ura=ura, at=now, number=text))
    if text and (rows := tx.all(_by_key, for_ura=ura, at=now, key=text)):
        return _alone(rows)
    words = search_key(text).translate(_ESCAPE).split(maxsplit=WORDS - 1)
    place = tx.one(_place, for_ura=ura, of_person=after) if after else None
    rows = tx.all(
        _listed(len(words)),
        for_ura=ura,
        at=now,
        most=limit + 1,
        after_name="" if place is None else place["listed_as"],
        after_person="" if place is None else after,
        **{f"word_{number}": f"%{word}%" for number, word in enumerate(words)},
    )
    return Page([_found(row) for row in rows[:limit]], is_last=len(rows) <= limit)


@lru_cache(maxsize=WORDS + 1)
def _listed(words: int) -> sa.Select[Any]:
    """Return how those are read whom so many words fit: in the order of an index that has it all.

    Whether a membership holds is looked up of them alone.
    """
    place = sa.tuple_(_l.listed_as, _l.person_id)
    after = sa.tuple_(sa.bindparam("after_name", type_=sa.Text), sa.bindparam("after_person"))
    return (
        sa.select(*_shown)
        .select_from(
            member_listing.join(
                membership, sa.and_(_m.ura == _l.ura, _m.person_id == _l.person_id)
            ).join(person, _p.id == _l.person_id)
        )
        .where(
            _l.ura == sa.bindparam("for_ura"),
            place > after,
            *(
                _l.found_by.like(sa.bindparam(f"word_{number}"), escape="\\")
                for number in range(words)
            ),
            _holds,
        )
        .order_by(_l.listed_as, _l.person_id)
        .limit(sa.bindparam("most"))
    )


def _alone(rows: list[Row]) -> Page:
    return Page([_found(row) for row in rows], is_last=True)


def _found(row: Row) -> FoundPerson:
    return FoundPerson(
        id=row["id"],
        name=f"{row['first_names']} {row['last_name']}",
        uzi_number=row["uzi_number"],
        role_code=row["role_code"],
        kind=row["kind"],
    )
