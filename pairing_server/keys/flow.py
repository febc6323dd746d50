"""The phone's own affairs: who it is, its tokens, its push address, its own end."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from pairing_server.audit.events import DeviceTokenReplaced
from pairing_server.errors import Conflict, InvalidRequest, NotFound, Unauthenticated
from pairing_server.keys.ceremony import (
    AuthenticationResponse,
    RelyingParty,
    verify_assertion,
)
from pairing_server.keys.refusals import InvalidAssertion, PhoneBlocked
from pairing_server.keys.status import PhoneStatusFlow
from pairing_server.ports import Ports
from pairing_server.registry import AlreadyExistsError, Query, Transaction, credentials
from pairing_server.registry import people as people_table
from pairing_server.registry.credentials import Credential, CredentialStatus
from pairing_server.registry.people import Person, PersonStatus
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import b64url, b64url_decode, digest, new_id

UNBIND_CONTEXT = b"pairing_server/unbind/v1\n"
TOKEN_CHALLENGE_LIFETIME = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class BoundPhone:
    """A phone that showed its device token, and whose it is."""

    credential: Credential
    person: Person


@dataclass(frozen=True, slots=True)
class TokenChallenge:
    """A challenge for a phone that lost its device token."""

    challenge: str


def unbind_challenge(credential_id: str) -> bytes:
    """Return what a phone signs to unbind itself (design section 6)."""
    return hashlib.sha256(UNBIND_CONTEXT + credential_id.encode()).digest()


class PhoneFlow:
    """Steps of a bound phone."""

    def __init__(
        self,
        ports: Ports,
        rp: RelyingParty,
        status: PhoneStatusFlow,
    ) -> None:
        self._registry = ports.registry
        self._challenges = Shelf(ports.store, "token-challenge", TokenChallenge)
        self._rp = rp
        self._clock = ports.clock
        self._random = ports.random
        self._status = status

    async def authenticate(self, device_token: str) -> BoundPhone:
        """Return the phone that was bound with this device token.

        The first use of an announced token makes it the token and ends the one before.

        Raises:
            PhoneBlocked: it is blocked.
            Unauthenticated: no phone has this token, or its key was revoked or has expired.
        """
        token_digest = digest(device_token)

        def read(tx: Query) -> BoundPhone | None:
            credential = credentials.by_device_token(tx, token_digest)
            if credential is None:
                return None
            person = people_table.get_person(tx, credential.person_id)
            return None if person is None else BoundPhone(credential, person)

        phone = await self._registry.read(read)
        if phone is None or phone.person.status is not PersonStatus.ACTIVE:
            raise Unauthenticated
        credential = phone.credential
        if credential.status is CredentialStatus.BLOCKED:
            raise PhoneBlocked
        if (
            credential.status is not CredentialStatus.ACTIVE
            or credential.expires_at <= self._clock()
        ):
            raise Unauthenticated("not active")
        if token_digest == credential.next_device_token_digest:
            await self._registry.commit(
                lambda tx: credentials.adopt_device_token(tx, credential.id, token_digest)
            )
        return phone

    async def announce_device_token(self, phone: BoundPhone, device_token: str) -> None:
        """Announce the token that is to follow; the old one lives until the new one's first use.

        Raises:
            Conflict: a phone has this token already.
        """
        try:
            await self._registry.commit(
                lambda tx: credentials.announce_device_token(
                    tx, phone.credential.id, digest(device_token)
                )
            )
        except AlreadyExistsError as error:
            raise Conflict("device token in use") from error

    async def set_push(self, phone: BoundPhone, service: str | None, address: str | None) -> None:
        """Take a new push address, or none."""
        await self._registry.commit(
            lambda tx: credentials.set_push(tx, phone.credential.id, service, address)
        )

    async def unbind(self, phone: BoundPhone, assertion: AuthenticationResponse) -> None:
        """Revoke the phone's own key, by the key's own signature.

        Raises:
            InvalidAssertion: the key did not sign this.
        """
        credential = phone.credential
        verify_assertion(
            self._rp,
            assertion,
            challenge=unbind_challenge(credential.id),
            credential_id=credential.id,
            public_key=credential.public_key,
            sign_count=credential.sign_count,
        )
        await self._status.revoke(credential.id, f"person:{phone.person.id}")

    async def challenge_for_token(self) -> tuple[str, str]:
        """Draw a challenge for a phone that lost its device token: its id and the challenge."""
        identifier, challenge = new_id(self._random), b64url(self._random(32))
        await self._challenges.create(
            identifier, TokenChallenge(challenge), TOKEN_CHALLENGE_LIFETIME
        )
        return identifier, challenge

    async def replace_device_token(
        self, identifier: str, assertion: AuthenticationResponse, device_token: str
    ) -> None:
        """Give a phone the token that it drew, by its key's signature; the old token dies.

        Raises:
            InvalidAssertion: no active key signed this challenge.
            NotFound: the challenge is unknown or was used.
        """
        issued = await self._challenges.take(identifier)
        if issued is None:
            raise NotFound
        credential = await self._registry.read(lambda tx: credentials.get(tx, assertion.id))
        if credential is None:
            raise InvalidAssertion(None, "unknown credential")
        verified = verify_assertion(
            self._rp,
            assertion,
            challenge=b64url_decode(issued.challenge),
            credential_id=credential.id,
            public_key=credential.public_key,
            sign_count=credential.sign_count,
        )
        if credential.status is CredentialStatus.BLOCKED:
            raise PhoneBlocked

        def change(tx: Transaction) -> None:
            now = self._clock()
            if credential.expires_at <= now or not credentials.record_use(
                tx, credential.id, verified.sign_count, now, None
            ):
                raise InvalidAssertion(None, "not active, or the sign count did not grow")
            credentials.replace_device_token(tx, credential.id, digest(device_token))
            tx.record(
                DeviceTokenReplaced(
                    actor=f"person:{credential.person_id}", object=f"credential:{credential.id}"
                )
            )

        try:
            await self._registry.commit(change)
        except AlreadyExistsError as error:
            raise InvalidRequest("Draw a new device token.") from error
