"""How the registry binds a key: in a pairing, a transfer or a renewal, by the same rules."""

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

from pairing_server.audit.events import AuthenticatorBound
from pairing_server.clock import to_milliseconds
from pairing_server.errors import Unauthenticated
from pairing_server.keys.credential import CREDENTIAL_LIFETIME, NewKey
from pairing_server.keys.policy import (
    KeyPolicy,
    check_accepted,
    earned_acr,
    lower_of,
    with_changes,
)
from pairing_server.keys.refusals import TooManyPhones
from pairing_server.registry import (
    Query,
    Transaction,
    credentials,
    organisations,
    people,
    phone_notices,
)
from pairing_server.registry.credentials import Credential, CredentialKind, CredentialStatus
from pairing_server.registry.people import PersonStatus
from pairing_server.registry.phone_notices import PhoneNotice, PhoneNoticeKind
from pairing_server.settings import AssuranceLevel
from pairing_server.tokens import b64url


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A verified key, and whose it becomes by what proof.

    Attributes:
        origin: The pairing, transfer or renewal, which binds once for ever.
        acr: The most that the proof allows.
        bound_by: The proof behind the person: `uzi-pas`, or the operator of option 2B.
        ura: The organisation for which it is bound.
        replaces: The credential that ends in the same commit.
        only_ura: The one organisation that it opens, where no card stands behind it.
    """

    origin: str
    person_id: str
    key: NewKey
    platform: str
    model: str
    app_version: str
    device_token_digest: str | None
    push_service: str | None
    push_address: str | None
    acr: str
    bound_by: str
    ura: str | None
    name: str = ""
    replaces: str | None = None
    only_ura: str | None = None


def policy_of(tx: Query, ura: str | None, server: KeyPolicy) -> KeyPolicy:
    """Return the policy of an organisation; the server's where it has none of its own."""
    organisation = None if ura is None else organisations.get(tx, ura)
    return server if organisation is None else with_changes(server, organisation.key_policy)


def vouched_acr(tx: Query, voucher: Credential, server: KeyPolicy) -> AssuranceLevel:
    """Return the most that a key may earn for which this one has signed.

    No more than the one that signed earns itself, at the strictest of its person's organisations:
    else who got hold of a synced key made one in hardware of it.
    """
    uras = {held.ura for held in people.memberships(tx, voucher.person_id)}
    policies = [policy_of(tx, ura, server) for ura in (*uras, voucher.bound_ura)]
    return reduce(lower_of, (earned_acr(each, voucher, voucher.acr) for each in policies))


def bind(
    tx: Transaction,
    binding: Binding,
    server: KeyPolicy,
    now: datetime,
    *,
    kind: PhoneNoticeKind = PhoneNoticeKind.ADDED,
    evidence: dict[str, Any] | None = None,
) -> Credential:
    """Bind a key, write it down, and leave word for the person's other phones.

    Args:
        server: The server's policy, where the organisation has none of its own.
        kind: What the other phones are told.
        evidence: What was signed for it.

    Raises:
        AlreadyExistsError: its id, its device token or its origin has a key already.
        AttestationNotAccepted: the organisation does not take such a key.
        TooManyPhones: the person has as many as they may.
        Unauthenticated: the person is closed.
    """
    # Locked, so that of two phones that are bound at once the second one counts the first.
    person = people.get_person_for_update(tx, binding.person_id)
    if person is None or person.status is not PersonStatus.ACTIVE:
        raise Unauthenticated("the person is closed")
    policy = policy_of(tx, binding.ura, server)
    check_accepted(policy, binding.key)
    others = [
        held
        for held in credentials.of_person(tx, person.id)
        if held.status is not CredentialStatus.REVOKED
        and now < held.expires_at
        and held.id != binding.replaces
    ]
    if len(others) >= policy.max_phones:
        raise TooManyPhones(most=policy.max_phones)
    bound = _credential(binding, now)
    credentials.add(tx, bound)
    tx.record(
        AuthenticatorBound(
            actor=f"person:{person.id}",
            object=f"credential:{bound.id}",
            ura=binding.ura,
            evidence={
                **(evidence or {"pairing": binding.origin}),
                "bound_by": bound.bound_by,
                "acr": bound.acr,
                **({"only_ura": bound.only_ura} if bound.only_ura else {}),
                # Else who holds the database could swap the key, approve, and swap it back.
                "public_key": b64url(bound.public_key),
                "attestation": bound.attestation_format,
                "verdict": bound.attestation_verdict,
                "backup_eligible": bound.backup_eligible,
                "platform": bound.platform,
            },
        )
    )
    tell(tx, bound, kind, now)
    return bound


def tell(
    tx: Transaction, phone: Credential, kind: PhoneNoticeKind, now: datetime, detail: str = ""
) -> bool:
    """Leave word of a phone for its person's other phones.  Returns whether it is news."""
    moment = detail or to_milliseconds(now)
    notice = PhoneNotice(
        id=f"{kind}:{phone.id}:{moment}",
        person_id=phone.person_id,
        credential_id=phone.id,
        kind=kind,
        at=now,
        detail=detail,
    )
    return phone_notices.add(tx, notice)


def _credential(binding: Binding, now: datetime) -> Credential:
    key = binding.key
    return Credential(
        id=key.credential_id,
        person_id=binding.person_id,
        kind=CredentialKind.PHONE,
        public_key=key.public_key,
        sign_count=key.sign_count,
        aaguid=key.aaguid,
        attestation_format=key.attestation_format,
        attestation_verdict=key.attestation_verdict,
        backup_eligible=key.backup_eligible,
        backed_up=key.backed_up,
        acr=binding.acr,
        platform=binding.platform,
        model=binding.model,
        app_version=binding.app_version,
        status=CredentialStatus.ACTIVE,
        bound_by=binding.bound_by,
        pairing_id=binding.origin,
        device_token_digest=binding.device_token_digest,
        next_device_token_digest=None,
        push_service=binding.push_service,
        push_address=binding.push_address,
        bound_at=now,
        expires_at=now + CREDENTIAL_LIFETIME,
        last_used_at=None,
        last_used_workstation=None,
        name=binding.name,
        bound_ura=binding.ura,
        only_ura=binding.only_ura,
    )
