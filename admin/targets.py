"""To whom the things belong that a path names: what the access table is asked about."""

from collections.abc import Callable, Mapping
from datetime import datetime

from admin.access import Target
from admin.actor import Actor
from pairing_server.errors import NotFound
from pairing_server.registry import (
    Query,
    credentials,
    identity_checks,
    offers,
    pending_acts,
    people,
)
from pairing_server.registry.credentials import Credential
from pairing_server.registry.people import Membership, Person, PersonStatus

#: Reads the target of a path with these parts, as of a moment.
Find = Callable[[Query, Actor, Mapping[str, str], datetime], Target]


def of_organisation(tx: Query, actor: Actor, parts: Mapping[str, str], now: datetime) -> Target:
    """Return what belongs to the actor's organisation: a path that names nothing else."""
    _ = tx, parts, now
    return Target.of_organisation(actor.ura)


def of_person(tx: Query, actor: Actor, parts: Mapping[str, str], now: datetime) -> Target:
    """Return whose the person is that `{person}` names."""
    _ = actor
    return Target(linked=linked(tx, parts["person"], now))


def of_pending(tx: Query, actor: Actor, parts: Mapping[str, str], now: datetime) -> Target:
    """Return whose the act is that was asked for and `{pending}` names.

    Raises:
        NotFound: nobody asked for it.
    """
    _ = actor, now
    pending = pending_acts.get(tx, parts["pending"])
    if pending is None:
        raise NotFound("nothing was asked for")
    return Target.of_organisation(pending.ura)


def of_member(tx: Query, actor: Actor, parts: Mapping[str, str], now: datetime) -> Target:
    """Return whose the person is that `{person}` names, also of those who work there no more."""
    _ = now
    person = people.get_person(tx, parts["person"])
    membership = people.membership(tx, parts["person"], actor.ura)
    return of_membership(person, membership)


def of_membership(person: Person | None, membership: Membership | None) -> Target:
    """Return the target that a person is to the organisation of a membership; none is nobody's."""
    if person is None or person.status is not PersonStatus.ACTIVE or membership is None:
        return Target(linked=frozenset())
    manages = membership.administrative_role is not None
    return Target(linked=frozenset({membership.ura}), manages=manages)


def of_offer(tx: Query, actor: Actor, parts: Mapping[str, str], now: datetime) -> Target:
    """Return whose the offer is that `{offer}` names."""
    _ = actor, now
    offer = offers.get(tx, parts["offer"])
    return Target(linked=_only(None if offer is None else offer.ura))


def of_check(tx: Query, actor: Actor, parts: Mapping[str, str], now: datetime) -> Target:
    """Return whose the check of a document is that `{check}` names."""
    _ = actor, now
    check = identity_checks.get(tx, parts["check"])
    return Target(linked=_only(None if check is None else check.ura))


def of_phone(tx: Query, actor: Actor, parts: Mapping[str, str], now: datetime) -> Target:
    """Return whose the phone `{phone}` of the person `{person}` is.

    Raises:
        NotFound: the person has no such phone.
    """
    _ = actor
    phone = credentials.get(tx, parts["phone"])
    if phone is None or phone.person_id != parts["person"]:
        raise NotFound("no such phone")
    return target_of_phone(tx, phone, now)


def target_of_phone(tx: Query, phone: Credential, now: datetime) -> Target:
    """Return whose a phone is."""
    return Target(
        linked=linked(tx, phone.person_id, now),
        settled_by=_only(phone.bound_ura),
        blocked_by=_only(phone.status_ura),
    )


def _only(ura: str | None) -> frozenset[str]:
    return frozenset() if ura is None else frozenset({ura})


def linked(tx: Query, person_id: str, now: datetime) -> frozenset[str]:
    """Return the organisations that a person works for; none of somebody unknown."""
    return frozenset(each.ura for each in people.memberships(tx, person_id) if each.is_valid(now))
