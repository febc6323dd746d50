"""Changes that a phone signs: to itself, or to another phone of the same person."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pairing_server.audit.events import DefaultPhoneChosen, PhoneRenamed
from pairing_server.clock import wire_time
from pairing_server.errors import Expired, NotFound
from pairing_server.keys import status
from pairing_server.keys.ceremony import AuthenticationResponse, evidence_of
from pairing_server.keys.flow import BoundPhone, PhoneFlow, record_signed_use
from pairing_server.keys.refusals import KeyOfAnotherOrganisation
from pairing_server.keys.status import PhoneStatusFlow, Reason
from pairing_server.phones.details import CHANGE, challenge
from pairing_server.ports import Ports
from pairing_server.registry import Transaction, credentials, people
from pairing_server.registry.credentials import Credential, CredentialStatus
from pairing_server.registry.phone_notices import PhoneNoticeKind
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import new_id

CHANGE_LIFETIME = timedelta(minutes=2)


class ChangeKind(StrEnum):
    """What is changed."""

    RENAME = "rename"
    #: With the value `off` no phone is preferred any more.
    DEFAULT = "default"
    BLOCK = "block"
    REVOKE = "revoke"


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What the phone shows and signs.

    Attributes:
        credential, device_name: The phone that is changed.
        value: The new name; else empty.
    """

    change: str
    kind: ChangeKind
    credential: str
    device_name: str
    value: str
    nonce: str
    requested_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change that waits for its signature by `signer`, a credential of the same person."""

    signer: str
    details: Details
    expires_at: datetime


def signed_details(details: Details) -> dict[str, str]:
    """Return the details as they are signed."""
    return {name: str(value) for name, value in asdict(details).items()}


def check_reach(kind: ChangeKind, signer: Credential, target: Credential) -> None:
    """Make sure that a phone settles nothing of what it does not open itself.

    Behind one that an operator bound stands that operator's word alone: it may be their own phone.
    A block can be undone, and everybody may do that.

    Raises:
        KeyOfAnotherOrganisation: it opens one organisation alone, and the other one does not.
    """
    is_within = signer.only_ura in (None, target.only_ura)
    if kind is not ChangeKind.BLOCK and not is_within:
        raise KeyOfAnotherOrganisation


class ChangeFlow:
    """Offer a change for signature, and make it once it is signed."""

    def __init__(self, ports: Ports, phones: PhoneFlow, statuses: PhoneStatusFlow) -> None:
        self._registry = ports.registry
        self._changes = Shelf(ports.store, "change", Change)
        self._clock = ports.clock
        self._random = ports.random
        self._phones = phones
        self._statuses = statuses

    async def begin(
        self, phone: BoundPhone, kind: ChangeKind, credential_id: str, value: str
    ) -> Change:
        """Compose what the phone is to sign.

        Raises:
            KeyOfAnotherOrganisation: it opens one organisation alone, and the other one does not.
            NotFound: the person has no such phone, or not any more.
        """
        target = await self._registry.read(lambda tx: credentials.get(tx, credential_id))
        if (
            target is None
            or target.person_id != phone.person.id
            or target.status is CredentialStatus.REVOKED
        ):
            raise NotFound
        check_reach(kind, phone.credential, target)
        now = self._clock()
        change = Change(
            signer=phone.credential.id,
            details=Details(
                change=new_id(self._random),
                kind=kind,
                credential=target.id,
                device_name=target.device_name,
                value=value,
                nonce=new_id(self._random),
                requested_at=wire_time(now),
            ),
            expires_at=now + CHANGE_LIFETIME,
        )
        await self._changes.create(change.details.change, change, CHANGE_LIFETIME)
        return change

    async def complete(
        self, phone: BoundPhone, change_id: str, assertion: AuthenticationResponse
    ) -> None:
        """Make a change that the phone signed, once.

        Raises:
            Conflict: the phone to be changed is not where the change begins.
            Expired: the time is over.
            InvalidAssertion: the phone's key did not sign these details; nothing is spent.
            NotFound: unknown, used, or another phone's.
            PhoneBlocked: this phone was blocked meanwhile, or its key may have been copied.
        """
        stored = await self._changes.get(change_id)
        if stored is None or stored.value.signer != phone.credential.id:
            raise NotFound
        change, now = stored.value, self._clock()
        if now >= change.expires_at:
            raise Expired
        signed = signed_details(change.details)
        verified = await self._phones.verify(phone, assertion, challenge(CHANGE, signed))
        # Spent before it is made: of many who send the same signature one gets through.
        if await self._changes.take(change_id) is None:
            raise NotFound
        evidence: dict[str, object] = {
            "by": phone.credential.id,
            "signed": signed,
            "assertion": evidence_of(assertion),
        }

        def make(tx: Transaction, now: datetime) -> Credential:
            record_signed_use(tx, phone, verified, now)
            return _make(tx, phone, change.details, now, evidence)

        await self._statuses.apply(make, _TOLD.get(change.details.kind))


def _make(
    tx: Transaction,
    phone: BoundPhone,
    details: Details,
    now: datetime,
    evidence: dict[str, object],
) -> Credential:
    actor, target = f"person:{phone.person.id}", details.credential
    match details.kind:
        case ChangeKind.BLOCK:
            return status.block(tx, target, actor, now, evidence)
        case ChangeKind.REVOKE:
            return status.revoke(tx, target, actor, now, Reason.LOST, evidence)
        case ChangeKind.RENAME:
            credentials.rename(tx, target, details.value)
            event: type[PhoneRenamed | DefaultPhoneChosen] = PhoneRenamed
        case ChangeKind.DEFAULT:
            chosen = None if details.value == "off" else target
            people.set_default_phone(tx, phone.person.id, chosen)
            event = DefaultPhoneChosen
    tx.record(
        event(
            actor=actor,
            object=f"credential:{target}",
            ura=phone.credential.bound_ura,
            evidence=evidence,
        )
    )
    return phone.credential


#: What the person's other phones are told, where it is more than a name.
_TOLD = {
    ChangeKind.BLOCK: PhoneNoticeKind.BLOCKED,
    ChangeKind.REVOKE: PhoneNoticeKind.REVOKED,
}
