"""Finding people of an organisation by what somebody types in one field."""

import re
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from pairing_server.clock import to_milliseconds
from pairing_server.registry import Query, Row
from pairing_server.registry.names import last_name_key
from pairing_server.registry.tables import credential, membership, person

#: As many as a page shows.
LISTED = 50
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


_p, _m, _c = person.c, membership.c, credential.c
_members = (
    sa.select(_p.id, _p.first_names, _p.last_name, _p.uzi_number, _m.role_code, _m.kind)
    .select_from(membership.join(person, _p.id == _m.person_id))
    .where(
        _m.ura == sa.bindparam("for_ura"),
        sa.or_(_m.valid_until.is_(None), _m.valid_until > sa.bindparam("at")),
    )
    .order_by(_p.last_name, _p.first_names, _p.id)
    .limit(LISTED)
)
_by_number = _members.where(_p.uzi_number == sa.bindparam("number"))
#: By the name of a person, or of a phone of theirs: what they call it, its model, its key.
_by_text = _members.where(
    sa.or_(
        _p.name_key.like(sa.bindparam("name"), escape="\\"),
        sa.exists(
            sa.select(1)
            .select_from(credential)
            .where(
                _c.person_id == _p.id,
                sa.or_(
                    sa.func.lower(_c.name).like(sa.bindparam("device"), escape="\\"),
                    sa.func.lower(_c.model).like(sa.bindparam("device"), escape="\\"),
                    _c.id == sa.bindparam("key"),
                ),
            )
            .correlate(person)
        ),
    )
)


def find(tx: Query, ura: str, typed: str, at: datetime) -> list[FoundPerson]:
    """Return the members whom a text fits, by name, no more than `LISTED`.

    Args:
        typed: A UZI number, a part of a name, or what a phone is called; nothing finds everybody.
    """
    text, now = typed.strip(), to_milliseconds(at)
    if _UZI_NUMBER.fullmatch(text):
        rows = tx.all(_by_number, for_ura=ura, at=now, number=text)
    else:
        name = "%".join(last_name_key(text).translate(_ESCAPE).split())
        device = f"%{text.lower().translate(_ESCAPE)}%"
        rows = tx.all(_by_text, for_ura=ura, at=now, name=f"%{name}%", device=device, key=text)
    return [_found(row) for row in rows]


def _found(row: Row) -> FoundPerson:
    return FoundPerson(
        id=row["id"],
        name=f"{row['first_names']} {row['last_name']}",
        uzi_number=row["uzi_number"],
        role_code=row["role_code"],
        kind=row["kind"],
    )
