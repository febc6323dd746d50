"""The steps of a transfer between the new phone, the server and the old phone."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from pairing_server.audit.events import Outcome, TransferRefused
from pairing_server.errors import NotFound, Refusal
from pairing_server.keys import status
from pairing_server.keys.binding import Binding, bind, policy_of, vouched_acr
from pairing_server.keys.ceremony import (
    AuthenticationResponse,
    RegistrationResponse,
    VerifiedAssertion,
    evidence_of,
    verify_registration,
)
from pairing_server.keys.credential import NewKey
from pairing_server.keys.flow import BoundPhone, PhoneFlow, record_signed_use
from pairing_server.keys.identity import Identity
from pairing_server.keys.offer import KeyOffers
from pairing_server.keys.policy import KeyPolicy, check_accepted
from pairing_server.keys.refusals import CredentialExists
from pairing_server.keys.status import PhoneStatusFlow, Reason
from pairing_server.phones import transfer as rules
from pairing_server.phones.details import TRANSFER, challenge
from pairing_server.phones.refusals import TransferClosed, WrongTransferCode
from pairing_server.phones.transfer import Claim, Device, Status, Transfer
from pairing_server.ports import Ports
from pairing_server.push import PushAddress
from pairing_server.registry import (
    AlreadyExistsError,
    Query,
    Transaction,
    credentials,
    organisations,
    people,
)
from pairing_server.registry.credentials import Credential
from pairing_server.registry.phone_notices import PhoneNoticeKind
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import b64url, b64url_decode, digest, draw_digits, new_id, new_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the old phone says: the code as typed, whether its own key ends, its signature."""

    code: str
    revoke: bool
    assertion: AuthenticationResponse


