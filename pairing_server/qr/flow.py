"""The steps of a pairing between the page, the server and the phone."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pairing_server.audit.events import Outcome, PairingRefused
from pairing_server.errors import NotFound, Refusal, Unauthenticated
from pairing_server.keys.binding import Binding, bind, policy_of
from pairing_server.keys.ceremony import RegistrationResponse, RelyingParty, verify_registration
from pairing_server.keys.identity import Identity
from pairing_server.keys.offer import KeyOffers
from pairing_server.keys.policy import KeyPolicy, check_accepted
from pairing_server.keys.refusals import CredentialExists
from pairing_server.keys.status import Told, nobody
from pairing_server.ports import Ports
from pairing_server.push import PushAddress
from pairing_server.qr import pairing as rules
from pairing_server.qr.code import PairingCode
from pairing_server.qr.pairing import Device, Pairing, Scan, Status
from pairing_server.qr.refusals import NotRegistered, PairingClosed, WrongCheckNumber
from pairing_server.registry import (
    AlreadyExistsError,
    Query,
    Transaction,
    credentials,
    organisations,
    people,
)
from pairing_server.registry.credentials import Credential
from pairing_server.registry.organisations import OrganisationStatus
from pairing_server.registry.people import Person, PersonStatus
from pairing_server.registry.phone_notices import PhoneNoticeKind
from pairing_server.settings import AssuranceLevel
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import b64url, b64url_decode, digest, draw_digits, new_id, new_secret

#: What a card proves lets a key earn as much as a key can: its own worth decides.
PROVEN_BY_CARD = AssuranceLevel.SUBSTANTIAL
#: One operator and one document that no machine has read.
PROVEN_BY_OPERATOR = AssuranceLevel.LOW

#: What else belongs into the commit that binds a key.
Also = Callable[[Transaction, Credential], None]


class PairingFlow:
    """Offer, scan, prove, confirm."""

    def __init__(
        self,
        ports: Ports,
        *,
        rp: RelyingParty,
        base_url: str,
        policy: KeyPolicy,
        told: Told = nobody,
    ) -> None:
        """Build the flow.

        Args:
            policy: The server's, for organisations that have none of their own.
            told: Wakes the person's other phones.
        """
        self._registry = ports.registry
        self._store = ports.store
        self._pairings = Shelf(ports.store, "pairing", Pairing)
        self._clock = ports.clock
        self._random = ports.random
        self._rp = rp
        self._base_url = base_url
        self._policy = policy
        self._offers = KeyOffers(ports.registry, rp, policy)
        self._told = told

    async def offer(
        self,
        person_id: str | None,
        ura: str,
        browser: str,
        bound_by: str,
        *,
        is_by_operator: bool = False,
    ) -> tuple[Pairing, PairingCode]:
        """Offer a pairing to whoever scans the code first.

        Args:
            bound_by: The proof behind the person.
            is_by_operator: Whether that is an operator and no card (option 2B).

        Raises:
            NotRegistered: nobody who works for this organisation is logged in.
        """
        now = self._clock()
        person, identity = await self._registry.read(lambda tx: _identity(tx, person_id, ura, now))
        secret = new_secret(self._random)
        pairing = Pairing(
            id=new_id(self._random),
            status=Status.OFFERED,
            person_id=person.id,
            user_name=person.user_name,
            identity=identity,
            browser=browser,
            bound_by=bound_by,
            secret_digest=digest(secret),
            expires_at=now + rules.PAIRING_LIFETIME,
            signed_out_at=person.signed_out_at,
            is_by_operator=is_by_operator,
        )
        await self._pairings.create(pairing.id, pairing, rules.PAIRING_LIFETIME)
        return pairing, PairingCode(self._base_url, pairing.id, secret)

    async def scan(
        self, pairing_id: str, secret: str, device_token: str, device: Device
    ) -> Pairing:
        """Let the first phone have the pairing.

        Raises:
            Expired: the time is over.
            NotFound: unknown, the secret is wrong, or another phone was first.
        """
        by = Scan(
            secret_digest=digest(secret),
            device_token_digest=digest(device_token),
            device=device,
            check_number=draw_digits(self._random, rules.CHECK_NUMBER_DIGITS),
            challenge=b64url(self._random(32)),
            user_id=b64url(self._random(32)),
        )
        now = self._clock()
        return await self._change(pairing_id, lambda pairing: rules.scan(pairing, by, now))

    async def key_options(self, pairing: Pairing) -> dict[str, Any]:
        """Return what the phone makes its key with (WebAuthn Level 3 section 5.4)."""
        return await self._offers.options(
            ura=pairing.identity.ura,
            challenge=pairing.challenge,
            user_id=pairing.user_id,
            user_name=pairing.user_name,
            display_name=pairing.identity.name,
        )

    async def prove(
        self,
        pairing_id: str,
        device_token: str,
        response: RegistrationResponse,
        push: PushAddress | None,
    ) -> Pairing:
        """Verify the key that the phone made, and keep it until the number is confirmed.

        Raises:
            AttestationNotAccepted: the organisation does not take such a key.
            Expired: the time is over.
            InvalidCredential: the key does not verify.
            NotFound: unknown, or another phone's pairing.
            PairingClosed: a key was taken already, or the pairing has ended.
        """
        now, token = self._clock(), digest(device_token)
        stored = await self._pairings.get(pairing_id)
        if stored is None:
            raise NotFound
        rules.check_scanned(stored.value, token, now)
        issued = b64url_decode(stored.value.challenge)
        # Some milliseconds, of a stranger's choosing.
        key = await asyncio.to_thread(verify_registration, self._rp, response, issued)
        ura = stored.value.identity.ura

        def check(tx: Query) -> None:
            check_accepted(policy_of(tx, ura, self._policy), key)
            if credentials.get(tx, key.credential_id):
                raise CredentialExists

        await self._registry.read(check)
        address = None if push is None else (push.service.value, push.address)
        return await self._change(
            pairing_id, lambda pairing: rules.prove(pairing, token, key, address, now)
        )

    async def confirm(
        self, pairing_id: str, browser: str, number: str, also: Also | None = None
    ) -> None:
        """Bind the key, once the page's reader typed the number on the phone's screen.

        Args:
            also: What else is done in the same commit; what it raises ends the pairing.

        Raises:
            CredentialExists: the key was bound in another pairing meanwhile.
            Expired: the time is over.
            NotFound: unknown, or another browser's pairing.
            PairingClosed: paired or refused already; of many who confirm at once one gets through.
            TooManyPhones: the person has as many as they may.
            Unauthenticated: the person was signed out since the pairing was offered.
            WrongCheckNumber: an attempt is gone.
        """
        now = self._clock()

        def typed(pairing: Pairing) -> Pairing:
            _check_browser(pairing, browser)
            return rules.type_check_number(pairing, number, now)

        pairing = await self._change(pairing_id, typed)
        if pairing.status is not Status.BINDING:
            if pairing.status is Status.REFUSED:
                await self._refuse(pairing, "three wrong check numbers")
            raise WrongCheckNumber(attempts_left=pairing.attempts_left)
        # Everybody who typed the right number comes here; the registry's unique key lets one
        # through.  Who died between the swap above and the commit can simply confirm again.
        try:
            bound = await self._registry.commit(lambda tx: self._bind(tx, pairing, also))
        except AlreadyExistsError:
            if await self._is_bound(pairing_id):
                await self._change(pairing_id, rules.paired)
                raise PairingClosed(status=Status.PAIRED) from None
            await self._refuse(pairing, "the key or the device token is bound already")
            raise CredentialExists from None
        except PairingClosed:
            await self._refuse(pairing, "the person does not work there any more")
            raise
        except Refusal as refusal:
            await self._refuse(pairing, refusal.code)
            raise
        await self._change(pairing_id, rules.paired)
        await self._told(bound, PhoneNoticeKind.ADDED)

    async def for_browser(self, pairing_id: str, browser: str) -> Pairing:
        """Return the pairing to the page that started it.

        Raises:
            NotFound: unknown, or another browser's.
        """
        stored = await self._pairings.get(pairing_id)
        if stored is None:
            raise NotFound
        _check_browser(stored.value, browser)
        return await self._as_registered(stored.value)

    async def for_phone(self, pairing_id: str, device_token: str, wait: timedelta) -> Pairing:
        """Return the pairing to the phone that scanned it, held until it has ended.

        Raises:
            NotFound: unknown, or another phone's.
        """
        token = digest(device_token)
        deadline = self._clock() + wait
        async with self._store.listen(self._pairings.key(pairing_id)) as listener:
            while True:
                stored = await self._pairings.get(pairing_id)
                if stored is None or stored.value.device_token_digest != token:
                    raise NotFound
                pairing = await self._as_registered(stored.value)
                now = self._clock()
                left = min(deadline, pairing.expires_at) - now
                is_over = _is_over(pairing.status_at(now)) or left <= timedelta(0)
                if is_over or not await listener.wait(left):
                    return pairing

    async def _as_registered(self, pairing: Pairing) -> Pairing:
        # Who confirmed may have died between the commit and the news of it.
        if pairing.status is Status.BINDING and await self._is_bound(pairing.id):
            return rules.paired(pairing)
        return pairing

    async def _is_bound(self, pairing_id: str) -> bool:
        found = await self._registry.read(lambda tx: credentials.by_pairing(tx, pairing_id))
        return found is not None

    async def _refuse(self, pairing: Pairing, reason: str) -> None:
        await self._registry.commit(lambda tx: tx.record(_refused_event(pairing, reason)))
        await self._change(pairing.id, rules.refused)

    async def _change(self, pairing_id: str, rule: Callable[[Pairing], Pairing]) -> Pairing:
        changed = await self._pairings.change(pairing_id, rule)
        if changed is None:
            raise NotFound
        await self._store.signal(self._pairings.key(pairing_id))
        return changed

    def _bind(self, tx: Transaction, pairing: Pairing, also: Also | None) -> Credential:
        # Whether the person works there is asked of this moment, not of when the number came.
        ura, now = pairing.identity.ura, self._clock()
        if credentials.by_pairing(tx, pairing.id) is not None:
            raise AlreadyExistsError("pairing")
        person = people.get_person_for_update(tx, pairing.person_id)
        if person is not None and person.signed_out_at != pairing.signed_out_at:
            # What a revocation ends, a pairing that was under way does not outlive.
            raise Unauthenticated("signed out")
        try:
            _identity(tx, pairing.person_id, ura, now)
        except NotRegistered as error:
            raise PairingClosed(status=Status.REFUSED) from error
        bound = bind(tx, _binding(pairing), self._policy, now)
        if also is not None:
            also(tx, bound)
        return bound


def _identity(
    tx: Query, person_id: str | None, ura: str, now: datetime
) -> tuple[Person, Identity]:
    """Read who works for this organisation, as the app shows them.

    Raises:
        NotRegistered: not this person, or not any more.
    """
    person = people.get_person(tx, person_id or "")
    membership = people.membership(tx, person_id or "", ura)
    organisation = organisations.get(tx, ura)
    if (
        person is None
        or person.status is not PersonStatus.ACTIVE
        # Who registered an organisation has not signed their own registration yet.
        or person.birth_digest is None
        or membership is None
        or not membership.is_valid(now)
        or organisation is None
        or organisation.status is not OrganisationStatus.ACTIVE
    ):
        raise NotRegistered
    return person, Identity(
        name=person.name,
        uzi_number=person.uzi_number or "",
        role_code=membership.role_code,
        organisation=organisation.name,
        ura=ura,
    )


def _binding(pairing: Pairing) -> Binding:
    key, device, token = pairing.key, pairing.device, pairing.device_token_digest
    if key is None or device is None or token is None:
        raise PairingClosed("binding without a key")
    return Binding(
        origin=pairing.id,
        person_id=pairing.person_id,
        key=key,
        platform=device.platform,
        model=device.model,
        app_version=device.app_version,
        device_token_digest=token,
        push_service=pairing.push_service,
        push_address=pairing.push_address,
        acr=PROVEN_BY_OPERATOR if pairing.is_by_operator else PROVEN_BY_CARD,
        bound_by=pairing.bound_by,
        ura=pairing.identity.ura,
        only_ura=pairing.identity.ura if pairing.is_by_operator else None,
    )


def _refused_event(pairing: Pairing, reason: str) -> PairingRefused:
    return PairingRefused(
        actor=f"person:{pairing.person_id}",
        object=f"pairing:{pairing.id}",
        ura=pairing.identity.ura,
        outcome=Outcome.REFUSED,
        evidence={"reason": reason},
    )


def _check_browser(pairing: Pairing, browser: str) -> None:
    if pairing.browser != browser:
        raise NotFound("another browser")


def _is_over(status: Status) -> bool:
    return status in (Status.PAIRED, Status.REFUSED, Status.EXPIRED)
