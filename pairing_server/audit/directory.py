"""What those are called whom events mention."""

import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from pairing_server.audit.chain import Facts
from pairing_server.audit.filing import filing
from pairing_server.audit.nen7513 import Directory, Known
from pairing_server.registry import Query, aliases, credentials, people
from pairing_server.registry.tables import client, membership, organisation


def directory_of(tx: Query, events: Iterable[Facts], ura: str | None = None) -> Directory:
    """Look up the names in some events.

    Args:
        ura: Whose roles the people are shown with.
    """
    named = {name for facts in events for name in _mentioned(facts)}
    phones = {
        name: found
        for name in _of(named, "credential")
        if (found := credentials.get(tx, name)) is not None
    }
    ids = _of(named, "person") | {phone.person_id for phone in phones.values()}
    return Directory(
        people={name: known for name in ids if (known := _known(tx, name, ura)) is not None},
        phones={name: phone.device_name for name, phone in phones.items()},
        clients=_names(tx, _clients, _of(named, "client")),
        organisations=_names(tx, _organisations, _of(named, "organisation")),
    )


_clients = sa.select(client.c.id, client.c.name).where(
    client.c.id.in_(sa.bindparam("ids", expanding=True))
)
_organisations = sa.select(organisation.c.ura.label("id"), organisation.c.name).where(
    organisation.c.ura.in_(sa.bindparam("ids", expanding=True))
)
_role = sa.select(membership.c.role_code).where(
    membership.c.person_id == sa.bindparam("person"), membership.c.ura == sa.bindparam("ura")
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


def _known(tx: Query, person_id: str, ura: str | None) -> Known | None:
    now = aliases.resolve(tx, person_id)
    person = people.get_person(tx, now)
    if person is None:
        return None
    role = tx.one(_role, person=now, ura=ura) if ura else None
    return Known(person.name, person.uzi_number or "", role["role_code"] if role else "")


def _names(tx: Query, statement: sa.Select[Any], ids: set[str]) -> dict[str, str]:
    if not ids:
        return {}
    return {row["id"]: row["name"] for row in tx.all(statement, ids=sorted(ids))}
