"""Blocking, unblocking and revoking a phone: three acts with three different undos."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pairing_server.audit.events import (
    AuthenticatorBlocked,
    AuthenticatorRevoked,
    AuthenticatorUnblocked,
    CloneSuspected,
    Event,
    Outcome,
)
from pairing_server.clock import Clock, to_milliseconds
from pairing_server.errors import Conflict, NotFound
from pairing_server.keys.binding import tell
from pairing_server.keys.refusals import NotUnblocked
from pairing_server.registry import Registry, Transaction, credentials, notices, people, sessions
from pairing_server.registry.credentials import NO_CAUSE, Cause, Credential, CredentialStatus
from pairing_server.registry.notices import Notice, NoticeKind
from pairing_server.registry.phone_notices import PhoneNoticeKind

#: Called after a commit, with the phone as it was, and what its person is told.
Told = Callable[[Credential, PhoneNoticeKind], Awaitable[None]]


class Reason(StrEnum):
    """Why a phone is blocked or revoked."""

    LOST = "lost"
    #: Its count did not grow: there may be a copy of the key.
    SIGN_COUNT = "sign_count"
    #: Its holder let go of it.
    UNBOUND = "unbound"
    #: Another key took its place.
    REPLACED = "replaced"


#: What the person's open auth requests do not outlive.
_CUTS_OFF = frozenset(
    {PhoneNoticeKind.BLOCKED, PhoneNoticeKind.REVOKED, PhoneNoticeKind.SIGN_COUNT}
)


async def nobody(phone: Credential, kind: PhoneNoticeKind) -> None:
    """Tell nobody: the notices are in the registry all the same."""
    _ = phone, kind


class PhoneStatusFlow:
    """Moves a phone between active, blocked and revoked."""

    def __init__(
        self,
        registry: Registry,
        clock: Clock,
        cut_off: Callable[[str], Awaitable[None]],
        told: Told = nobody,
    ) -> None:
        """Build the flow.

        Args:
            cut_off: Ends the open auth requests of the person whose phone was just cut off.
            told: Wakes the person's other phones.
        """
        self._registry = registry
        self._clock = clock
        self._cut_off = cut_off
        self._told = told

    async def block(self, credential_id: str, actor: str, **evidence: Any) -> None:
        """Block a phone everywhere: from the moment this returns it opens nothing.

        Raises:
            Conflict: it is not active.
            NotFound: there is no such phone.
        """
        await self.apply(
            lambda tx, now: block(tx, credential_id, actor, now, evidence),
            PhoneNoticeKind.BLOCKED,
        )

    async def unblock(self, credential_id: str, actor: str, **evidence: Any) -> None:
        """Let a blocked phone work again.

        Whoever calls this has made sure of the strength of a pairing: the person's card, or the
        administrator and the person together.

        Raises:
            Conflict: it is not blocked.
            NotFound: there is no such phone.
            NotUnblocked: its key may have been copied.
        """
        await self.apply(
            lambda tx, now: unblock(tx, credential_id, actor, now, evidence),
            PhoneNoticeKind.UNBLOCKED,
        )

    async def revoke(
        self, credential_id: str, actor: str, reason: Reason = Reason.LOST, **evidence: Any
    ) -> None:
        """Revoke a phone's key for good, and all that was derived from it.

        Raises:
            Conflict: it is revoked already.
            NotFound: there is no such phone.
        """
        await self.apply(
            lambda tx, now: revoke(tx, credential_id, actor, now, reason, evidence),
            PhoneNoticeKind.REVOKED,
        )

    async def suspect(self, credential_id: str) -> None:
        """Block a phone whose sign count did not grow, and raise the alarm.

        One that is revoked, or blocked for this already, stays as it is.
        """
        try:
            await self.apply(
                lambda tx, now: suspect(tx, credential_id, now), PhoneNoticeKind.SIGN_COUNT
            )
        except Conflict:
            return

    async def apply(
        self,
        change: Callable[[Transaction, datetime], Credential],
        kind: PhoneNoticeKind | None,
    ) -> None:
        """Commit a change to a phone, and then let everybody know whom it concerns.

        Args:
            kind: What happened, where the person's other phones are to hear of it.
        """
        now = self._clock()
        phone = await self._registry.commit(lambda tx: change(tx, now))
        if kind in _CUTS_OFF:
            await self._cut_off(phone.person_id)
        if kind is not None:
            await self._told(phone, kind)


def block(
    tx: Transaction,
    credential_id: str,
    actor: str,
    now: datetime,
    evidence: Mapping[str, Any] | None = None,
    ura: str | None = None,
) -> Credential:
    """Block a phone in this transaction, and leave word of it.  Returns it as it was.

    Args:
        ura: The organisation whose administrator does it, which may also unblock it.

    Raises:
        Conflict: it is not active.
        NotFound: there is no such phone.
    """
    cause = Cause(Reason.LOST, ura)
    phone = _move(
        tx, credential_id, (CredentialStatus.ACTIVE,), CredentialStatus.BLOCKED, now, cause
    )
    sessions.end_of_credential(tx, credential_id, now)
    tx.record(_event(AuthenticatorBlocked, actor, phone, evidence))
    tell(tx, phone, PhoneNoticeKind.BLOCKED, now)
    return phone


def can_unblock(phone: Credential) -> bool:
    """Tell whether a phone is blocked, and not because there may be a copy of its key."""
    return phone.status is CredentialStatus.BLOCKED and phone.status_reason != Reason.SIGN_COUNT


def unblock(
    tx: Transaction,
    credential_id: str,
    actor: str,
    now: datetime,
    evidence: Mapping[str, Any] | None = None,
) -> Credential:
    """Unblock a phone in this transaction, and leave word of it.  Returns it as it was.

    Raises:
        Conflict: it is not blocked.
        NotFound: there is no such phone.
        NotUnblocked: its key may have been copied.
    """
    phone = _move(
        tx, credential_id, (CredentialStatus.BLOCKED,), CredentialStatus.ACTIVE, now, NO_CAUSE
    )
    if not can_unblock(phone):
        raise NotUnblocked(status=phone.status)
    tx.record(_event(AuthenticatorUnblocked, actor, phone, evidence))
    tell(tx, phone, PhoneNoticeKind.UNBLOCKED, now)
    if phone.status_ura is not None:
        # They were told that it was blocked, or blocked it themselves.
        tell_organisations(tx, phone, NoticeKind.PHONE_UNBLOCKED, now)
    return phone


def revoke(
    tx: Transaction,
    credential_id: str,
    actor: str,
    now: datetime,
    reason: Reason,
    evidence: Mapping[str, Any] | None = None,
) -> Credential:
    """Revoke a phone's key in this transaction, with all that was derived from it.

    Its tokens and push address go with the key; the person's browser sessions end, and those at
    clients that it opened; and what was approved with it and not redeemed is not redeemed any
    more, for it is not active.

    Returns:
        The credential as it was.

    Raises:
        Conflict: it is revoked already.
        NotFound: there is no such phone.
    """
    phone = _move(
        tx,
        credential_id,
        (CredentialStatus.ACTIVE, CredentialStatus.BLOCKED),
        CredentialStatus.REVOKED,
        now,
        Cause(reason),
    )
    person = people.get_person_for_update(tx, phone.person_id)
    people.sign_out(tx, phone.person_id, now)
    if person is not None and person.default_phone == phone.id:
        people.set_default_phone(tx, phone.person_id, None)
    shown = {"reason": reason.value, **(evidence or {})}
    tx.record(_event(AuthenticatorRevoked, actor, phone, shown))
    if reason is not Reason.REPLACED:
        sessions.end_of_credential(tx, credential_id, now)
        # Of a key that another one replaced the other one's notice tells.
        tell(tx, phone, PhoneNoticeKind.REVOKED, now)
    return phone


def suspect(tx: Transaction, credential_id: str, now: datetime) -> Credential:
    """Block a phone whose sign count did not grow, and tell person and organisations.

    One that was blocked as lost is not unblocked from then on.

    Raises:
        Conflict: it is revoked, or blocked for this already.
        NotFound: there is no such phone.
    """
    phone = _move(
        tx,
        credential_id,
        (CredentialStatus.ACTIVE, CredentialStatus.BLOCKED),
        CredentialStatus.BLOCKED,
        now,
        Cause(Reason.SIGN_COUNT),
    )
    if phone.status_reason == Reason.SIGN_COUNT:
        raise Conflict(status=phone.status)
    sessions.end_of_credential(tx, credential_id, now)
    tx.record(
        CloneSuspected(
            actor=f"person:{phone.person_id}",
            object=f"credential:{phone.id}",
            ura=phone.bound_ura,
            outcome=Outcome.REFUSED,
            evidence={"sign_count": phone.sign_count},
        )
    )
    tell(tx, phone, PhoneNoticeKind.SIGN_COUNT, now)
    tell_organisations(tx, phone, NoticeKind.SIGN_COUNT, now)
    return phone


def tell_organisations(
    tx: Transaction,
    phone: Credential,
    kind: NoticeKind,
    now: datetime,
    but: str | None = None,
) -> None:
    """Leave word of a phone for the administrators of all organisations where its person works.

    Where they worked once it is nobody's affair any more.

    Args:
        but: The organisation that does it, and knows.
    """
    person = people.get_person(tx, phone.person_id)
    named = (
        [{"id": person.id, "name": person.name, "user_name": person.user_name}] if person else []
    )
    moment = f"{kind.replace('_', '-')}:{phone.id}:{to_milliseconds(now)}"
    held = people.memberships(tx, phone.person_id)
    for ura in {each.ura for each in held if each.is_valid(now)} - {but}:
        notices.add(
            tx,
            Notice(
                id=f"{moment}:{ura}",
                ura=ura,
                kind=kind,
                at=now,
                subject={"people": named, "credential": phone.id},
            ),
        )


def _move(
    tx: Transaction,
    credential_id: str,
    old: tuple[CredentialStatus, ...],
    new: CredentialStatus,
    now: datetime,
    cause: Cause,
) -> Credential:
    while True:
        phone = credentials.get(tx, credential_id)
        if phone is None:
            raise NotFound
        if phone.status not in old:
            raise Conflict(status=phone.status)
        # Another node's operator may have moved it since it was read: look again, so that a
        # revocation is never lost to an unblocking beside it.
        if credentials.set_status(tx, credential_id, phone.status, new, now, cause):
            return phone


def _event(
    event: type[Event], actor: str, phone: Credential, evidence: Mapping[str, Any] | None
) -> Event:
    return event(
        actor=actor,
        object=f"credential:{phone.id}",
        ura=phone.bound_ura,
        evidence=dict(evidence or {}),
    )