class TransferFlow:
    """Offer, claim, prove, answer."""

    def __init__(
        self, ports: Ports, phones: PhoneFlow, statuses: PhoneStatusFlow, policy: KeyPolicy
    ) -> None:
        """Build the flow.

        Args:
            policy: The server's, for organisations that have none of their own.
        """
        self._registry = ports.registry
        self._store = ports.store
        self._transfers = Shelf(ports.store, "transfer", Transfer)
        self._clock = ports.clock
        self._random = ports.random
        self._phones = phones
        self._statuses = statuses
        self._policy = policy
        self._offers = KeyOffers(ports.registry, phones.rp, policy)

    async def key_options(self, transfer: Transfer) -> dict[str, Any] | None:
        """Return what the new phone makes its key with, once the old one has scanned."""
        if transfer.status is not Status.CLAIMED or transfer.identity is None:
            return None
        return await self._offers.options(
            ura=transfer.identity.ura,
            challenge=transfer.challenge,
            user_id=transfer.user_id,
            user_name=transfer.user_name,
            display_name=transfer.identity.name,
        )

    async def offer(self, device_token: str, device: Device) -> tuple[Transfer, str]:
        """Offer a new phone a transfer.  Returns it, and the secret of its link."""
        secret = new_secret(self._random)
        transfer = Transfer(
            id=new_id(self._random),
            status=Status.OFFERED,
            token_digest=digest(device_token),
            secret_digest=digest(secret),
            device=device,
            code=draw_digits(self._random, rules.CODE_DIGITS),
            nonce=new_id(self._random),
            challenge=b64url(self._random(32)),
            user_id=b64url(self._random(32)),
            expires_at=self._clock() + rules.TRANSFER_LIFETIME,
        )
        await self._transfers.create(transfer.id, transfer, rules.TRANSFER_LIFETIME)
        return transfer, secret

    async def claim(self, phone: BoundPhone, transfer_id: str, secret: str) -> Transfer:
        """Let the old phone have the transfer that it scanned.

        Raises:
            Expired: the time is over.
            NotFound: unknown, the secret is wrong, or another phone was first.
            TransferClosed: it has ended.
        """
        by = Claim(
            secret_digest=digest(secret),
            credential_id=phone.credential.id,
            person_id=phone.person.id,
            user_name=phone.person.user_name,
            identity=await self._registry.read(lambda tx: _identity(tx, phone)),
        )
        now = self._clock()
        return await self._change(transfer_id, lambda transfer: rules.claim(transfer, by, now))

    async def prove(
        self,
        transfer_id: str,
        device_token: str,
        response: RegistrationResponse,
        push: PushAddress | None,
    ) -> Transfer:
        """Verify the key that the new phone made, and keep it until the old one has signed.

        Raises:
            AttestationNotAccepted: the organisation does not take such a key.
            CredentialExists: the key is bound already.
            Expired: the time is over.
            InvalidCredential: the key does not verify.
            NotFound: unknown, or another phone's transfer.
            TransferClosed: nobody has scanned yet, a key was taken, or it has ended.
        """
        now, token = self._clock(), digest(device_token)
        transfer = await self._get(transfer_id)
        rules.check_claimed(transfer, token, now)
        issued = b64url_decode(transfer.challenge)
        # Some milliseconds, of a stranger's choosing.
        key = await asyncio.to_thread(verify_registration, self._phones.rp, response, issued)

        def check(tx: Query) -> None:
            old = credentials.get(tx, transfer.claimed_by or "")
            ura = None if old is None else old.bound_ura
            check_accepted(policy_of(tx, ura, self._policy), key)
            if credentials.get(tx, key.credential_id):
                raise CredentialExists

        await self._registry.read(check)
        address = None if push is None else (push.service.value, push.address)
        return await self._change(
            transfer_id, lambda held: rules.prove(held, token, key, address, now)
        )

    async def approve(self, phone: BoundPhone, transfer_id: str, answer: Answer) -> None:
        """Take the old phone's yes: the signature first, then the code, then the registry.

        Raises:
            CredentialExists: the new key or its device token was bound meanwhile.
            Expired: the time is over.
            InvalidAssertion: the old phone's key did not sign this; nothing is counted.
            NotFound: unknown, or another phone's transfer.
            PhoneBlocked: the old phone was cut off meanwhile.
            TooManyPhones: the person has as many as they may.
            TransferClosed: there is no key yet, or it has ended; or it was done by an answer
                that left the old key, which this one ends.
            WrongTransferCode: well signed, but the wrong code; an attempt is gone.
        """
        now, credential_id = self._clock(), phone.credential.id
        transfer = await self._get(transfer_id)
        submitted = digest(msgspec.json.encode([credential_id, answer]).decode())
        if transfer.status is Status.DONE and transfer.answered == submitted:
            return
        key = rules.check_answerable(transfer, credential_id, now)
        signed = rules.signed_details(
            transfer, credential_id, key, answer.code, revoke=answer.revoke
        )
        verified = await self._phones.verify(phone, answer.assertion, challenge(TRANSFER, signed))
        transfer = await self._change(
            transfer_id,
            lambda held: rules.type_code(held, credential_id, answer.code, submitted, now),
        )
        if transfer.answered != submitted:
            if transfer.status is Status.REFUSED:
                await self._record_refusal(phone, transfer, "three wrong codes")
            raise WrongTransferCode(attempts_left=transfer.attempts_left)
        await self._bind(phone, transfer, key, answer, verified, signed)

    async def deny(self, phone: BoundPhone, transfer_id: str) -> None:
        """Take the old phone's no.

        Raises:
            Expired, NotFound, TransferClosed: as for `approve`.
        """
        now, before = self._clock(), await self._get(transfer_id)
        transfer = await self._change(
            transfer_id, lambda held: rules.deny(held, phone.credential.id, now)
        )
        if before.status is not transfer.status:
            await self._record_refusal(phone, transfer, "denied")

    async def look(
        self,
        transfer_id: str,
        device_token: str,
        wait: timedelta,
        is_news: Callable[[Transfer, bool], bool],
    ) -> tuple[Transfer, bool]:
        """Return the transfer as soon as it is news to the caller, or after `wait`.

        Returns:
            It, and whether the caller is the new phone.

        Raises:
            NotFound: unknown, or neither of the two phones asks.
            PhoneBlocked, Unauthenticated: the old phone was cut off meanwhile.
        """
        deadline = self._clock() + wait
        async with self._store.listen(self._transfers.key(transfer_id)) as listener:
            while True:
                transfer = await self._get(transfer_id)
                is_new = await self._is_new_phone(transfer, device_token)
                transfer = await self._as_registered(transfer)
                now = self._clock()
                left = min(deadline, transfer.expires_at) - now
                if is_news(transfer, is_new) or left <= timedelta(0):
                    return transfer, is_new
                if not await listener.wait(left):
                    return await self._as_registered(await self._get(transfer_id)), is_new

    def now(self) -> datetime:
        """Return the time by which transfers expire."""
        return self._clock()

    async def _is_new_phone(self, transfer: Transfer, device_token: str) -> bool:
        if transfer.token_digest == digest(device_token):
            return True
        phone = await self._phones.authenticate(device_token)
        rules.check_old_phone(transfer, phone.credential.id)
        return False

    async def _as_registered(self, transfer: Transfer) -> Transfer:
        # Who answered may have died between the commit and the news of it.
        if transfer.status is Status.BINDING and await self._is_bound(transfer.id):
            return rules.done(transfer)
        return transfer

    async def _is_bound(self, transfer_id: str) -> bool:
        found = await self._registry.read(lambda tx: credentials.by_pairing(tx, transfer_id))
        return found is not None

    async def _is_active(self, credential_id: str) -> bool:
        found = await self._registry.read(lambda tx: credentials.get(tx, credential_id))
        return found is not None and found.is_active(self._clock())

    async def _bind(
        self,
        phone: BoundPhone,
        transfer: Transfer,
        key: NewKey,
        answer: Answer,
        verified: VerifiedAssertion,
        signed: dict[str, str],
    ) -> None:
        evidence: dict[str, object] = {
            "transfer": transfer.id,
            "by": phone.credential.id,
            "signed": signed,
            "assertion": evidence_of(answer.assertion),
        }

        def change(tx: Transaction, now: datetime) -> Credential:
            if credentials.by_pairing(tx, transfer.id) is not None:
                raise AlreadyExistsError("transfer")
            record_signed_use(tx, phone, verified, now)
            return _hand_over(
                tx, phone, transfer, key, self._policy, now, evidence, revoke=answer.revoke
            )

        kind = PhoneNoticeKind.REPLACED if answer.revoke else PhoneNoticeKind.ADDED
        try:
            await self._statuses.apply(change, kind)
        except AlreadyExistsError:
            if not await self._is_bound(transfer.id):
                await self._refuse(phone, transfer, "the key or its device token is bound already")
                raise CredentialExists from None
            if answer.revoke and await self._is_active(phone.credential.id):
                await self._change(transfer.id, rules.done_by_another)
                raise TransferClosed("another left the key", status=Status.DONE) from None
        except Refusal as refusal:
            await self._refuse(phone, transfer, refusal.code)
            raise
        await self._change(transfer.id, rules.done)

    async def _refuse(self, phone: BoundPhone, transfer: Transfer, reason: str) -> None:
        await self._record_refusal(phone, transfer, reason)
        await self._change(transfer.id, rules.refused)

    async def _record_refusal(self, phone: BoundPhone, transfer: Transfer, reason: str) -> None:
        event = TransferRefused(
            actor=f"person:{phone.person.id}",
            object=f"credential:{phone.credential.id}",
            ura=phone.credential.bound_ura,
            outcome=Outcome.REFUSED,
            evidence={"transfer": transfer.id, "reason": reason},
        )
        await self._registry.commit(lambda tx: tx.record(event))

    async def _get(self, transfer_id: str) -> Transfer:
        stored = await self._transfers.get(transfer_id)
        if stored is None:
            raise NotFound
        return stored.value

    async def _change(self, transfer_id: str, rule: Callable[[Transfer], Transfer]) -> Transfer:
        changed = await self._transfers.change(transfer_id, rule)
        if changed is None:
            raise NotFound
        await self._store.signal(self._transfers.key(transfer_id))
        return changed


