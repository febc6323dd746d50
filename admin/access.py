"""Who may do what to whom: one table, and one function that reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from admin.actor import Actor, Role
from admin.refusals import Forbidden, FreshApprovalNeeded, NotYours
from pairing_server.errors import NotFound

#: How old the newest approval may be for a dangerous act.
FRESH_FOR = timedelta(minutes=5)


class Act(StrEnum):
    """What can be done, on the pages and at the API."""

    SEE_DASHBOARD = "see_dashboard"
    READ_NOTICE = "read_notice"
    FIND_PEOPLE = "find_people"
    SEE_PERSON = "see_person"
    BLOCK_PHONE = "block_phone"
    UNBLOCK_PHONE = "unblock_phone"
    REVOKE_PHONE = "revoke_phone"
    INVITE = "invite"
    REGISTER_2B = "register_2b"
    LINK = "link"
    UNLINK = "unlink"
    SET_ROLES = "set_roles"
    SET_CONTACT = "set_contact"
    RENAME = "rename"
    MERGE = "merge"
    APPOINT = "appoint"
    DISMISS = "dismiss"
    IMPORT_CSV = "import_csv"
    EXPORT_CSV = "export_csv"
    SEE_LOG = "see_log"
    EXPORT_LOG = "export_log"
    SEE_WORKSTATIONS = "see_workstations"
    SEE_POLICY = "see_policy"
    SET_POLICY = "set_policy"
    SEE_STREAMS = "see_streams"
    MANAGE_STREAMS = "manage_streams"
    APPROVE_AS_SECOND = "approve_as_second"
    WITHDRAW_REQUEST = "withdraw_request"


class Scope(StrEnum):
    """Whose the things are that an act is done to."""

    #: The organisation itself, and people who are linked to it, whoever else they work for.
    ANY_LINKED = "any_linked"
    #: Of those, the organisation itself, and the phones that it bound.
    OWN = "own"
    #: Besides those, the phones that it blocked.
    OWN_OR_BLOCKED = "own_or_blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What an act asks of who does it.

    Attributes:
        fresh: Whether the approval may not be older than `FRESH_FOR`.
        second: Whether an organisation may want another administrator to do it.
        dismisses: Whether it takes who may dismiss where it is done to somebody who manages: it
            would cut them off, let others be taken for them, or keep from them what happens.
    """

    roles: frozenset[Role]
    scope: Scope = Scope.ANY_LINKED
    fresh: bool = False
    second: bool = False
    dismisses: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What an act is done to.

    Attributes:
        linked: The organisations whose it is: a person's memberships that hold; of the
            organisation's own things, that one.
        settled_by: Whose word is the last on it: the organisation that bound the phone.
        blocked_by: The organisation that blocked the phone.
        manages: Whether it is a person who manages the organisation.
    """

    linked: frozenset[str]
    settled_by: frozenset[str] = frozenset()
    blocked_by: frozenset[str] = frozenset()
    manages: bool = False

    def within(self, scope: Scope) -> frozenset[str]:
        """Return the organisations in whose scope it is, of those that are linked."""
        match scope:
            case Scope.ANY_LINKED:
                return self.linked
            case Scope.OWN:
                return self.linked & self.settled_by
            case Scope.OWN_OR_BLOCKED:
                return self.linked & (self.settled_by | self.blocked_by)

    @classmethod
    def of_organisation(cls, ura: str) -> "Target":
        """Return what belongs to one organisation and no other."""
        return cls(linked=frozenset({ura}), settled_by=frozenset({ura}))


_DESK = frozenset({Role.ADMINISTRATOR, Role.OPERATOR, Role.SERVICE_DESK})
_STAFF = frozenset({Role.ADMINISTRATOR, Role.OPERATOR})
_HEAD = frozenset({Role.ADMINISTRATOR})
_MACHINE = frozenset({Role.MACHINE})

TABLE: Mapping[Act, Rule] = MappingProxyType(
    {
        Act.SEE_DASHBOARD: Rule(roles=_DESK),
        Act.READ_NOTICE: Rule(roles=_STAFF),
        Act.FIND_PEOPLE: Rule(roles=_DESK | _MACHINE),
        Act.SEE_PERSON: Rule(roles=_DESK | _MACHINE),
        # Whoever learns of a loss blocks, wherever the key came from: it can be undone.
        Act.BLOCK_PHONE: Rule(roles=_DESK | _MACHINE),
        Act.UNBLOCK_PHONE: Rule(roles=_STAFF, scope=Scope.OWN_OR_BLOCKED, fresh=True, second=True),
        Act.REVOKE_PHONE: Rule(roles=_STAFF, scope=Scope.OWN, fresh=True, second=True),
        Act.INVITE: Rule(roles=_STAFF | _MACHINE),
        # Somebody looks at an identity document, face to face.
        Act.REGISTER_2B: Rule(roles=_STAFF, second=True, dismisses=True),
        Act.LINK: Rule(roles=_STAFF | _MACHINE),
        Act.UNLINK: Rule(roles=_STAFF | _MACHINE, dismisses=True),
        Act.SET_ROLES: Rule(roles=_STAFF | _MACHINE),
        Act.SET_CONTACT: Rule(roles=_STAFF | _MACHINE, dismisses=True),
        Act.RENAME: Rule(roles=_STAFF | _MACHINE, dismisses=True),
        Act.MERGE: Rule(roles=_HEAD, fresh=True),
        Act.APPOINT: Rule(roles=_HEAD, fresh=True),
        Act.DISMISS: Rule(roles=_HEAD, fresh=True),
        Act.IMPORT_CSV: Rule(roles=_STAFF),
        Act.EXPORT_CSV: Rule(roles=_STAFF),
        Act.SEE_LOG: Rule(roles=_STAFF | _MACHINE),
        Act.EXPORT_LOG: Rule(roles=_HEAD | _MACHINE),
        Act.SEE_WORKSTATIONS: Rule(roles=_STAFF),
        Act.SEE_POLICY: Rule(roles=_STAFF),
        Act.SET_POLICY: Rule(roles=_HEAD, fresh=True),
        Act.SEE_STREAMS: Rule(roles=_HEAD | _MACHINE),
        Act.MANAGE_STREAMS: Rule(roles=_HEAD | _MACHINE, fresh=True),
        Act.APPROVE_AS_SECOND: Rule(roles=_HEAD, fresh=True),
        Act.WITHDRAW_REQUEST: Rule(roles=_STAFF),
    }
)


def check(act: Act, actor: Actor, target: Target, now: datetime) -> None:
    """Let an actor do an act to a target, or refuse.

    Args:
        now: Aware UTC.

    Raises:
        Forbidden: the actor's role, or what the machine was registered for, does not allow it.
        FreshApprovalNeeded: it is allowed, once the actor has confirmed it.
        NotFound: the target is another organisation's, or nobody's: that is one answer.
        NotYours: it is for the organisation that bound the phone.
    """
    rule = TABLE[act]
    # (1) The role first: what it does not allow it allows of nobody, known or not.
    if not may_ever(act, actor):
        raise Forbidden(act.value, actor.role.value)
    # (2) Another organisation's people are unknown here.
    if actor.ura not in target.linked:
        raise NotFound(act.value)
    # (3) What others settle.
    if actor.ura not in target.within(rule.scope):
        raise NotYours(act.value)
    # (4) Who manages is not got rid of by another way than the one that says so.
    if rule.dismisses and target.manages:
        check(Act.DISMISS, actor, target, now)
    # (5) Last, so that nobody is asked to confirm what they will be refused.
    if rule.fresh and not is_fresh(actor, now):
        raise FreshApprovalNeeded(act.value)


def may_ever(act: Act, actor: Actor) -> bool:
    """Tell whether there is anything to which the actor may do this: whether to show it."""
    if actor.role not in TABLE[act].roles:
        return False
    return actor.role is not Role.MACHINE or act.value in actor.acts


def of_machines() -> list[str]:
    """Return what can be agreed with a client at all, in the order of the table."""
    return [act.value for act, rule in TABLE.items() if Role.MACHINE in rule.roles]


def is_fresh(actor: Actor, now: datetime) -> bool:
    """Tell whether the newest approval is young enough for a dangerous act."""
    return now - actor.authenticated_at <= FRESH_FOR
