"""Whether who acts may still act, asked in the transaction that does it."""

from datetime import datetime

from admin import machine
from admin.access import Act, Target, check
from admin.actor import Actor
from admin.portal_client import CLIENT_ID
from pairing_server.errors import Unauthenticated
from pairing_server.registry import Query, administrators, people
from pairing_server.registry.people import PersonStatus


def allow(tx: Query, act: Act, actor: Actor, target: Target, now: datetime) -> None:
    """Let an actor do an act to a target, as both are in this transaction, or refuse.

    Raises:
        Forbidden: what the machine may do was taken back since.
        NotFound: so was its organisation.
        Unauthenticated: the actor was dismissed, unlinked or closed since they came in, or what
            their session rests on has ended.
        as `admin.access.check`.
    """
    check(act, actor, target, now)
    if actor.person_id is None:
        check(act, machine.still(tx, actor), target, now)
        return
    if actor.sid is not None and administrators.of_session(tx, actor.sid, CLIENT_ID, now) is None:
        raise Unauthenticated("session ended")
    person = people.get_person(tx, actor.person_id)
    membership = people.membership(tx, actor.person_id, actor.ura)
    if (
        person is None
        or person.status is not PersonStatus.ACTIVE
        or membership is None
        or not membership.is_valid(now)
        or membership.administrative_role is None
        or membership.administrative_role.value != actor.role.value
    ):
        raise Unauthenticated("acts no more")
