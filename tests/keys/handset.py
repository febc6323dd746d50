"""People, and phones that are bound to them in the registry, without a server in between."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from clients.authenticator import Authenticator
from clients.client_data import HONEST, Twist
from pairing_server.keys.ceremony import (
    AuthenticationResponse,
    RegistrationResponse,
    RelyingParty,
    creation_options,
    verify_registration,
)
from pairing_server.registry import Registry, credentials, organisations, people
from pairing_server.registry.credentials import Credential, CredentialKind, CredentialStatus
from pairing_server.registry.organisations import Organisation, OrganisationStatus
from pairing_server.registry.people import Membership, MembershipKind, Person, PersonStatus
from pairing_server.tokens import digest, new_id, new_secret

ORIGIN = "http://localhost:8080"
RP = RelyingParty("localhost", [ORIGIN])
URA = "90000382"
CHALLENGE = bytes(range(32))


def registration(
    authenticator: Authenticator,
    twist: Twist = HONEST,
    *,
    challenge: bytes = CHALLENGE,
    origin: str = ORIGIN,
) -> RegistrationResponse:
    """Make a key as a phone does that got these options."""
    options = creation_options(
        RP, challenge=challenge, user_id=b"u" * 32, user_name="jansen", display_name="Jan Jansen"
    )
    return msgspec.convert(authenticator.create(options, origin, twist), RegistrationResponse)


@dataclass
class Handset:
    """A phone in somebody's hand."""

    authenticator: Authenticator
    credential_id: str
    device_token: str

    def sign(self, challenge: bytes, twist: Twist = HONEST) -> AuthenticationResponse:
        """Answer a challenge."""
        made = self.authenticator.get(challenge, RP.id, ORIGIN, twist)
        return msgspec.convert(made, AuthenticationResponse)


async def add_person(registry: Registry, now: datetime, uzi_number: str = "900001234") -> Person:
    """Register somebody who works for an organisation of their own."""
    person = Person(
        id=new_id(secrets.token_bytes),
        uzi_number=uzi_number,
        first_names="Jan",
        last_name="Jansen",
        birth_digest="digest-of-a-date",
        user_name=uzi_number,
        status=PersonStatus.ACTIVE,
        created_at=now,
    )
    organisation = Organisation(
        ura=URA, name="Zorginstelling 03", status=OrganisationStatus.ACTIVE, registered_at=now
    )
    membership = Membership(
        person_id=person.id,
        ura=URA,
        role_code="01.015",
        kind=MembershipKind.EMPLOYEE,
        administrative_role=None,
        valid_until=None,
        created_at=now,
    )
    if await registry.read(lambda tx: organisations.get(tx, URA)) is None:
        await registry.commit(lambda tx: organisations.add(tx, organisation))
    await registry.commit(lambda tx: people.add_person(tx, person))
    await registry.commit(lambda tx: people.put_membership(tx, membership))
    return person


async def close_person(registry: Registry, person: Person) -> None:
    """Close a person."""
    closed = replace(person, status=PersonStatus.CLOSED)
    await registry.commit(lambda tx: people.update_person(tx, closed))


async def add_handset(
    registry: Registry, person: Person, now: datetime, **changed: Any
) -> Handset:
    """Bind a new phone, without a pairing."""
    authenticator = Authenticator()
    key = verify_registration(RP, registration(authenticator), CHALLENGE)
    handset = Handset(authenticator, key.credential_id, new_secret(secrets.token_bytes))
    credential = Credential(
        id=key.credential_id,
        person_id=person.id,
        kind=CredentialKind.PHONE,
        public_key=key.public_key,
        sign_count=key.sign_count,
        aaguid=key.aaguid,
        attestation_format=key.attestation_format,
        attestation_verdict=key.attestation_verdict,
        backup_eligible=key.backup_eligible,
        backed_up=key.backed_up,
        acr="http://eidas.europa.eu/LoA/low",
        platform="other",
        model="",
        app_version="",
        status=CredentialStatus.ACTIVE,
        bound_by="uzi-pas",
        pairing_id=new_id(secrets.token_bytes),
        device_token_digest=digest(handset.device_token),
        next_device_token_digest=None,
        push_service=None,
        push_address=None,
        bound_at=now,
        expires_at=now + timedelta(days=365),
        last_used_at=None,
        last_used_workstation=None,
    )
    bound = replace(credential, **changed)
    await registry.commit(lambda tx: credentials.add(tx, bound))
    return handset


class MeanwhileRegistry:
    """A Registry that lets another step in between what was read and the next commit, once.

    Attributes:
        stalled: Whether it has happened: assert it, or the test shows nothing.
    """

    def __init__(self, registry: Registry, meanwhile: Any) -> None:
        self._registry = registry
        self._meanwhile = meanwhile
        self.stalled = False

    async def read(self, query: Any) -> Any:
        """Run a query."""
        return await self._registry.read(query)

    async def commit(self, change: Any) -> Any:
        """Run a change, after the other step."""
        if not self.stalled:
            self.stalled = True
            await self._meanwhile()
        return await self._registry.commit(change)
