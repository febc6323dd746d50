"""When and where a person's phones were used, as the audit log has it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Row
from pairing_server.registry.tables import audit_event

#: As many as are looked through; who uses a phone more often than that was seen using it.
READ = 500
#: What is done with a phone: where the person's card did it instead, there is no assertion.
ACTIONS = (
    "AuthRequestApproved",
    "AuthRequestDenied",
    "PhoneRenamed",
    "DefaultPhoneChosen",
    "DeviceTokenReplaced",
    "PushAddressChanged",
    "AuthenticatorBound",
    "AuthenticatorBlocked",
    "AuthenticatorUnblocked",
    "AuthenticatorRevoked",
)
#: Of these, what its token does without a signature.
BY_TOKEN = frozenset({"DeviceTokenReplaced", "PushAddressChanged"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneUse:
    """One use.

    Attributes:
        action: The event's name.
        ura: The organisation that was logged in to; `None` where the app alone was used.
    """

    credential_id: str
    at: datetime
    action: str
    ura: str | None
    organisation: str
    workstation: str
    location: str
    client: str

    @property
    def is_login(self) -> bool:
        """Whether something was opened with it."""
        return self.action == "AuthRequestApproved"


_e = audit_event.c
_since = (
    sa.select(_e.time, _e.action, _e.object, _e.ura, _e.evidence)
    .where(
        _e.actor == sa.bindparam("of_person"),
        _e.time >= sa.bindparam("since"),
        _e.action.in_(ACTIONS),
    )
    .order_by(_e.time.desc(), _e.chain, _e.sequence.desc())
    .limit(READ)
)


def of_person(tx: Query, person_id: str, since: datetime) -> list[PhoneUse]:
    """Return the uses of a person's phones from a moment on, newest first."""
    rows = tx.all(_since, of_person=f"person:{person_id}", since=to_milliseconds(since))
    return [use for row in rows if (use := _use(row)) is not None]


def _use(row: Row) -> PhoneUse | None:
    evidence: dict[str, Any] = json.loads(row["evidence"])
    kind, _, identifier = str(row["object"]).partition(":")
    credential_id = _by_which(kind, identifier, row["action"], evidence)
    if not isinstance(credential_id, str):
        return None
    shown = evidence.get("signed") or evidence.get("shown") or {}
    return PhoneUse(
        credential_id=credential_id,
        at=from_milliseconds(row["time"]),
        action=row["action"],
        ura=row["ura"] if kind == "auth-request" else None,
        organisation=str(shown.get("organisation", "")),
        workstation=str(shown.get("workstation", "")),
        location=str(shown.get("location", "")),
        client=str(shown.get("client", "")),
    )


def _by_which(kind: str, identifier: str, action: str, evidence: dict[str, Any]) -> Any:
    """Return the phone with which it was done; nothing where it was a card."""
    if kind == "auth-request":
        return evidence.get("credential")
    if "assertion" in evidence:
        # One phone signs what happens to another one, too.
        return evidence.get("by", identifier)
    return identifier if action in BY_TOKEN else None
