"""Renewal: a new key on the same phone, which the old one signs for and then ends."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pairing_server.errors import Expired, NotFound
from pairing_server.keys import status
from pairing_server.keys.binding import Binding, bind, vouched_acr
from pairing_server.keys.ceremony import (
    AuthenticationResponse,
    RegistrationResponse,
    evidence_of,
    verify_registration,
)
from pairing_server.keys.credential import NewKey
from pairing_server.keys.flow import BoundPhone, PhoneFlow, record_signed_use
from pairing_server.keys.offer import KeyOffers
from pairing_server.keys.policy import KeyPolicy
from pairing_server.keys.refusals import CredentialExists
from pairing_server.keys.status import PhoneStatusFlow, Reason
from pairing_server.phones.details import RENEWAL, challenge, renewal_details
from pairing_server.ports import Ports
from pairing_server.registry import AlreadyExistsError, Transaction, people
from pairing_server.registry.credentials import Credential
from pairing_server.registry.phone_notices import PhoneNoticeKind
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import b64url, b64url_decode, new_id

RENEWAL_LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """A new key that is awaited from the phone with the credential that it replaces.

    Attributes:
        challenge, user_id: Of the ceremony that makes the new key; base64url.
        nonce: What the old key signs with.
    """

    id: str
    credential: str
    challenge: str
    user_id: str
    nonce: str
    expires_at: datetime


class RenewalFlow:
    """Let a phone make a new key, and put it in the place of the old one."""

    def __init__(
        self, ports: Ports, phones: PhoneFlow, statuses: PhoneStatusFlow, policy: KeyPolicy
    ) -> None:
        """Build the flow.

        Args:
            policy: The server's, for organisations that have none of their own.
        """
        self._renewals = Shelf(ports.store, "renewal", Renewal)
        self._clock = ports.clock
        self._random = ports.random
        self._phones = phones
        self._statuses = statuses
        self._policy = policy
        self._offers = KeyOffers(ports.registry, phones.rp, policy)

    async def key_options(self, phone: BoundPhone, renewal: Renewal) -> dict[str, Any]:
        """Return what the phone makes its new key with (WebAuthn Level 3 section 5.4)."""
        return await self._offers.options(
            ura=phone.credential.bound_ura,
            challenge=renewal.challenge,
            user_id=renewal.user_id,
            user_name=phone.person.user_name,
            display_name=phone.person.name,
        )

    async def begin(self, phone: BoundPhone) -> Renewal:
        """Draw what the new key is made with."""
        renewal = Renewal(
            id=new_id(self._random),
            credential=phone.credential.id,
            challenge=b64url(self._random(32)),
            user_id=b64url(self._random(32)),
            nonce=new_id(self._random),
            expires_at=self._clock() + RENEWAL_LIFETIME,
        )
        await self._renewals.create(renewal.id, renewal, RENEWAL_LIFETIME)
        return renewal

    async def complete(
        self,
        phone: BoundPhone,
        renewal_id: str,
        response: RegistrationResponse,
        assertion: AuthenticationResponse,
    ) -> Credential:
        """Bind the new key and end the old one, in one commit.

        The device token, the push address, the phone's name and its being woken first go over.

        Raises:
            AttestationNotAccepted: the organisation does not take such a key.
            CredentialExists: the new key is bound already.
            Expired: the time is over.
            InvalidAssertion: the old key did not sign for the new one; nothing is spent.
            InvalidCredential: the new key does not verify; nothing is spent.
            NotFound: unknown, used, or another phone's.
            PhoneBlocked: the phone was cut off meanwhile.
        """
        stored = await self._renewals.get(renewal_id)
        if stored is None or stored.value.credential != phone.credential.id:
            raise NotFound
        renewal = stored.value
        if self._clock() >= renewal.expires_at:
            raise Expired
        issued = b64url_decode(renewal.challenge)
        # Some milliseconds, of a stranger's choosing.
        key = await asyncio.to_thread(verify_registration, self._phones.rp, response, issued)
        signed = renewal_details(
            renewal=renewal.id,
            credential=phone.credential.id,
            new_credential=key.credential_id,
            nonce=renewal.nonce,
        )
        verified = await self._phones.verify(phone, assertion, challenge(RENEWAL, signed))
        if await self._renewals.take(renewal_id) is None:
            raise NotFound
        evidence: dict[str, object] = {"signed": signed, "assertion": evidence_of(assertion)}
        made: list[Credential] = []

        def renew(tx: Transaction, now: datetime) -> Credential:
            record_signed_use(tx, phone, verified, now)
            bound = replace_key(tx, phone, key, renewal.id, self._policy, now, evidence)
            made[:] = [bound]
            return bound

        try:
            await self._statuses.apply(renew, PhoneNoticeKind.RENEWED)
        except AlreadyExistsError as error:
            raise CredentialExists from error
        return made[0]


def replace_key(  # noqa: PLR0913, PLR0917  (what a key is bound by)
    tx: Transaction,
    phone: BoundPhone,
    key: NewKey,
    origin: str,
    policy: KeyPolicy,
    now: datetime,
    evidence: dict[str, object],
) -> Credential:
    """Revoke a phone's key and bind its successor on the same phone, in this transaction.

    Raises:
        as `keys.binding.bind`.
    """
    old = status.revoke(
        tx, phone.credential.id, f"person:{phone.person.id}", now, Reason.REPLACED, evidence
    )
    binding = Binding(
        origin=origin,
        person_id=old.person_id,
        key=key,
        platform=old.platform,
        model=old.model,
        app_version=old.app_version,
        # As it was at the commit: a rotation meanwhile counts.
        device_token_digest=old.device_token_digest,
        push_service=old.push_service,
        push_address=old.push_address,
        acr=vouched_acr(tx, old, policy),
        bound_by=old.bound_by,
        ura=old.bound_ura,
        name=old.name,
        replaces=old.id,
        only_ura=old.only_ura,
    )
    shown = {"renewal": origin, "replaces": old.id, **evidence}
    bound = bind(tx, binding, policy, now, kind=PhoneNoticeKind.RENEWED, evidence=shown)
    if phone.person.default_phone == old.id:
        people.set_default_phone(tx, old.person_id, bound.id)
    return bound
