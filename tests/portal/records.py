"""A card, and a record that could be its holder's: of an operator, without a UZI number."""

from datetime import UTC, date, datetime

from pairing_server.portal.birth_date import BirthDates
from pairing_server.registry.organisations import Organisation, OrganisationStatus
from pairing_server.registry.people import Membership, MembershipKind, Person, PersonStatus
from pairing_server.uzi.certificate import Card

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
