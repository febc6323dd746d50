"""What a phone reads of its person: their phones, what happened, what they should know."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds
from pairing_server.keys.flow import BoundPhone
from pairing_server.phones.news import OF_ITSELF
from pairing_server.ports import Ports
from pairing_server.registry import (
    Query,
    Row,
    aliases,
    credentials,
    organisations,
    people,
    phone_notices,
    push_health,
)
from pairing_server.registry.credentials import Credential, CredentialStatus
from pairing_server.registry.organisations import Organisation
from pairing_server.registry.people import Membership
from pairing_server.registry.phone_notices import PhoneNotice
from pairing_server.registry.push_health import PushHealth
from pairing_server.registry.tables import audit_event

#: The newest events that a phone lists.
LISTED = 100


class EventKind(StrEnum):
    """What happened, as a phone words it."""

    APPROVED = "approved"
    DENIED = "denied"
    WRONG_CODE = "wrong_code"
    PAIRED = "paired"
    TRANSFERRED = "transferred"
    RENEWED = "renewed"
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"
    REVOKED = "revoked"
    TOKEN_REPLACED = "token_replaced"  # noqa: S105  (the name of an event)
    RENAMED = "renamed"
    DEFAULT_CHANGED = "default_changed"


class ToldStatus(StrEnum):
    """Where a phone's key is in its life, as it is told."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    EXPIRED = "expired"


