"""The phone's own affairs: who it is, its tokens, its push address, its own end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from pairing_server.audit.events import DeviceTokenReplaced, PushAddressChanged
from pairing_server.errors import Conflict, Expired, InvalidRequest, NotFound, Unauthenticated
from pairing_server.keys.binding import tell
from pairing_server.keys.ceremony import (
    AuthenticationResponse,
    RelyingParty,
    VerifiedAssertion,
    evidence_of,
    verify_assertion,
)
from pairing_server.keys.credential import unbind_challenge
from pairing_server.keys.refusals import (
    InvalidAssertion,
    PhoneBlocked,
    PhoneExpired,
    SignCountRegressed,
)
from pairing_server.keys.status import PhoneStatusFlow, Reason, Told, nobody
from pairing_server.ports import Ports
from pairing_server.registry import (
    AlreadyExistsError,
    Query,
    Transaction,
    credentials,
    device_tokens,
)
from pairing_server.registry import people as people_table
from pairing_server.registry.credentials import Credential, CredentialStatus, Use
from pairing_server.registry.people import Person, PersonStatus
from pairing_server.registry.phone_notices import PhoneNoticeKind
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import b64url, b64url_decode, digest, new_id

#: Two answers that one phone sent at once can overtake each other on the way.  A copy that is
#: used within these seconds opens nothing either, and is found by the next use of either.
OVERTAKEN = timedelta(seconds=10)
#: By so many counts; an app signs one thing at a time.  Who uses a copy again and again, so that
#: the last use is never long ago, is found by this.
OVERTAKEN_BY = 3
TOKEN_CHALLENGE_LIFETIME = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class BoundPhone:
    """A phone that showed its device token, and whose it is."""

    credential: Credential
    person: Person
    token_digest: str


@dataclass(frozen=True, slots=True)
class TokenChallenge:
    """A challenge for a phone that lost its device token."""

    challenge: str
    expires_at: datetime


class PhoneFlow:
    """Steps of a bound phone."""

    def __init__(
        self,
        ports: Ports,
        rp: RelyingParty,
        status: PhoneStatusFlow,
        told: Told = nobody,
    ) -> None:
        """Build the flow.

        Args:
            told: Wakes the person's other phones.
        """
        self._told = told
        self._registry = ports.registry
        self._challenges = Shelf(ports.store, "token-challenge", TokenChallenge)
        self.rp = rp
        self._clock = ports.clock
        self._random = ports.random
        self._status = status

    async def authenticate(self, device_token: str) -> BoundPhone:
        """Return the phone that was bound with this device token.

        The first use of an announced token makes it the token and ends the one before.

        Raises:
            PhoneBlocked: it is blocked.
            PhoneExpired: its key is older than a key may become.
            Unauthenticated: no phone has this token, or its key was revoked.
        """
        token_digest = digest(device_token)

        def read(tx: Query) -> BoundPhone | None:
            credential = credentials.by_device_token(tx, token_digest)
            if credential is None:
                return None
            person = people_table.get_person(tx, credential.person_id)
            return None if person is None else BoundPhone(credential, person, token_digest)

        phone = await self._registry.read(read)
        if phone is None or phone.person.status is not PersonStatus.ACTIVE:
            raise Unauthenticated
        credential = phone.credential
        if credential.status is CredentialStatus.BLOCKED:
            raise PhoneBlocked
        if credential.status is not CredentialStatus.ACTIVE:
            raise Unauthenticated("not active")
        if not credential.is_active(self._clock()):
            raise PhoneExpired
        is_announced = token_digest == credential.next_device_token_digest
        if is_announced and not await self._registry.commit(lambda tx: _adopt(tx, phone)):
            # Another call of this phone was faster, or the token died meanwhile.
            return await self.authenticate(device_token)
        return phone

    async def verify(
        self, phone: BoundPhone, assertion: AuthenticationResponse, challenge: bytes
    ) -> VerifiedAssertion:
        """Verify that the phone's own key signed this challenge.

        Raises:
            InvalidAssertion: it did not.
            PhoneBlocked: it did, and its count did not grow: it is blocked now, for there may be
                a copy of the key.
        """
        async with self.suspecting(phone.credential):
            credential = phone.credential
            return verify_assertion(
                self.rp,
                assertion,
                challenge=challenge,
                credential_id=credential.id,
                public_key=credential.public_key,
                sign_count=credential.sign_count,
                backup_eligible=credential.backup_eligible,
            )

    @asynccontextmanager
    async def suspecting(self, credential: Credential) -> AsyncIterator[None]:
        """Block a key whose count turns out not to have grown, and raise the alarm.

        Args:
            credential: As it was before the signature was looked at.

        Raises:
            InvalidAssertion: another signature of the phone was used a moment ago: this one was
                overtaken on its way, and is refused without an alarm.
            PhoneBlocked: it did not grow.
        """
        try:
            yield
        except SignCountRegressed as error:
            used = credential.last_used_at
            is_recent = used is not None and self._clock() - used < OVERTAKEN
            if is_recent and error.behind <= OVERTAKEN_BY:
                raise InvalidAssertion(None, "overtaken by another signature") from error
            await self._status.suspect(credential.id)
            raise PhoneBlocked from error

    async def announce_device_token(self, phone: BoundPhone, device_token: str) -> None:
        """Announce the token that is to follow; the old one lives until the new one's first use.

        Raises:
            Conflict: a phone has this token already.
            Unauthenticated: the phone's own token died meanwhile.
        """
        announced = digest(device_token)

        def change(tx: Transaction) -> None:
            if _still_bound(tx, phone).next_device_token_digest != announced:
                device_tokens.announce(tx, phone.credential.id, announced)

        try:
            await self._registry.commit(change)
        except AlreadyExistsError as error:
            raise Conflict("device token in use") from error

    async def set_push(self, phone: BoundPhone, service: str | None, address: str | None) -> None:
        """Take a new push address, or none.

        Raises:
            Unauthenticated: the phone's token died meanwhile.
        """

        def change(tx: Transaction) -> None:
            known = _still_bound(tx, phone)
            if (known.push_service, known.push_address) == (service, address):
                return
            credentials.set_push(tx, phone.credential.id, service, address)
            tx.record(
                PushAddressChanged(
                    actor=f"person:{phone.person.id}",
                    object=f"credential:{phone.credential.id}",
                    ura=phone.credential.bound_ura,
                    evidence={"service": service},
                )
            )

        await self._registry.commit(change)

    async def unbind(self, phone: BoundPhone, assertion: AuthenticationResponse) -> None:
        """Revoke the phone's own key, by the key's own signature.

        Raises:
            InvalidAssertion: the key did not sign this.
        """
        credential = phone.credential
        await self.verify(phone, assertion, unbind_challenge(credential.id))
        await self._status.revoke(
            credential.id,
            f"person:{phone.person.id}",
            Reason.UNBOUND,
            assertion=evidence_of(assertion),
        )

    async def challenge_for_token(self) -> tuple[str, str]:
        """Draw a challenge for a phone that lost its device token: its id and the challenge."""
        identifier, challenge = new_id(self._random), b64url(self._random(32))
        issued = TokenChallenge(challenge, self._clock() + TOKEN_CHALLENGE_LIFETIME)
        await self._challenges.create(identifier, issued, TOKEN_CHALLENGE_LIFETIME)
        return identifier, challenge

    async def replace_device_token(
        self, identifier: str, assertion: AuthenticationResponse, device_token: str
    ) -> None:
        """Give a phone the token that it drew, by its key's signature; the old token dies.

        Raises:
            Expired: the challenge is too old.
            InvalidAssertion: no active key signed this challenge.
            InvalidRequest: a phone has this token already.
            NotFound: the challenge is unknown or was used.
            PhoneBlocked: the key is blocked.
        """
        issued = await self.take_challenge(identifier)
        phone = await self.phone_of(assertion.id)
        credential = phone.credential
        verified = await self.verify(phone, assertion, b64url_decode(issued))
        if credential.status is CredentialStatus.BLOCKED:
            raise PhoneBlocked

        def change(tx: Transaction) -> None:
            now = self._clock()
            person = people_table.get_person(tx, credential.person_id)
            if person is None or person.status is not PersonStatus.ACTIVE:
                raise InvalidAssertion(None, "the person is closed")
            if not credential.is_active(now) or not credentials.record_use(
                tx, credential.id, signed_use(verified, now)
            ):
                raise InvalidAssertion(None, "not active, or the sign count did not grow")
            tell(tx, credential, PhoneNoticeKind.TOKEN_REPLACED, now)
            device_tokens.replace(tx, credential.id, digest(device_token))
            tx.record(
                DeviceTokenReplaced(
                    actor=f"person:{credential.person_id}",
                    object=f"credential:{credential.id}",
                    ura=credential.bound_ura,
                    evidence={"by": "key"},
                )
            )

        try:
            await self._registry.commit(change)
        except AlreadyExistsError as error:
            raise InvalidRequest("Draw a new device token.") from error
        await self._told(credential, PhoneNoticeKind.TOKEN_REPLACED)

    async def take_challenge(self, identifier: str) -> str:
        """Spend a challenge that was drawn for a phone without a token.

        Raises:
            Expired: it is too old.
            NotFound: it is unknown or was used.
        """
        issued = await self._challenges.take(identifier)
        if issued is None:
            raise NotFound
        if self._clock() >= issued.expires_at:
            raise Expired
        return issued.challenge

    async def phone_of(self, credential_id: str) -> BoundPhone:
        """Return a phone by its key, of whose signature the caller then makes sure.

        Raises:
            InvalidAssertion: there is no such key.
        """

        def read(tx: Query) -> BoundPhone | None:
            credential = credentials.get(tx, credential_id)
            if credential is None:
                return None
            person = people_table.get_person(tx, credential.person_id)
            return None if person is None else BoundPhone(credential, person, "")

        phone = await self._registry.read(read)
        if phone is None:
            raise InvalidAssertion(None, "unknown credential")
        return phone


def signed_use(verified: VerifiedAssertion, now: datetime) -> Use:
    """Return what is written down of a signature that logged in nowhere."""
    return Use(at=now, sign_count=verified.sign_count, backed_up=verified.backed_up)


def record_signed_use(
    tx: Transaction, phone: BoundPhone, verified: VerifiedAssertion, now: datetime
) -> None:
    """Write down a signature of a phone that is active, in the commit of what it signed.

    Raises:
        InvalidAssertion: another signature with this count was faster.
        PhoneBlocked: the phone was cut off meanwhile.
    """
    credential = credentials.get_for_update(tx, phone.credential.id)
    if credential is None or not credential.is_active(now):
        raise PhoneBlocked
    if not credentials.record_use(tx, credential.id, signed_use(verified, now)):
        raise InvalidAssertion(None, "sign count did not grow")


def _adopt(tx: Transaction, phone: BoundPhone) -> bool:
    """Let the announced token follow at its first use; returns whether this call did it."""
    credential = phone.credential
    is_adopted = device_tokens.adopt(tx, credential.id, phone.token_digest)
    if is_adopted:
        # Whoever holds a stolen token can do this, and must not do it unseen.
        tx.record(
            DeviceTokenReplaced(
                actor=f"person:{phone.person.id}",
                object=f"credential:{credential.id}",
                ura=credential.bound_ura,
                evidence={"by": "rotation"},
            )
        )
    return is_adopted


def _still_bound(tx: Transaction, phone: BoundPhone) -> Credential:
    """Return the phone's credential as it is now.

    A thief whose stolen token dies while the body of his call is still under way must not plant
    another one: what a token may write is decided in the commit.

    Raises:
        Unauthenticated: the token has died, or the key with it.
    """
    credential = credentials.get_for_update(tx, phone.credential.id)
    if (
        credential is None
        or credential.status is not CredentialStatus.ACTIVE
        or phone.token_digest != credential.device_token_digest
    ):
        raise Unauthenticated("not active")
    return credential
