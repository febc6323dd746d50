"""Rules of a transfer: a new phone shows a code, the old one scans it and signs for the new key.

offered → claimed (the old phone scanned) → proved (the new one made its key) → done.
"""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from pairing_server.errors import Expired, NotFound
from pairing_server.keys.credential import NewKey
from pairing_server.keys.identity import Identity
from pairing_server.phones.refusals import TransferClosed

TRANSFER_LIFETIME = timedelta(minutes=5)
CODE_DIGITS = 6
CODE_ATTEMPTS = 3


class Status(StrEnum):
    """Where a transfer is."""

    OFFERED = "offered"
    CLAIMED = "claimed"
    PROVED = "proved"
    #: The right code came, well signed; the registry is being told.  Shown as `proved`.
    BINDING = "binding"
    DONE = "done"
    REFUSED = "refused"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Device:
    """What the new phone says it is."""

    platform: str
    model: str
    app_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A transfer.

    Attributes:
        token_digest: Of the new phone's device token.
        code: What the new phone shows and is typed on the old one.
        nonce: What the old phone signs with.
        challenge, user_id: Of the ceremony that makes the new key; base64url.
        claimed_by: The credential of the old phone, once it scanned.
        wrong_answers: Digests of well-signed answers with a wrong code; each counts once.
        answered: The digest of the right one, by which the identical answer is known again.
    """

    id: str
    status: Status
    token_digest: str
    secret_digest: str
    device: Device
    code: str
    nonce: str
    challenge: str
    user_id: str
    expires_at: datetime
    claimed_by: str | None = None
    person_id: str | None = None
    user_name: str = ""
    identity: Identity | None = None
    key: NewKey | None = None
    push_service: str | None = None
    push_address: str | None = None
    wrong_answers: tuple[str, ...] = ()
    answered: str | None = None

    @property
    def attempts_left(self) -> int:
        """How many wrong codes may still be typed before the transfer ends."""
        return CODE_ATTEMPTS - len(self.wrong_answers)

    def status_at(self, now: datetime) -> Status:
        """Return the status as it is told: an unfinished transfer expires."""
        if self.status in (Status.DONE, Status.REFUSED):
            return self.status
        if now >= self.expires_at:
            return Status.EXPIRED
        return Status.PROVED if self.status is Status.BINDING else self.status


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Whose phone scanned, and whom the new one will belong to."""

    secret_digest: str
    credential_id: str
    person_id: str
    user_name: str
    identity: Identity


def claim(transfer: Transfer, by: Claim, now: datetime) -> Transfer:
    """Let the first old phone have the transfer; the same phone again changes nothing.

    Raises:
        Expired: the time is over.
        NotFound: the secret is wrong, or another phone was first.
        TransferClosed: it has ended.
    """
    if not hmac.compare_digest(transfer.secret_digest, by.secret_digest):
        raise NotFound("wrong secret")
    if transfer.claimed_by is not None:
        check_old_phone(transfer, by.credential_id)
        _check_open(transfer, now, Status.CLAIMED, Status.PROVED, Status.BINDING)
        return transfer
    _check_open(transfer, now, Status.OFFERED)
    return replace(
        transfer,
        status=Status.CLAIMED,
        claimed_by=by.credential_id,
        person_id=by.person_id,
        user_name=by.user_name,
        identity=by.identity,
    )


def check_claimed(transfer: Transfer, token_digest: str, now: datetime) -> None:
    """Make sure that this new phone's key is awaited.

    Raises:
        Expired: the time is over.
        NotFound: it is another phone's transfer.
        TransferClosed: nobody has scanned yet, the key was taken, or it has ended.
    """
    check_new_phone(transfer, token_digest)
    _check_open(transfer, now, Status.CLAIMED)


def prove(
    transfer: Transfer,
    token_digest: str,
    key: NewKey,
    push: tuple[str, str] | None,
    now: datetime,
) -> Transfer:
    """Take the new phone's verified key.

    Raises:
        as `check_claimed`.
    """
    check_claimed(transfer, token_digest, now)
    service, address = push or (None, None)
    return replace(
        transfer, status=Status.PROVED, key=key, push_service=service, push_address=address
    )