_KINDS = {
    "AuthRequestApproved": EventKind.APPROVED,
    "AuthRequestDenied": EventKind.DENIED,
    "AuthenticatorBound": EventKind.PAIRED,
    "AuthenticatorBlocked": EventKind.BLOCKED,
    "CloneSuspected": EventKind.BLOCKED,
    "AuthenticatorUnblocked": EventKind.UNBLOCKED,
    "AuthenticatorRevoked": EventKind.REVOKED,
    "DeviceTokenReplaced": EventKind.TOKEN_REPLACED,
    "PhoneRenamed": EventKind.RENAMED,
    "DefaultPhoneChosen": EventKind.DEFAULT_CHANGED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEvent:
    """Something that the person or somebody else did with one of their phones.

    Attributes:
        credential: The phone, where it is known.
        shown: What a request showed; empty for anything else.
        reason: Why it was denied, blocked or revoked; else empty.
    """

    id: str
    at: datetime
    kind: EventKind
    credential: Credential | None
    shown: dict[str, str]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a phone is bound to: the membership under which it was bound, as it is now."""

    membership: Membership | None
    organisation: Organisation | None
    push_health: PushHealth

    @property
    def role_code(self) -> str:
        """The role that is offered first; empty where it is none any more."""
        return "" if self.membership is None else self.membership.role_code


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """One of the person's phones, and the name of the organisation where it was used last."""

    credential: Credential
    last_used_organisation: str
    push_health: PushHealth

    def told_status(self, now: datetime) -> ToldStatus:
        """Return where its key is, as it is told."""
        credential = self.credential
        if credential.status is CredentialStatus.ACTIVE and not credential.is_active(now):
            return ToldStatus.EXPIRED
        return ToldStatus(credential.status.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A notice, and the phone that it is about."""

    notice: PhoneNotice
    credential: Credential | None


_e = audit_event.c
_done_by = (
    sa.select(audit_event)
    .where(_e.actor == sa.bindparam("actor"), _e.action.in_(list(_KINDS)))
    .order_by(_e.time.desc(), _e.chain, _e.sequence.desc())
    .limit(LISTED)
)
_done_to = (
    sa.select(audit_event)
    .where(
        _e.object.in_(sa.bindparam("objects", expanding=True)),
        _e.actor != sa.bindparam("actor"),
        _e.action.in_(list(_KINDS)),
    )
    .order_by(_e.time.desc(), _e.chain, _e.sequence.desc())
    .limit(LISTED)
)


class Overview:
    """Reads; changes nothing."""

    def __init__(self, ports: Ports) -> None:
        self._registry = ports.registry
        self._clock = ports.clock

    async def standing(self, phone: BoundPhone) -> Standing:
        """Return what the phone is bound to."""
        return await self._registry.read(lambda tx: _standing(tx, phone))

    async def siblings(self, person_id: str, only_ura: str | None = None) -> list[Sibling]:
        """Return the person's phones, oldest first, but those that were revoked.

        Args:
            only_ura: The one organisation that the phone which asks opens: of use at another one
                it is told that it was, and not where.
        """
        return await self._registry.read(lambda tx: _siblings(tx, person_id, only_ura))

    async def history(self, person_id: str, only_ura: str | None = None) -> list[PastEvent]:
        """Return what happened, newest first, no more than `LISTED`.

        Args:
            only_ura: The one organisation that the phone which asks opens.
        """
        return await self._registry.read(lambda tx: _history(tx, person_id, only_ura))

    async def notices(self, phone: BoundPhone) -> list[Told]:
        """Return what happened to the person's other phones since this one was bound.

        Newest first, with what is due of the asking phone itself.
        """
        now = self._clock()

        def read(tx: Query) -> list[Told]:
            known = {held.id: held for held in credentials.of_person(tx, phone.person.id)}
            return [
                Told(notice=notice, credential=known.get(notice.credential_id))
                for notice in phone_notices.of_person(tx, phone.person.id, now)
                if notice.at > phone.credential.bound_at
                and (notice.credential_id != phone.credential.id or notice.kind in OF_ITSELF)
            ]

        return await self._registry.read(read)


def _standing(tx: Query, phone: BoundPhone) -> Standing:
    ura = phone.credential.bound_ura or ""
    return Standing(
        membership=people.membership(tx, phone.person.id, ura),
        organisation=organisations.get(tx, ura),
        push_health=push_health.of(tx, [phone.credential.id])[phone.credential.id],
    )


def _siblings(tx: Query, person_id: str, only_ura: str | None) -> list[Sibling]:
    held = [
        phone if only_ura in (None, phone.last_used_ura) else _without_place(phone)
        for phone in credentials.of_person(tx, person_id)
        if phone.status is not CredentialStatus.REVOKED
    ]
    health = push_health.of(tx, [phone.id for phone in held])
    return [
        Sibling(
            credential=phone,
            last_used_organisation=_name(tx, phone.last_used_ura),
            push_health=health[phone.id],
        )
        for phone in held
    ]


def _without_place(phone: Credential) -> Credential:
    return replace(phone, last_used_ura=None, last_used_workstation=None, last_used_location=None)


def _name(tx: Query, ura: str | None) -> str:
    organisation = None if ura is None else organisations.get(tx, ura)
    return "" if organisation is None else organisation.name


def _history(tx: Query, person_id: str, only_ura: str | None) -> list[PastEvent]:
    phones = {held.id: held for held in credentials.of_person(tx, person_id)}
    actor = f"person:{person_id}"
    # A record that was merged into this one did so under its own id.
    found = [
        row
        for each in aliases.ids_of(tx, person_id)
        for row in tx.all(_done_by, actor=f"person:{each}")
    ]
    if phones:
        objects = [f"credential:{identifier}" for identifier in phones]
        found += tx.all(_done_to, actor=actor, objects=objects)
    # An operator's word stands behind such a phone, and it may be their own.
    rows = {row["id"]: row for row in found if only_ura in (None, row["ura"])}.values()
    return sorted(_events(rows, phones), key=lambda event: event.at, reverse=True)[:LISTED]


def _events(rows: Iterable[Row], phones: dict[str, Credential]) -> Iterable[PastEvent]:
    for row in rows:
        evidence: dict[str, Any] = json.loads(row["evidence"])
        kind, reason = _KINDS[row["action"]], str(evidence.get("reason") or "")
        if reason == "replaced":
            # The event of the key that took its place tells it.
            continue
        if kind is EventKind.DENIED and reason == "wrong_code":
            kind, reason = EventKind.WRONG_CODE, ""
        if kind is EventKind.PAIRED and "renewal" in evidence:
            kind = EventKind.RENEWED
        if kind is EventKind.PAIRED and "transfer" in evidence:
            kind = EventKind.TRANSFERRED
        about = str(row["object"]).partition(":")
        credential_id = about[2] if about[0] == "credential" else evidence.get("credential")
        yield PastEvent(
            id=row["id"],
            at=from_milliseconds(row["time"]),
            kind=kind,
            credential=phones.get(str(credential_id)),
            shown=_shown(evidence) if about[0] == "auth-request" else {},
            reason=reason,
        )


def _shown(evidence: dict[str, Any]) -> dict[str, str]:
    shown = evidence.get("shown") or evidence.get("signed") or {}
    return {name: str(shown.get(name, "")) for name in _SHOWN}


_SHOWN = ("client", "organisation", "workstation", "location")
