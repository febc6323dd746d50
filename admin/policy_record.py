"""What an organisation settles about two people, in one transaction: more at once, less by two."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from admin import policy
from admin.access import Act, Target, check
from admin.actor import Actor
from admin.phone_record import LIFETIME, check_asker, check_second
from admin.phone_record import settle as settle_pending
from admin.policy import AdminPolicy
from admin.refusals import LessAskedAlready
from pairing_server.audit.admin_events import ActAsked, AdminPolicyChanged
from pairing_server.errors import NotFound
from pairing_server.registry import Query, Transaction, organisations, pending_acts
from pairing_server.registry.pending_acts import PendingAct


def settle(
    tx: Transaction, actor: Actor, wanted: AdminPolicy, pending_id: str, now: datetime
) -> bool:
    """Want two for more acts from now on, and ask a second administrator for fewer.

    Else one would take away what keeps one from acting alone.

    Returns:
        Whether a second one was asked.

    Raises:
        LessAskedAlready: somebody asked for fewer, and it waits.
        as `admin.access.check`.
    """
    before = _before(tx, actor, now)
    _write(tx, actor, before, AdminPolicy(second=before.second | wanted.second), {})
    fewer = sorted(act.value for act in before.second - wanted.second)
    if fewer:
        _ask(tx, actor, fewer, pending_id, now)
    return bool(fewer)


def loosen(tx: Transaction, actor: Actor, pending: PendingAct, now: datetime) -> None:
    """Want two for fewer acts, as a colleague asked.

    Raises:
        Conflict: it does not wait any more, or who asked may not do so any more.
        Forbidden: they asked for it themselves.
        as `admin.access.check`.
    """
    check_second(actor, pending, now)
    check_asker(tx, pending, now)
    before = _before(tx, actor, now)
    settle_pending(tx, pending, actor, now)
    wanted = AdminPolicy(second=before.second - set(pending.subject["without"]))
    asked = {"asked_by": f"person:{pending.asked_by}", "pending": pending.id}
    _write(tx, actor, before, wanted, asked)


def waits(tx: Query, ura: str, now: datetime) -> bool:
    """Tell whether an organisation's administrators were asked for fewer acts."""
    return any(each.act == Act.SET_POLICY for each in pending_acts.open_of(tx, ura, now))


def _before(tx: Transaction, actor: Actor, now: datetime) -> AdminPolicy:
    check(Act.SET_POLICY, actor, Target.of_organisation(actor.ura), now)
    found = organisations.get_for_update(tx, actor.ura)
    if found is None:
        raise NotFound("organisation")
    return policy.read(found.admin_policy)


def _write(
    tx: Transaction,
    actor: Actor,
    before: AdminPolicy,
    after: AdminPolicy,
    evidence: Mapping[str, Any],
) -> None:
    if before == after:
        return
    organisations.set_admin_policy(tx, actor.ura, after.as_json())
    tx.record(
        AdminPolicyChanged(
            actor=actor.name,
            object=f"organisation:{actor.ura}",
            ura=actor.ura,
            evidence={**after.as_json(), **evidence},
        )
    )


def _ask(tx: Transaction, actor: Actor, fewer: list[str], pending_id: str, now: datetime) -> None:
    if waits(tx, actor.ura, now):
        raise LessAskedAlready
    nobody = dict.fromkeys(("person", "credential", "name", "phone"), "")
    pending_acts.add(
        tx,
        PendingAct(
            id=pending_id,
            ura=actor.ura,
            act=Act.SET_POLICY.value,
            subject={**nobody, "without": fewer},
            asked_by=actor.person_id or "",
            asked_at=now,
            expires_at=now + LIFETIME,
        ),
    )
    tx.record(
        ActAsked(
            actor=actor.name,
            object=f"organisation:{actor.ura}",
            ura=actor.ura,
            evidence={"act": Act.SET_POLICY.value, "pending": pending_id, "without": fewer},
        )
    )
