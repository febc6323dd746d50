"""People and their memberships of organisations."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Row, Transaction, member_listings, phone_listings
from pairing_server.registry.moments import milliseconds, moment
from pairing_server.registry.names import name_key
from pairing_server.registry.tables import membership as membership_table
from pairing_server.registry.tables import person as person_table


class PersonStatus(StrEnum):
    """Whether the person can log in at all."""

    ACTIVE = "active"
    CLOSED = "closed"


class MembershipKind(StrEnum):
    """How the person works for the organisation."""

    EMPLOYEE = "employee"
    GUEST = "guest"


class AdministrativeRole(StrEnum):
    """What the person may do in the administrator's portal."""

    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"
    SERVICE_DESK = "service_desk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A health professional.

    Attributes:
        uzi_number: Nine digits; absent until a card has been shown.
        birth_digest: The date of birth under a key of the server (`portal.birth_date`); absent
            until the person gave it.
        default_phone: The credential that is woken, where the person chose one.
        signed_out_at: When their browser sessions were last ended: each one knows the moment that
            stood here as it was opened, and is over when another does.
    """

    id: str
    uzi_number: str | None
    first_names: str
    last_name: str
    birth_digest: str | None
    user_name: str
    status: PersonStatus
    created_at: datetime
    default_phone: str | None = None
    signed_out_at: datetime | None = None

    @property
    def name(self) -> str:
        """First names and last name."""
        return f"{self.first_names} {self.last_name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """What a person is in an organisation.

    Attributes:
        role_code: As on the UZI-pas, the last one that was shown.
        other_role_codes: Those that the person may choose instead, each once.
    """

    person_id: str
    ura: str
    role_code: str
    kind: MembershipKind
    administrative_role: AdministrativeRole | None
    valid_until: datetime | None
    created_at: datetime
    other_role_codes: tuple[str, ...] = ()

    @property
    def role_codes(self) -> tuple[str, ...]:
        """All roles, first the one that is offered first."""
        return (self.role_code, *self.other_role_codes)

    def in_role(self, role_code: str) -> "Membership | None":
        """Return the membership with one of its roles in the first place; `None` if it is none."""
        return self.with_role(role_code) if role_code in self.role_codes else None

    def with_role(self, role_code: str) -> "Membership":
        """Return the membership with a role, new or not, in the first place."""
        others = tuple(each for each in self.role_codes if each != role_code)
        return replace(self, role_code=role_code, other_role_codes=others)

    def is_valid(self, at: datetime) -> bool:
        """Whether the membership holds; its last moment is the one before `valid_until`."""
        return self.valid_until is None or at < self.valid_until


_p, _m = person_table.c, membership_table.c
#: What is set by acts of their own, lest who changes a name undoes one.
_OF_THEIR_OWN = ("default_phone", "signed_out_at", "email")
_insert_person = sa.insert(person_table).values(
    {
        column: sa.bindparam(column.name)
        for column in person_table.c
        if column.name not in _OF_THEIR_OWN
    }
)
_update_person = (
    sa.update(person_table)
    .where(_p.id == sa.bindparam("key"))
    .values(
        {
            column: sa.bindparam(column.name)
            for column in person_table.c
            if column.name not in ("id", "created_at", *_OF_THEIR_OWN)
        }
    )
)
_set_default_phone = (
    sa.update(person_table)
    .where(_p.id == sa.bindparam("key"))
    .values(default_phone=sa.bindparam("phone"))
)
_sign_out = (
    sa.update(person_table)
    .where(_p.id == sa.bindparam("key"))
    .values(
        # Never the same one twice: a session opened between two in one millisecond would stay.
        signed_out_at=sa.case(
            (_p.signed_out_at >= sa.bindparam("at"), _p.signed_out_at + 1),
            else_=sa.bindparam("at"),
        )
    )
)
_person_by_id = sa.select(person_table).where(_p.id == sa.bindparam("id"))
_person_for_share = _person_by_id.with_for_update(read=True)
_person_for_update = _person_by_id.with_for_update(key_share=True)
_person_by_uzi_number = sa.select(person_table).where(_p.uzi_number == sa.bindparam("uzi_number"))
_person_by_uzi_number_for_update = _person_by_uzi_number.with_for_update()
_person_by_user_name = sa.select(person_table).where(_p.user_name == sa.bindparam("user_name"))
_namesakes = (
    sa.select(person_table)
    .join(membership_table, _m.person_id == _p.id)
    .where(
        _p.name_key == sa.bindparam("name_key"),
        _p.uzi_number.is_(None),
        _p.status == PersonStatus.ACTIVE.value,
        _m.ura == sa.bindparam("ura"),
        sa.or_(_m.valid_until.is_(None), _m.valid_until > sa.bindparam("at")),
    )
    .order_by(_p.id)
)
_of_name = (
    sa.select(person_table)
    .join(membership_table, _m.person_id == _p.id)
    .where(
        _p.name_key == sa.bindparam("name_key"),
        _p.status == PersonStatus.ACTIVE.value,
        _m.ura == sa.bindparam("ura"),
    )
    .order_by(_p.id)
)
_namesakes_for_update = _namesakes.with_for_update()
_insert_membership = sa.insert(membership_table)
_update_membership = (
    sa.update(membership_table)
    .where(_m.person_id == sa.bindparam("person"), _m.ura == sa.bindparam("organisation"))
    .values(
        {
            column: sa.bindparam(column.name)
            for column in membership_table.c
            if column.name not in ("person_id", "ura", "created_at")
        }
    )
)
_memberships = (
    sa.select(membership_table).where(_m.person_id == sa.bindparam("person_id")).order_by(_m.ura)
)
_membership = _memberships.where(_m.ura == sa.bindparam("ura"))
_membership_for_share = _membership.with_for_update(read=True)
_membership_for_update = _membership.with_for_update()


def add_person(tx: Transaction, person: Person) -> None:
    """Register a person.

    Raises:
        AlreadyExistsError: the UZI number or the user name is another person's.
    """
    tx.run(
        _insert_person,
        id=person.id,
        created_at=to_milliseconds(person.created_at),
        **_changeable(person),
    )


def update_person(tx: Transaction, person: Person) -> bool:
    """Write who a person is.  Returns whether there is such a person.

    Raises:
        AlreadyExistsError: the UZI number or the user name is another person's.
    """
    if not tx.run(_update_person, key=person.id, **_changeable(person)):
        return False
    member_listings.refresh(tx, person.id)
    return True


def set_default_phone(tx: Transaction, person_id: str, credential_id: str | None) -> None:
    """Choose the phone that is woken, or let all be woken."""
    tx.run(_set_default_phone, key=person_id, phone=credential_id)


def sign_out(tx: Transaction, person_id: str, at: datetime) -> None:
    """End every browser session that the person opened until now."""
    tx.run(_sign_out, key=person_id, at=to_milliseconds(at))


def get_person(tx: Query, person_id: str) -> Person | None:
    """Return the person."""
    return _person(tx.one(_person_by_id, id=person_id))


def get_person_for_share(tx: Transaction, person_id: str) -> Person | None:
    """Return the person, who then stays what they are until this commit."""
    return _person(tx.one(_person_for_share, id=person_id))


def get_person_for_update(tx: Transaction, person_id: str) -> Person | None:
    """Return the person, whom nobody else changes until this commit."""
    return _person(tx.one(_person_for_update, id=person_id))


def by_uzi_number(tx: Query, uzi_number: str) -> Person | None:
    """Return the person with that UZI number."""
    return _person(tx.one(_person_by_uzi_number, uzi_number=uzi_number))


def by_uzi_number_for_update(tx: Transaction, uzi_number: str) -> Person | None:
    """Return the person with that UZI number, whom nobody else changes until this commit."""
    return _person(tx.one(_person_by_uzi_number_for_update, uzi_number=uzi_number))


def namesakes(tx: Query, ura: str, first_names: str, last_name: str, at: datetime) -> list[Person]:
    """Return the active people of that name, in that organisation, who have no UZI number yet."""
    return _people_named(tx, _namesakes, ura, name_key(first_names, last_name), at)


def namesakes_for_update(
    tx: Transaction, ura: str, first_names: str, last_name: str, at: datetime
) -> list[Person]:
    """Return the same people, whom nobody else changes until this commit."""
    return _people_named(tx, _namesakes_for_update, ura, name_key(first_names, last_name), at)


def of_name(tx: Query, ura: str, first_names: str, last_name: str) -> list[Person]:
    """Return everybody of that name who was ever linked to the organisation."""
    key = name_key(first_names, last_name)
    return [person_of(row) for row in tx.all(_of_name, ura=ura, name_key=key)]


def by_user_name(tx: Query, user_name: str) -> Person | None:
    """Return the person with that user name, exactly so spelled."""
    return _person(tx.one(_person_by_user_name, user_name=user_name))


def put_membership(tx: Transaction, membership: Membership) -> None:
    """Write a membership in the place of what there was; its `created_at` stays the first one."""
    facts = {
        "role_code": membership.role_code,
        "other_role_codes": json.dumps(membership.other_role_codes),
        "kind": membership.kind,
        "administrative_role": membership.administrative_role,
        "valid_until": milliseconds(membership.valid_until),
    }
    if not tx.run(
        _update_membership, person=membership.person_id, organisation=membership.ura, **facts
    ):
        tx.run(
            _insert_membership,
            person_id=membership.person_id,
            ura=membership.ura,
            created_at=to_milliseconds(membership.created_at),
            **facts,
        )
        member_listings.refresh(tx, membership.person_id)
    phone_listings.refresh(tx, membership.person_id)


def memberships(tx: Query, person_id: str) -> list[Membership]:
    """Return all memberships of a person, also those that are over."""
    return [membership_of(row) for row in tx.all(_memberships, person_id=person_id)]


def membership(tx: Query, person_id: str, ura: str) -> Membership | None:
    """Return a person's membership of an organisation, also when it is over."""
    row = tx.one(_membership, person_id=person_id, ura=ura)
    return None if row is None else membership_of(row)


