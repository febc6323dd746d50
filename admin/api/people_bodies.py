"""What travels of people: what is sent, with nothing beside it, and what is told."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from admin.person_fields import MAX_NAME, MAX_ROLES, last_day
from admin.phone_record import SeenPerson, SeenPhone
from pairing_server.clock import wire_time
from pairing_server.registry.members import Member
from pairing_server.registry.people import AdministrativeRole, MembershipKind, Person
from pairing_server.registry.people_search import FoundPerson

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
RoleCode = Annotated[
    str,
    msgspec.Meta(pattern=r"^[0-9]{2}\.[0-9]{3}$", description="As on a UZI card, like 01.015."),
]
RoleCodes = Annotated[
    tuple[RoleCode, ...],
    msgspec.Meta(
        min_length=1, max_length=MAX_ROLES, description="First the one that is offered first."
    ),
]
UziNumber = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{9}$")]
Day = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
LastDay = Annotated[
    Day | None,
    msgspec.Meta(description="In the Netherlands; nothing for as long as it lasts."),
]


class Sent(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What a program sends: a member that is not known here is refused, whatever it says."""


class NameBody(Sent, frozen=True):
    """What somebody is called."""

    first_names: Name
    last_name: Name


class MembershipBody(Sent, frozen=True):
    """What somebody is to be in the organisation."""

    role_codes: RoleCodes
    last_day: LastDay = None


class InvitationBody(NameBody, frozen=True):
    """Somebody who is to come with their card, or by option 2B."""

    date_of_birth: Annotated[
        Day, msgspec.Meta(description="Compared with what the person gives, and not kept.")
    ]
    role_codes: RoleCodes
    last_day: LastDay = None


class SearchBody(Sent, frozen=True):
    """Whom to find: here, for what is looked for stands in no address."""

    text: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=100,
            description="A UZI number, parts of a name, or what a phone is called.",
        ),
    ]
    after: Annotated[
        str, msgspec.Meta(max_length=200, description="The last person of the page before.")
    ] = ""


class MailAddressBody(Sent, frozen=True):
    """Where a person is mailed about their phones."""

    address: Annotated[
        str, msgspec.Meta(min_length=3, max_length=254, description="It is never told again.")
    ]


class MembershipTold(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody is in the organisation."""

    is_linked: bool
    kind: MembershipKind
    role_codes: tuple[str, ...]
    administrative_role: AdministrativeRole | None
    last_day: LastDay


class PersonTold(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who works for the organisation, or did."""

    id: str
    first_names: str
    last_name: str
    user_name: str
    uzi_number: str | None
    has_mail_address: bool
    membership: MembershipTold


class PeopleTold(msgspec.Struct, frozen=True, kw_only=True):
    """A page of people; where there are more, `Link` leads on."""

    people: tuple[PersonTold, ...]


class FoundTold(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom a text fits."""

    id: str
    name: str
    uzi_number: str | None
    role_code: str
    kind: MembershipKind


class AllFoundTold(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a text fits, by name: fifty at once."""

    people: tuple[FoundTold, ...]
    is_last: bool


class MadeTold(msgspec.Struct, frozen=True, kw_only=True):
    """What was made; `Location` leads to it."""

    id: str


class PhoneTold(msgspec.Struct, frozen=True, kw_only=True):
    """A phone as the organisation may see it.

    Of use at another organisation it is told that it was and when, not at which workstation.
    """

    id: str
    name: str
    platform: str
    model: str
    status: str
    status_at: str | None
    bound_at: str
    expires_at: str
    last_used_at: str | None
    last_used_organisation: str | None
    last_used_workstation: str | None
    used_after_loss: Annotated[
        str | None,
        msgspec.Meta(description="With `lost_at`: `used`, `touched` or `not_used` since then."),
    ]


class PhonesTold(msgspec.Struct, frozen=True, kw_only=True):
    """The phones of a person."""

    phones: tuple[PhoneTold, ...]


def person_told(member: Member, now: datetime, *, has_mail_address: bool) -> PersonTold:
    """Tell of somebody of an organisation."""
    person, membership = member.person, member.membership
    until = membership.valid_until
    return PersonTold(
        **_names(person),
        id=person.id,
        user_name=person.user_name,
        uzi_number=person.uzi_number,
        has_mail_address=has_mail_address,
        membership=MembershipTold(
            is_linked=membership.is_valid(now),
            kind=membership.kind,
            role_codes=membership.role_codes,
            administrative_role=membership.administrative_role,
            last_day=None if until is None else last_day(until).isoformat(),
        ),
    )


def found_told(found: FoundPerson) -> FoundTold:
    """Tell of somebody who was found."""
    return FoundTold(
        id=found.id,
        name=found.name,
        uzi_number=found.uzi_number,
        role_code=found.role_code,
        kind=MembershipKind(found.kind),
    )


def phones_told(seen: SeenPerson, ura: str) -> PhonesTold:
    """Tell of a person's phones, as far as it is this organisation's to know."""
    return PhonesTold(phones=tuple(_phone(each, ura) for each in seen.phones))


def _phone(seen: SeenPhone, ura: str) -> PhoneTold:
    phone = seen.credential
    is_here = phone.last_used_ura in {ura, None}
    return PhoneTold(
        id=phone.id,
        name=phone.device_name,
        platform=phone.platform,
        model=phone.model,
        status=phone.status.value,
        status_at=_time(phone.status_at),
        bound_at=wire_time(phone.bound_at),
        expires_at=wire_time(phone.expires_at),
        last_used_at=_time(phone.last_used_at),
        last_used_organisation=seen.used_at_organisation or None,
        last_used_workstation=phone.last_used_workstation if is_here else None,
        used_after_loss=None if seen.judged is None else seen.judged.answer.value,
    )


def _names(person: Person) -> dict[str, Any]:
    return {"first_names": person.first_names, "last_name": person.last_name}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else wire_time(moment)
