"""What those are called whom events mention."""

import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from pairing_server.audit.chain import Facts
from pairing_server.audit.filing import filing
from pairing_server.audit.nen7513 import Directory, Known
from pairing_server.registry import Query, Row
from pairing_server.registry.people_tables import person_alias
from pairing_server.registry.tables import client, credential, membership, organisation, person


def directory_of(tx: Query, events: Iterable[Facts], ura: str | None = None) -> Directory:
    """Look up the names in some events, all of a kind at once.

    Args:
        ura: Whose roles the people are shown with.
    """
    named = {name for facts in events for name in _mentioned(facts)}
    phones = _rows(tx, _phones, _of(named, "credential"))
    ids = _of(named, "person") | {row["person_id"] for row in phones}
    return Directory(
        people=_people_of(tx, ids, ura),
        phones={row["id"]: row["name"] or row["model"] or row["platform"] for row in phones},
        clients=_names(tx, _clients, _of(named, "client")),
        organisations=_names(tx, _organisations, _of(named, "organisation")),
    )


_ids: sa.BindParameter[list[str]] = sa.bindparam("ids", expanding=True)
_phones = sa.select(
    credential.c.id,
    credential.c.person_id,
    credential.c.name,
    credential.c.model,
    credential.c.platform,
).where(credential.c.id.in_(_ids))
_aliases = sa.select(person_alias.c.id, person_alias.c.person_id).where(
    person_alias.c.id.in_(_ids)
)
_people = (
    sa.select(
        person.c.id,
        person.c.first_names,
        person.c.last_name,
        person.c.uzi_number,
        membership.c.role_code,
    )
    .select_from(
        person.outerjoin(
            membership,
            sa.and_(
                membership.c.person_id == person.c.id,
                membership.c.ura == sa.bindparam("with_ura", type_=sa.Text),
            ),
        )
    )
    .where(person.c.id.in_(_ids))
)
_clients = sa.select(client.c.id, client.c.name).where(client.c.id.in_(_ids))
_organisations = sa.select(organisation.c.ura.label("id"), organisation.c.name).where(
    organisation.c.ura.in_(_ids)
)


def _mentioned(facts: Facts) -> Iterable[str]:
    evidence: dict[str, Any] = json.loads(facts.evidence)
    filed = filing(facts.actor, facts.object, evidence)
    yield from (facts.actor, facts.object, f"organisation:{facts.ura}")
    yield from (f"person:{filed.person}", f"credential:{filed.credential}")
    yield f"client:{evidence.get('client')}"


def _of(named: Iterable[str], kind: str) -> set[str]:
    found = (name.partition(":") for name in named)
    return {name for of, _, name in found if of == kind and "\0" not in name}


def _people_of(tx: Query, ids: set[str], ura: str | None) -> dict[str, Known]:
    merged = {row["id"]: row["person_id"] for row in _rows(tx, _aliases, ids)}
    now = {name: merged.get(name, name) for name in ids}
    known = {row["id"]: _known(row) for row in _rows(tx, _people, {*now.values()}, with_ura=ura)}
    return {name: known[current] for name, current in now.items() if current in known}


def _known(row: Row) -> Known:
    name = f"{row['first_names']} {row['last_name']}"
    if row["role_code"] is None:
        # Of who never worked there it is said who they are, and nothing that they are known by.
        return Known(name)
    return Known(name, row["uzi_number"] or "", row["role_code"])


def _names(tx: Query, statement: sa.Select[Any], ids: set[str]) -> dict[str, str]:
    return {row["id"]: row["name"] for row in _rows(tx, statement, ids)}


def _rows(tx: Query, statement: sa.Select[Any], ids: set[str], **values: Any) -> list[Row]:
    return tx.all(statement, ids=sorted(ids), **values) if ids else []
