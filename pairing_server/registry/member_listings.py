"""Under what the members of an organisation are listed and found, kept beside what it is made of.

Whoever changes a name, a membership or a phone calls `refresh` in the same commit.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from pairing_server.registry import Transaction
from pairing_server.registry.names import search_key
from pairing_server.registry.tables import credential, person

#: Characters, which may be four octets each: an entry of PostgreSQL's index holds 2,704.
MOST_LISTED, MOST_FOUND = 100, 400

_p, _c = person.c, credential.c
# One after the other: else of two who add a phone at once neither lists that of the other.
_name = (
    sa.select(_p.first_names, _p.last_name)
    .where(_p.id == sa.bindparam("of_person"))
    .with_for_update(key_share=True)
)
_phones = (
    sa.select(_c.name, _c.model)
    .where(_c.person_id == sa.bindparam("of_person"))
    .order_by(_c.bound_at.desc(), _c.id)
)
_put = sa.text(
    "INSERT INTO member_listing (ura, person_id, listed_as, found_by)"
    " SELECT ura, person_id, :listed_as, :found_by FROM membership WHERE person_id = :of_person"
    " ON CONFLICT (ura, person_id) DO UPDATE"
    " SET listed_as = excluded.listed_as, found_by = excluded.found_by"
)


def refresh(tx: Transaction, person_id: str) -> None:
    """List a person anew wherever they are or were a member."""
    named = tx.one(_name, of_person=person_id)
    if named is None:
        return
    phones = [
        text
        for row in tx.all(_phones, of_person=person_id)
        for text in (row["name"], row["model"])
        if text
    ]
    as_listed = listed_as(named["first_names"], named["last_name"])
    by = found_by(as_listed, phones)
    tx.run(_put, of_person=person_id, listed_as=as_listed, found_by=by)


def listed_as(first_names: str, last_name: str) -> str:
    """Return what members are listed in the order of: the last name first."""
    return f"{search_key(last_name)}\n{search_key(first_names)}"[:MOST_LISTED]


def found_by(as_listed: str, phones: Iterable[str]) -> str:
    """Return all in which is looked for what somebody types.

    Args:
        phones: What they are called, those first that count most: what is too much is left out.
    """
    return "\n".join([as_listed, *map(search_key, phones)])[:MOST_FOUND]
