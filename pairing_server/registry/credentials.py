"""Credentials: the keys that were bound to people."""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from pairing_server.clock import to_milliseconds
from pairing_server.registry import (
    Query,
    Row,
    Transaction,
    device_tokens,
    member_listings,
    phone_listings,
)
from pairing_server.registry.moments import milliseconds, moment
from pairing_server.registry.tables import credential as table


class CredentialKind(StrEnum):
    """What holds the key."""

    PHONE = "phone"
    SMARTCARD = "smartcard"


class CredentialStatus(StrEnum):
    """What the key opens: only an active one opens anything, and a revoked one never will."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a credential is blocked or revoked, in one word, and for which organisation."""

    reason: str | None = None
    ura: str | None = None


NO_CAUSE = Cause()


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A key and whose it is.

    Attributes:
        id: The WebAuthn credential id, base64url.
        public_key: COSE_Key bytes.
        acr: The most that the proof behind the binding lets it earn.
        device_token_digest: SHA-256 of the bearer token in use; a revoked key has none.
        next_device_token_digest: That of the one announced to follow it.
        name: What its holder calls the phone; empty for none.
        bound_ura: The organisation for which it was bound.
        status_reason: Why it is blocked or revoked, one word.
        only_ura: The one organisation that it opens, where an operator and no card stands behind
            it (option 2B).
        status_ura: The organisation whose administrator blocked it.
    """

    id: str
    person_id: str
    kind: CredentialKind
    public_key: bytes
    sign_count: int
    aaguid: str
    attestation_format: str
    attestation_verdict: str
    backup_eligible: bool
    backed_up: bool
    acr: str
    platform: str
    model: str
    app_version: str
    status: CredentialStatus
    bound_by: str
    pairing_id: str
    device_token_digest: str | None
    next_device_token_digest: str | None
    push_service: str | None
    push_address: str | None
    bound_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    last_used_workstation: str | None
    name: str = ""
    bound_ura: str | None = None
    status_at: datetime | None = None
    status_reason: str | None = None
    status_ura: str | None = None
    last_used_location: str | None = None
    last_used_ura: str | None = None
    only_ura: str | None = None

    @property
    def device_name(self) -> str:
        """What its holder calls the phone, else what the phone calls itself."""
        return self.name or self.model or self.platform

    def is_active(self, now: datetime) -> bool:
        """Whether the key opens anything now."""
        return self.status is CredentialStatus.ACTIVE and now < self.expires_at

    def opens(self, ura: str, now: datetime) -> bool:
        """Whether the key opens this organisation now."""
        return self.is_active(now) and self.is_for(ura)

    def is_for(self, ura: str) -> bool:
        """Whether this organisation is one that the key may open, however it stands."""
        return self.only_ura in (None, ura)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One use of a key: when, with what count, and where the administrator is to look.

    Attributes:
        backed_up: The BS flag of this assertion (WebAuthn Level 3 section 6.1.3).
        workstation, location, ura: `None` leaves what is known of the last one.
    """

    at: datetime
    sign_count: int
    backed_up: bool
    workstation: str | None = None
    location: str | None = None
    ura: str | None = None


_TIMES = ("bound_at", "expires_at", "last_used_at", "status_at")
_c = table.c
_this = _c.id == sa.bindparam("key")
_insert = sa.insert(table)
_select = sa.select(table).order_by(_c.bound_at, _c.id)
_by_id = sa.select(table).where(_this)
_by_id_for_share = _by_id.with_for_update(read=True)
_by_id_for_update = _by_id.with_for_update(key_share=True)
_of_person = _select.where(_c.person_id == sa.bindparam("person_id"))
_by_pairing = sa.select(table).where(_c.pairing_id == sa.bindparam("pairing_id"))
_by_token = sa.select(table).where(device_tokens.stands_for)
_of_person_for_update = _of_person.with_for_update(key_share=True)
_expiring = _select.where(
    _c.status == CredentialStatus.ACTIVE.value,
    _c.expires_at > sa.bindparam("after"),
    _c.expires_at <= sa.bindparam("until"),
).limit(sa.bindparam("most"))
_set_status = (
    sa.update(table)
    .where(_this, _c.status == sa.bindparam("old"))
    .values(
        status=sa.bindparam("new"),
        status_at=sa.bindparam("at"),
        status_reason=sa.bindparam("reason"),
        status_ura=sa.bindparam("for_ura"),
    )
)
#: All that could still lead somewhere goes with the key.
_let_go = (
    sa.update(table)
    .where(_this)
    .values(
        device_token_digest=sa.null(),
        next_device_token_digest=sa.null(),
        push_service=sa.null(),
        push_address=sa.null(),
    )
)
_rename = sa.update(table).where(_this).values(name=sa.bindparam("new_name"))
_record_use = (
    sa.update(table)
    .where(
        _this,
        _c.status == CredentialStatus.ACTIVE.value,
        # An authenticator that does not count always says 0 (WebAuthn section 6.1.1).
        sa.or_(
            _c.sign_count < sa.bindparam("count"),
            sa.and_(_c.sign_count == 0, sa.bindparam("count") == sa.literal(0)),
        ),
    )
    .values(
        sign_count=sa.bindparam("count"),
        backed_up=sa.bindparam("is_backed_up"),
        last_used_at=sa.bindparam("at"),
        **{
            f"last_used_{name}": sa.func.coalesce(
                sa.cast(sa.bindparam(name), sa.Text), _c[f"last_used_{name}"]
            )
            for name in ("workstation", "location", "ura")
        },
    )
)
_set_push = (
    sa.update(table)
    .where(_this)
    .values(push_service=sa.bindparam("service"), push_address=sa.bindparam("address"))
)
_forget_push = (
    sa.update(table)
    .where(
        _this,
        _c.push_service == sa.bindparam("service"),
        _c.push_address == sa.bindparam("address"),
    )
    .values(push_service=sa.null(), push_address=sa.null())
)


