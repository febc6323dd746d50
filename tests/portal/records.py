"""A card, and a record that could be its holder's: of an operator, without a UZI number."""

from dataclasses import replace
from datetime import UTC, date, datetime

import sqlalchemy as sa

from clients.card_profile import Holder
from pairing_server.portal.birth_date import BirthDates
from pairing_server.registry import people
from pairing_server.registry.organisations import Organisation, OrganisationStatus
from pairing_server.registry.people import (
    AdministrativeRole,
    Membership,
    MembershipKind,
    Person,
    PersonStatus,
)
from pairing_server.registry.tables import membership, person
from pairing_server.uzi.certificate import Card
from tests.house import DATE_OF_BIRTH

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BORN = date(1980, 1, 31)
BIRTHS = BirthDates(b"k" * 32)
CARD = Card(
    uzi_number="900001234",
    card_type="Z",
    ura="90000382",
    role_code="01.015",
    agb_code="00000000",
    oid_ca="2.16.528.1.1007.99.217",
    first_names="Jan",
    last_name="Jansen",
    title=None,
    organisation_name="Zorg",
    not_valid_after=datetime(2028, 1, 1, tzinfo=UTC),
    serial_number="1f",
)
ORGANISATION = Organisation(
    ura=CARD.ura, name="Zorg", status=OrganisationStatus.ACTIVE, registered_at=NOW
)
PERSON = Person(
    id="person-1",
    uzi_number=None,
    first_names="Jan",
    last_name="Jansen",
    birth_digest=BIRTHS.digest("person-1", BORN),
    user_name="jjansen",
    status=PersonStatus.ACTIVE,
    created_at=NOW,
)
MEMBERSHIP = Membership(
    person_id=PERSON.id,
    ura=CARD.ura,
    role_code="00.000",
    kind=MembershipKind.EMPLOYEE,
    administrative_role=None,
    valid_until=None,
    created_at=NOW,
)
MANAGER = Holder(uzi_number="900004321", first_names="Bea", last_name="Beheerder")


async def add_person(house, person_id="person-1", born=DATE_OF_BIRTH, role=None, **changed):
    """Register the holder as an operator does, without a card."""
    births = BirthDates(house.stores.birth_date_key)
    known = Person(
        id=person_id,
        uzi_number=None,
        first_names=" JAN",
        last_name="jansen",
        birth_digest=births.digest(person_id, date.fromisoformat(born)),
        user_name=person_id,
        status=PersonStatus.ACTIVE,
        created_at=house.ports.clock(),
    )
    member = Membership(
        person_id=person_id,
        ura=house.holder.ura,
        role_code="00.000",
        kind=MembershipKind.EMPLOYEE,
        administrative_role=role,
        valid_until=None,
        created_at=house.ports.clock(),
    )

    def change(tx):
        people.add_person(tx, replace(known, **changed))
        people.put_membership(tx, member)

    await house.registry.commit(change)


async def managed(house):
    """Return a page of the organisation's administrator."""
    page = await house.registered(MANAGER)
    administrator = {"administrative_role": AdministrativeRole.ADMINISTRATOR.value}
    await house.registry.commit(
        lambda tx: tx.run(
            sa.update(membership)
            .where(
                membership.c.person_id
                == sa.select(person.c.id)
                .where(person.c.uzi_number == MANAGER.uzi_number)
                .scalar_subquery()
            )
            .values(administrator)
        )
    )
    return page