def membership_for_share(tx: Transaction, person_id: str, ura: str) -> Membership | None:
    """Return a person's membership, which then stays what it is until this commit."""
    row = tx.one(_membership_for_share, person_id=person_id, ura=ura)
    return None if row is None else membership_of(row)


def membership_for_update(tx: Transaction, person_id: str, ura: str) -> Membership | None:
    """Return a person's membership, which nobody else changes until this commit."""
    row = tx.one(_membership_for_update, person_id=person_id, ura=ura)
    return None if row is None else membership_of(row)


def _people_named(
    tx: Query, statement: sa.Executable, ura: str, key: str, at: datetime
) -> list[Person]:
    rows = tx.all(statement, ura=ura, name_key=key, at=to_milliseconds(at))
    return [person_of(row) for row in rows]


def _changeable(person: Person) -> dict[str, Any]:
    return {
        "uzi_number": person.uzi_number,
        "first_names": person.first_names,
        "last_name": person.last_name,
        "name_key": name_key(person.first_names, person.last_name),
        "birth_digest": person.birth_digest,
        "user_name": person.user_name,
        "status": person.status,
    }


def _person(row: Row | None) -> Person | None:
    return None if row is None else person_of(row)


def person_of(row: Row) -> Person:
    """Read a person from their row."""
    return Person(
        id=row["id"],
        uzi_number=row["uzi_number"],
        first_names=row["first_names"],
        last_name=row["last_name"],
        birth_digest=row["birth_digest"],
        user_name=row["user_name"],
        status=PersonStatus(row["status"]),
        created_at=from_milliseconds(row["created_at"]),
        default_phone=row["default_phone"],
        signed_out_at=moment(row["signed_out_at"]),
    )


def membership_of(row: Row) -> Membership:
    """Read a membership from its row."""
    role = row["administrative_role"]
    return Membership(
        person_id=row["person_id"],
        ura=row["ura"],
        role_code=row["role_code"],
        kind=MembershipKind(row["kind"]),
        administrative_role=None if role is None else AdministrativeRole(role),
        valid_until=moment(row["valid_until"]),
        created_at=from_milliseconds(row["created_at"]),
        other_role_codes=tuple(json.loads(row["other_role_codes"])),
    )