def add(tx: Transaction, credential: Credential) -> None:
    """Bind a key.

    Raises:
        AlreadyExistsError: its id, its pairing or its device token is another key's.
    """
    if credential.device_token_digest is not None:
        device_tokens.check_is_free(tx, credential.device_token_digest)
    facts = asdict(credential) | {name: milliseconds(getattr(credential, name)) for name in _TIMES}
    tx.run(_insert, **facts)
    for listings in (member_listings, phone_listings):
        listings.refresh(tx, credential.person_id)


def get(tx: Query, credential_id: str) -> Credential | None:
    """Return the credential, whatever its status."""
    return _credential(tx.one(_by_id, key=credential_id))


def get_for_share(tx: Transaction, credential_id: str) -> Credential | None:
    """Return the credential, whose status then stays what it is until this commit."""
    return _credential(tx.one(_by_id_for_share, key=credential_id))


def get_for_update(tx: Transaction, credential_id: str) -> Credential | None:
    """Return the credential, which this change is going to update.

    Not `get_for_share`: two nodes that both hold a row for share and both want to write it wait
    for each other until PostgreSQL finds the deadlock, each with its only writer.
    """
    return _credential(tx.one(_by_id_for_update, key=credential_id))


def of_person(tx: Query, person_id: str) -> list[Credential]:
    """Return a person's credentials, whatever their status, oldest first."""
    return [_read(row) for row in tx.all(_of_person, person_id=person_id)]


def of_person_for_update(tx: Transaction, person_id: str) -> list[Credential]:
    """Return the same, which nobody else changes until this commit."""
    return [_read(row) for row in tx.all(_of_person_for_update, person_id=person_id)]


def expiring(tx: Query, after: datetime, until: datetime, most: int) -> list[Credential]:
    """Return active credentials that expire after one moment and not after another, soonest first.

    Args:
        most: How many are read at once.
    """
    rows = tx.all(_expiring, after=to_milliseconds(after), until=to_milliseconds(until), most=most)
    return [_read(row) for row in rows]


def list_all(tx: Query) -> list[Credential]:
    """Return all credentials, oldest first."""
    return [_read(row) for row in tx.all(_select)]


def by_pairing(tx: Query, pairing_id: str) -> Credential | None:
    """Return the credential that was bound in a pairing."""
    return _credential(tx.one(_by_pairing, pairing_id=pairing_id))


def by_device_token(tx: Query, digest: str) -> Credential | None:
    """Return the credential whose device token, in use or announced, has this digest."""
    return _credential(tx.one(_by_token, digest=digest))


def set_status(
    tx: Transaction,
    credential_id: str,
    old: CredentialStatus,
    new: CredentialStatus,
    at: datetime,
    cause: Cause = NO_CAUSE,
) -> bool:
    """Move a credential from one status to another.  Returns whether it had the old one.

    A revoked one loses its tokens and its push address in the same step.
    """
    if not tx.run(
        _set_status,
        key=credential_id,
        old=old,
        new=new,
        at=to_milliseconds(at),
        reason=cause.reason,
        for_ura=cause.ura,
    ):
        return False
    if new is CredentialStatus.REVOKED:
        tx.run(_let_go, key=credential_id)
    phone_listings.refresh_of(tx, credential_id)
    return True


def rename(tx: Transaction, credential_id: str, name: str) -> None:
    """Call the phone otherwise."""
    tx.run(_rename, key=credential_id, new_name=name)
    if (phone := get(tx, credential_id)) is not None:
        member_listings.refresh(tx, phone.person_id)


def record_use(tx: Transaction, credential_id: str, use: Use) -> bool:
    """Write down that an active key was used (WebAuthn section 7.2, steps 22 and 24).

    Returns:
        Whether the key is active and its count grew, or is not counted: else nothing is written.
    """
    touched = tx.run(
        _record_use,
        key=credential_id,
        count=use.sign_count,
        is_backed_up=use.backed_up,
        at=to_milliseconds(use.at),
        workstation=use.workstation,
        location=use.location,
        ura=use.ura,
    )
    return touched == 1


def set_push(
    tx: Transaction, credential_id: str, service: str | None, address: str | None
) -> None:
    """Take a new push address, or none."""
    tx.run(_set_push, key=credential_id, service=service, address=address)


def forget_push(tx: Transaction, credential_id: str, service: str, address: str) -> None:
    """Forget a push address, unless the phone has given another one meanwhile."""
    tx.run(_forget_push, key=credential_id, service=service, address=address)


def _credential(row: Row | None) -> Credential | None:
    return None if row is None else _read(row)


def _read(row: Row) -> Credential:
    return Credential(
        **{
            **row,
            "kind": CredentialKind(row["kind"]),
            "status": CredentialStatus(row["status"]),
            **{name: moment(row[name]) for name in _TIMES},
        }
    )
