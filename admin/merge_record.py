"""How two records of one person become one, in one transaction.

Nothing is lost: keys go over, the absorbed record stays as an alias under which the audit log
knows what was, and the event holds all that both of them were.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from admin import merge_rules, people_rules
from admin.access import Act
from admin.actor import Actor
from admin.people_record import (
    event,
    keeping_an_administrator,
    member_for_update,
    works_elsewhere,
)
from pairing_server.audit.events import PeopleMerged
from pairing_server.keys.binding import tell
from pairing_server.portal.birth_date import BirthDates
from pairing_server.registry import Query, Transaction, aliases, credentials, people, sessions
from pairing_server.registry.aliases import Alias
from pairing_server.registry.credentials import CredentialStatus
from pairing_server.registry.members import Member
from pairing_server.registry.people import PersonStatus
from pairing_server.registry.phone_notices import PhoneNoticeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Merging:
    """Which record goes into which.

    Attributes:
        born: As it stands on the identity document of the person before the administrator.
    """

    kept: str
    absorbed: str
    born: date


def merge(
    tx: Transaction, actor: Actor, merging: Merging, births: BirthDates, now: datetime
) -> None:
    """Take one record's keys and memberships over into another one, and close it.

    Raises:
        AskedFirst: the kept one left for another organisation.
        LastAdministrator: the absorbed one was.
        NotFound, Forbidden, FreshApprovalNeeded: as `admin.people_record.member_for_update`.
        NotMerged: they are not shown to be one person, or it is not for this organisation.
    """
    with keeping_an_administrator(tx, actor.ura, merging.kept, merging.absorbed):
        kept, absorbed = _both(tx, actor, merging, now)
        elsewhere = [
            each for each in people.memberships(tx, absorbed.person.id) if each.ura != actor.ura
        ]
        merge_rules.check_mergeable(kept, absorbed, elsewhere)
        merge_rules.check_same_birth(kept.person, absorbed.person, births, merging.born)
        if absorbed.membership.is_valid(now):
            is_away = works_elsewhere(tx, actor, kept.person.id, now)
            people_rules.check_may_begin_again(kept.membership, now, works_elsewhere=is_away)
        evidence = {"kept": _all_of(tx, kept), "absorbed": _all_of(tx, absorbed)}
        phones = credentials.of_person(tx, absorbed.person.id)
        _close(tx, absorbed, now)
        joined = merge_rules.merged(kept.membership, absorbed.membership, now)
        people.put_membership(tx, joined)
    if kept.person.birth_digest is None:
        digest = births.digest(kept.person.id, merging.born)
        people.update_person(tx, replace(kept.person, birth_digest=digest))
    aliases.add(
        tx,
        Alias(
            id=absorbed.person.id,
            person_id=kept.person.id,
            user_name=absorbed.person.user_name,
            ura=actor.ura,
            merged_by=actor.name,
            merged_at=now,
        ),
    )
    for phone in phones:
        if phone.status is not CredentialStatus.REVOKED:
            # It logs in as them from now on, whoever holds it.
            tell(tx, replace(phone, person_id=kept.person.id), PhoneNoticeKind.ADDED, now)
    tx.record(event(PeopleMerged, actor, kept.person.id, evidence))


def _both(tx: Transaction, actor: Actor, merging: Merging, now: datetime) -> tuple[Member, Member]:
    kept = member_for_update(tx, Act.MERGE, actor, merging.kept, now)
    return kept, member_for_update(tx, Act.MERGE, actor, merging.absorbed, now)


def _close(tx: Transaction, absorbed: Member, now: datetime) -> None:
    person, membership = absorbed.person, absorbed.membership
    people.update_person(tx, replace(person, status=PersonStatus.CLOSED))
    people.sign_out(tx, person.id, now)
    if membership.is_valid(now):
        membership = replace(membership, valid_until=now)
    people.put_membership(tx, replace(membership, administrative_role=None))
    sessions.end_of_member(tx, person.id, membership.ura, now)


def _all_of(tx: Query, member: Member) -> dict[str, Any]:
    """Return all that a record is, but what is nobody's to know, as JSON values."""
    person = member.person
    return {
        "id": person.id,
        "name": person.name,
        "user_name": person.user_name,
        "uzi_number": person.uzi_number,
        "birth_date_known": person.birth_digest is not None,
        "membership": people_rules.facts(member.membership),
        "aliases": [alias.id for alias in aliases.of_person(tx, person.id)],
        "phones": [
            {
                "credential": phone.id,
                "status": phone.status,
                "bound_by": phone.bound_by,
                "bound_ura": phone.bound_ura,
            }
            for phone in credentials.of_person(tx, person.id)
        ],
    }