def check_answerable(transfer: Transfer, credential_id: str, now: datetime) -> NewKey:
    """Make sure that this old phone's answer is awaited.  Returns the key it is about.

    Raises:
        Expired: the time is over.
        NotFound: it is another phone's transfer.
        TransferClosed: there is no key yet, or it has ended.
    """
    check_old_phone(transfer, credential_id)
    _check_open(transfer, now, Status.PROVED, Status.BINDING)
    if transfer.key is None:
        raise TransferClosed(status=transfer.status_at(now))
    return transfer.key


def type_code(
    transfer: Transfer, credential_id: str, code: str, digest: str, now: datetime
) -> Transfer:
    """Compare the code typed on the old phone with the one on the new one's screen.

    The signature was verified before: only a well-signed wrong code counts, once for each
    `digest`.  The caller looks at the result: `BINDING` is right, `REFUSED` is wrong for the last
    time, else it was wrong and an attempt is gone.

    Raises:
        as `check_answerable`.
    """
    check_answerable(transfer, credential_id, now)
    if hmac.compare_digest(transfer.code.encode(), code.encode()):
        return replace(transfer, status=Status.BINDING, answered=digest)
    if transfer.status is Status.BINDING or digest in transfer.wrong_answers:
        # The right code is being acted on, or this wrong one was counted.
        return transfer
    counted = replace(transfer, wrong_answers=(*transfer.wrong_answers, digest))
    return counted if counted.attempts_left else replace(counted, status=Status.REFUSED)


def deny(transfer: Transfer, credential_id: str, now: datetime) -> Transfer:
    """End the transfer at the old phone's word; again changes nothing.

    Raises:
        Expired: the time is over.
        NotFound: it is another phone's transfer.
        TransferClosed: it is done, or is being done.
    """
    check_old_phone(transfer, credential_id)
    if transfer.status is Status.REFUSED:
        return transfer
    _check_open(transfer, now, Status.CLAIMED, Status.PROVED)
    return replace(transfer, status=Status.REFUSED)


def done(transfer: Transfer) -> Transfer:
    """Say that the registry has the key."""
    return replace(transfer, status=Status.DONE)


def done_by_another(transfer: Transfer) -> Transfer:
    """Say that the registry has the key by another answer than the one that is noted here."""
    return replace(transfer, status=Status.DONE, answered=None)


def refused(transfer: Transfer) -> Transfer:
    """End a transfer that the registry would not have, unless it had it before."""
    return transfer if transfer.status is Status.DONE else replace(transfer, status=Status.REFUSED)


def check_old_phone(transfer: Transfer, credential_id: str) -> None:
    """Make sure that it is the old phone's.

    Raises:
        NotFound: it is another phone's transfer.
    """
    if transfer.claimed_by is None or transfer.claimed_by != credential_id:
        raise NotFound("another phone")


def check_new_phone(transfer: Transfer, token_digest: str) -> None:
    """Make sure that it is the new phone's.

    Raises:
        NotFound: it is another phone's transfer.
    """
    if not hmac.compare_digest(transfer.token_digest, token_digest):
        raise NotFound("another phone")


def signed_details(
    transfer: Transfer, credential_id: str, key: NewKey, code: str, *, revoke: bool
) -> dict[str, str]:
    """Return what the old phone signs: the new key, the device that has it, the code as typed."""
    return {
        "transfer": transfer.id,
        "credential": credential_id,
        "new_credential": key.credential_id,
        "platform": transfer.device.platform,
        "model": transfer.device.model,
        "nonce": transfer.nonce,
        "decision": "approve",
        "revoke": "true" if revoke else "false",
        "code": code,
    }


def _check_open(transfer: Transfer, now: datetime, *statuses: Status) -> None:
    status = transfer.status_at(now)
    if status is Status.EXPIRED:
        raise Expired
    if transfer.status not in statuses:
        raise TransferClosed(status=status)
