"""Rules of a pairing: offered, scanned, proved, paired (design section 5)."""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from pairing_server.errors import Expired, NotFound
from pairing_server.keys.credential import NewKey
from pairing_server.keys.identity import Identity
from pairing_server.qr.refusals import PairingClosed, WrongCheckNumber

PAIRING_LIFETIME = timedelta(minutes=5)
CHECK_NUMBER_DIGITS = 4
CHECK_NUMBER_ATTEMPTS = 3


class Status(StrEnum):
    """Where a pairing is."""

    OFFERED = "offered"
    SCANNED = "scanned"
    PROVED = "proved"
    #: The right number was typed; the registry is being told.  Shown as `proved`.
    BINDING = "binding"
    PAIRED = "paired"
    REFUSED = "refused"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Device:
    """What the phone says it is."""

    platform: str
    model: str
    app_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """The QR session.

    Attributes:
        browser: Digest of the browser session at whose page this happens.
        bound_by: The proof behind the person: `uzi-pas`, or the operator of option 2B.
        push_service: Where the phone is to be woken, with `push_address`.
        signed_out_at: When the person had last been signed out as it was offered.
        is_by_operator: Whether an operator and no card is the proof (option 2B): the key earns
            less, and opens that organisation alone.
    """

    id: str
    status: Status
    person_id: str
    user_name: str
    identity: Identity
    browser: str
    bound_by: str
    secret_digest: str
    expires_at: datetime
    attempts_left: int = CHECK_NUMBER_ATTEMPTS
    device_token_digest: str | None = None
    device: Device | None = None
    check_number: str = ""
    challenge: str = ""
    user_id: str = ""
    key: NewKey | None = None
    push_service: str | None = None
    push_address: str | None = None
    signed_out_at: datetime | None = None
    is_by_operator: bool = False

    def status_at(self, now: datetime) -> Status:
        """Return the status as it is told: an unfinished pairing expires."""
        if self.status in (Status.PAIRED, Status.REFUSED):
            return self.status
        if now >= self.expires_at:
            return Status.EXPIRED
        return Status.PROVED if self.status is Status.BINDING else self.status


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a scanning phone sends, and what is drawn for it should it be the first."""

    secret_digest: str
    device_token_digest: str
    device: Device
    check_number: str
    challenge: str
    user_id: str


def scan(pairing: Pairing, by: Scan, now: datetime) -> Pairing:
    """Let the first phone have the pairing; the same phone again changes nothing.

    Raises:
        Expired: the time is over.
        NotFound: the secret is wrong, or another phone was first.
    """
    if not hmac.compare_digest(pairing.secret_digest, by.secret_digest):
        raise NotFound("wrong secret")
    if pairing.device_token_digest is not None:
        _check_phone(pairing, by.device_token_digest)
        _check_time(pairing, now)
        return pairing
    _check_time(pairing, now)
    if pairing.status is not Status.OFFERED:
        raise NotFound("not offered")
    return replace(
        pairing,
        status=Status.SCANNED,
        device_token_digest=by.device_token_digest,
        device=by.device,
        check_number=by.check_number,
        challenge=by.challenge,
        user_id=by.user_id,
    )


def check_scanned(pairing: Pairing, device_token_digest: str, now: datetime) -> None:
    """Make sure that this phone's key is awaited.

    Raises:
        Expired: the time is over.
        NotFound: it is another phone's pairing.
        PairingClosed: the key was taken already, or the pairing has ended.
    """
    _check_phone(pairing, device_token_digest)
    _check_time(pairing, now)
    if pairing.status is not Status.SCANNED:
        raise PairingClosed(status=pairing.status_at(now))


def prove(
    pairing: Pairing,
    device_token_digest: str,
    key: NewKey,
    push: tuple[str, str] | None,
    now: datetime,
) -> Pairing:
    """Take the phone's verified key.

    Raises:
        as `check_scanned`.
    """
    check_scanned(pairing, device_token_digest, now)
    service, address = push or (None, None)
    return replace(
        pairing, status=Status.PROVED, key=key, push_service=service, push_address=address
    )


def type_check_number(pairing: Pairing, number: str, now: datetime) -> Pairing:
    """Compare the number typed at the page with the one on the phone's screen.

    The caller looks at the result: `BINDING` is right, `REFUSED` is wrong for the last time, else
    it was wrong and an attempt is gone.

    Raises:
        Expired: the time is over.
        PairingClosed: no number is awaited.
    """
    _check_time(pairing, now)
    if pairing.status not in (Status.PROVED, Status.BINDING):
        raise PairingClosed(status=pairing.status_at(now))
    if hmac.compare_digest(pairing.check_number.encode(), number.encode()):
        return replace(pairing, status=Status.BINDING)
    if pairing.status is Status.BINDING:
        # The right number is being acted on: a wrong one beside it changes nothing.
        raise WrongCheckNumber(attempts_left=pairing.attempts_left)
    left = pairing.attempts_left - 1
    return replace(pairing, attempts_left=left, status=Status.PROVED if left else Status.REFUSED)


def paired(pairing: Pairing) -> Pairing:
    """Say that the registry has the key."""
    return replace(pairing, status=Status.PAIRED)


def refused(pairing: Pairing) -> Pairing:
    """End a pairing that the registry would not have, unless it had it before."""
    if pairing.status is Status.PAIRED:
        return pairing
    return replace(pairing, status=Status.REFUSED)


def _check_phone(pairing: Pairing, device_token_digest: str) -> None:
    own = pairing.device_token_digest
    if own is None or not hmac.compare_digest(own, device_token_digest):
        raise NotFound("another phone")


def _check_time(pairing: Pairing, now: datetime) -> None:
    if pairing.status_at(now) is Status.EXPIRED:
        raise Expired
