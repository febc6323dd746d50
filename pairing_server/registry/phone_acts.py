"""What was done with a person's phones, as the audit log has it."""

import json
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from pairing_server.clock import from_milliseconds, to_milliseconds
from pairing_server.registry import Query, Row, credentials, organisations
from pairing_server.registry.tables import audit_event, person

LISTED = 100
#: Who looked: told to the organisation whose administrator it was, and to no other.
LOOKED = "PhoneUseViewed"
#: What a record of a lost phone tells.
ACTIONS = (
    "AuthenticatorBlocked",
    "AuthenticatorUnblocked",
    "AuthenticatorRevoked",
    "UnblockingOffered",
    "ActAsked",
    "ActWithdrawn",
    "CloneSuspected",
    LOOKED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneAct:
    """One act.

    Attributes:
        by: The name of who did it, or what they are in the log if they are nobody here; of
            another organisation's people the name of that one.
        phone: What the phone is called.
        lost_at: After which moment they asked for use, if they did.
    """

    at: datetime
    action: str
    by: str
    phone: str
    lost_at: str


_e = audit_event.c
_done = (
    sa.select(
        _e.time,
        _e.action,
        _e.actor,
        _e.object,
        _e.ura,
        _e.evidence,
        person.c.first_names,
        person.c.last_name,
    )
    .select_from(
        audit_event.outerjoin(
            person,
            sa.and_(
                person.c.id == sa.func.substr(_e.actor, len("person:") + 1),
                _e.actor.startswith("person:"),
            ),
        )
    )
    .where(
        _e.object.in_(sa.bindparam("objects", expanding=True)),
        _e.action.in_(ACTIONS),
        _e.time >= sa.bindparam("since"),
        sa.or_(_e.action != LOOKED, _e.ura == sa.bindparam("for_ura")),
    )
    .order_by(_e.time.desc(), _e.chain, _e.sequence.desc())
    .limit(LISTED)
)


def of_person(tx: Query, person_id: str, ura: str, since: datetime) -> list[DoneAct]:
    """Return what was done since a moment, newest first, as an organisation may know it."""
    held = credentials.of_person(tx, person_id)
    phones = {f"credential:{phone.id}": phone.device_name for phone in held}
    objects = [f"person:{person_id}", *phones]
    rows = tx.all(_done, objects=objects, since=to_milliseconds(since), for_ura=ura)
    return [_act(row, phones, _by(tx, row, person_id, ura)) for row in rows]


def _act(row: Row, phones: dict[str, str], by: str) -> DoneAct:
    return DoneAct(
        at=from_milliseconds(row["time"]),
        action=row["action"],
        by=by,
        phone=phones.get(row["object"], ""),
        lost_at=str(json.loads(row["evidence"]).get("lost_at", "")),
    )


def _by(tx: Query, row: Row, person_id: str, ura: str) -> str:
    named = " ".join(filter(None, (row["first_names"], row["last_name"])))
    # The event is of who bound the phone; for whom it was done stands beside it.
    done_for = json.loads(row["evidence"]).get("for_ura", row["ura"])
    is_staff = row["actor"].startswith(("person:", "client:"))
    if not is_staff or row["actor"] == f"person:{person_id}" or done_for == ura:
        return named or row["actor"]
    organisation = organisations.get(tx, done_for) if done_for else None
    return "" if organisation is None else organisation.name
