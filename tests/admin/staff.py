"""An organisation with an administrator, an operator and people, and what was written of them."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from admin.actor import Actor, Role
from pairing_server.portal.birth_date import BirthDates
from pairing_server.registry import credentials, organisations, people
from pairing_server.registry.organisations import Organisation, OrganisationStatus
from pairing_server.registry.people import (
    AdministrativeRole,
    Membership,
    MembershipKind,
    Person,
    PersonStatus,
)
from pairing_server.registry.tables import audit_event
from tests.registry.people import CREDENTIAL

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
BIRTHS = BirthDates(b"k" * 32)
BORN = date(1980, 1, 31)
OURS = Organisation(
    ura="90000001", name="Praktijk", status=OrganisationStatus.ACTIVE, registered_at=NOW
)
THEIRS = replace(OURS, ura="90000002", name="Elders")


def person(name, uzi_number=None, **changed):
    made = Person(
        id=name,
        uzi_number=uzi_number,
        first_names=name.capitalize(),
        last_name="de Boer",
        birth_digest=BIRTHS.digest(name, BORN),
        user_name=f"{name}.deboer",
        status=PersonStatus.ACTIVE,
        created_at=NOW,
    )
    return replace(made, **changed)


def member(name, role=None, ura=OURS.ura, **changed):
    made = Membership(
        person_id=name,
        ura=ura,
        role_code="01.015",
        kind=MembershipKind.EMPLOYEE,
        administrative_role=role,
        valid_until=None,
        created_at=NOW,
    )
    return replace(made, **changed)


ANNE = person("anne", "900000001")
OTTO = person("otto", "900000002")
NINA = person("nina", "900000003")
IVO = person("ivo")
#: Who works elsewhere.
ELS = person("els", "900000004")
GUEST_UNTIL = NOW + timedelta(days=30)


def fill(tx):
    for organisation in (OURS, THEIRS):
        organisations.add(tx, organisation)
    for each in (ANNE, OTTO, NINA, IVO, ELS):
        people.add_person(tx, each)
    people.put_membership(tx, member("anne", AdministrativeRole.ADMINISTRATOR))
    people.put_membership(tx, member("otto", AdministrativeRole.OPERATOR))
    people.put_membership(tx, member("nina"))
    people.put_membership(tx, member("nina", ura=THEIRS.ura))
    people.put_membership(tx, member("ivo"))
    people.put_membership(tx, member("els", AdministrativeRole.ADMINISTRATOR, THEIRS.ura))


def actor(role=Role.ADMINISTRATOR, name="anne", *, age=timedelta(0), ura=OURS.ura, now=NOW):
    return Actor(role=role, ura=ura, person_id=name, client_id=None, authenticated_at=now - age)


ADMINISTRATOR = actor()
OPERATOR = actor(Role.OPERATOR, "otto")
DESK = actor(Role.SERVICE_DESK, "otto")


def add_phone(tx, name, **changed):
    phone = replace(
        CREDENTIAL,
        id=f"phone-of-{name}",
        person_id=name,
        pairing_id=f"pairing-of-{name}",
        device_token_digest=f"token-of-{name}",
    )
    credentials.add(tx, replace(phone, **changed))


async def put(registry, *memberships):
    def change(tx):
        for each in memberships:
            people.put_membership(tx, each)

    await registry.commit(change)


async def membership_of(registry, name, ura=OURS.ura):
    return await registry.read(lambda tx: people.membership(tx, name, ura))


async def person_of(registry, name):
    return await registry.read(lambda tx: people.get_person(tx, name))


async def written(registry):
    """Return the audit log: what was done to whom, and with what evidence."""
    rows = await registry.read(
        lambda tx: tx.all(sa.select(audit_event).order_by(audit_event.c.sequence))
    )
    return [
        (row["action"], row["actor"], row["object"], row["ura"], json.loads(row["evidence"]))
        for row in rows
    ]


async def actions(registry):
    return [action for action, *_ in await written(registry)]
