"""Rules of whom a program wants in the organisation, and as what: those of the portal's forms."""

from datetime import datetime
from typing import Protocol

from admin.identity_fields import check_no_bsn
from admin.linking_record import Newcomer
from admin.people_rules import Wanted
from admin.person_fields import read_last_day, read_name, read_role_codes
from pairing_server.registry.people import MembershipKind


class Described(Protocol):
    """What is sent of a membership."""

    @property
    def role_codes(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def last_day(self) -> str | None: ...  # noqa: D102


class Named(Described, Protocol):
    """What is sent of somebody who is to come."""

    @property
    def first_names(self) -> str: ...  # noqa: D102
    @property
    def last_name(self) -> str: ...  # noqa: D102


def newcomer_of(sent: Named, kind: MembershipKind, now: datetime) -> Newcomer:
    """Return whom an organisation wants.

    Raises:
        FieldError: see `admin.person_fields`.
    """
    wanted = wanted_of(sent, kind, now)
    first_names, last_name = names_of(sent.first_names, sent.last_name)
    return Newcomer(
        first_names=first_names,
        last_name=last_name,
        kind=kind,
        role_codes=wanted.role_codes,
        valid_until=wanted.valid_until,
    )


def names_of(first_names: str, last_name: str) -> tuple[str, str]:
    """Return names as they are kept.

    Raises:
        FieldError: one is none, or holds what may be a citizen service number.
    """
    check_no_bsn(first_names=first_names, last_name=last_name)
    return read_name("first_names", first_names), read_name("last_name", last_name)


def wanted_of(sent: Described, kind: MembershipKind, now: datetime) -> Wanted:
    """Return what a membership is to be.

    Raises:
        FieldError: a role stands there twice, or the last day is over or too far away.
    """
    return Wanted(
        role_codes=read_role_codes(" ".join(sent.role_codes)),
        valid_until=read_last_day(sent.last_day or "", kind, now),
    )