def _hand_over(  # noqa: PLR0913, PLR0917  (what a key is bound by)
    tx: Transaction,
    phone: BoundPhone,
    transfer: Transfer,
    key: NewKey,
    policy: KeyPolicy,
    now: datetime,
    evidence: dict[str, object],
    *,
    revoke: bool,
) -> Credential:
    """Bind the new phone's key by what the old one's earned, and end the old one if asked."""
    old = phone.credential
    if revoke:
        actor = f"person:{phone.person.id}"
        status.revoke(tx, old.id, actor, now, Reason.REPLACED, evidence)
    binding = Binding(
        origin=transfer.id,
        person_id=old.person_id,
        key=key,
        platform=transfer.device.platform,
        model=transfer.device.model,
        app_version=transfer.device.app_version,
        device_token_digest=transfer.token_digest,
        push_service=transfer.push_service,
        push_address=transfer.push_address,
        acr=vouched_acr(tx, old, policy),
        bound_by=old.bound_by,
        ura=old.bound_ura,
        replaces=old.id if revoke else None,
        only_ura=old.only_ura,
    )
    kind = PhoneNoticeKind.REPLACED if revoke else PhoneNoticeKind.ADDED
    bound = bind(tx, binding, policy, now, kind=kind, evidence=evidence)
    if revoke and phone.person.default_phone == old.id:
        people.set_default_phone(tx, old.person_id, bound.id)
    return bound


def _identity(tx: Query, phone: BoundPhone) -> Identity:
    """Read whom the new phone will belong to, as its app shows them."""
    person = phone.person
    ura = phone.credential.bound_ura or ""
    organisation = organisations.get(tx, ura)
    membership = people.membership(tx, person.id, ura)
    return Identity(
        name=person.name,
        uzi_number=person.uzi_number or "",
        role_code="" if membership is None else membership.role_code,
        organisation="" if organisation is None else organisation.name,
        ura=ura,
    )
