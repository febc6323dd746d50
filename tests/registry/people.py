"""A person with a phone, in an organisation."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pairing_server.registry import credentials, organisations, people
from pairing_server.registry.credentials import Credential, CredentialKind, CredentialStatus
from pairing_server.registry.organisations import Organisation, OrganisationStatus
from pairing_server.registry.people import (
    AdministrativeRole,
    Membership,
    MembershipKind,
    Person,
    PersonStatus,
)

NOW = datetime(2026, 11, 22, 12, 0, 0, 123000, tzinfo=UTC)

ORGANISATION = Organisation(
    ura="12345678", name="Praktijk", status=OrganisationStatus.ACTIVE, registered_at=NOW
)
PERSON = Person(
    id="person-1",
    uzi_number="123456789",
    first_names="Saskia Maria",
    last_name="de Boer",
    birth_digest="digest-of-a-date",
    user_name="sdeboer",
    status=PersonStatus.ACTIVE,
    created_at=NOW,
)
COLLEAGUE = replace(
    PERSON, id="person-2", uzi_number=None, birth_digest=None, user_name="colleague"
)
MEMBERSHIP = Membership(
    person_id=PERSON.id,
    ura=ORGANISATION.ura,
    role_code="01.015",
    kind=MembershipKind.EMPLOYEE,
    administrative_role=AdministrativeRole.ADMINISTRATOR,
    valid_until=NOW + timedelta(days=1),
    created_at=NOW,
)
CREDENTIAL = Credential(
    id="credential-1",
    person_id=PERSON.id,
    kind=CredentialKind.PHONE,
    public_key=b"\x00\xffkey",
    sign_count=0,
    aaguid="00000000-0000-0000-0000-000000000000",
    attestation_format="none",
    attestation_verdict="unknown",
    backup_eligible=True,
    backed_up=False,
    acr="http://eidas.europa.eu/LoA/low",
    platform="android",
    model="Pixel 9",
    app_version="1.0",
    status=CredentialStatus.ACTIVE,
    bound_by="uzi",
    pairing_id="pairing-1",
    device_token_digest="token-1",
    next_device_token_digest=None,
    push_service="fcm",
    push_address="address-1",
    bound_at=NOW,
    expires_at=NOW + timedelta(days=3 * 365),
    last_used_at=None,
    last_used_workstation=None,
)
OTHER_CREDENTIAL = replace(
    CREDENTIAL,
    id="credential-2",
    pairing_id="pairing-2",
    device_token_digest="token-2",
    bound_at=NOW + timedelta(hours=1),
)


def add_everybody(tx):
    organisations.add(tx, ORGANISATION)
    people.add_person(tx, PERSON)
    people.add_person(tx, COLLEAGUE)
    people.put_membership(tx, MEMBERSHIP)
    credentials.add(tx, CREDENTIAL)
