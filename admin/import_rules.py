"""Rules of a list of people: what would become of each line, without doing it."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from admin.csv_table import Row
from admin.identity_fields import check_no_bsn
from admin.linking_record import Newcomer
from admin.people_rules import Wanted, changed, facts
from admin.person_fields import (
    FieldError,
    last_day,
    read_birth_date,
    read_kind,
    read_last_day,
    read_name,
    read_role_codes,
    read_uzi_number,
)
from pairing_server.languages import N_
from pairing_server.portal.birth_date import BirthDates
from pairing_server.registry.members import Member
from pairing_server.registry.names import name_key
from pairing_server.registry.offers import MembershipOffer
from pairing_server.registry.people import Membership, MembershipKind

#: What an export has, and an import takes back.
EXPORTED = (
    "user_name",
    "uzi_number",
    "first_names",
    "last_name",
    "role_codes",
    "kind",
    "valid_until",
    "administrative_role",
)
_UNLINK = frozenset({"unlink", "ontkoppelen"})


class Verdict(StrEnum):
    """What becomes of a line."""

    ADD = "add"
    OFFER = "offer"
    CHANGE = "change"
    UNLINK = "unlink"
    NOTHING = "nothing"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What becomes of a line, and all that it takes to do exactly that.

    Attributes:
        column, message: Of a refusal: where, and what to do.
        member: Whom it is about, as they were when it was planned.
        names: What they are called from then on, where that is another name.
    """

    line: int
    verdict: Verdict
    name: str = ""
    column: str = ""
    message: str = ""
    member: Member | None = None
    wanted: Wanted | None = None
    names: tuple[str, str] | None = None
    newcomer: Newcomer | None = None
    uzi_number: str | None = None
    born: date | None = None
    was: Mapping[str, Any] = field(default_factory=dict)
    will_be: Mapping[str, Any] = field(default_factory=dict)


class People:
    """Who is of an organisation already, for lines to be compared with."""

    def __init__(
        self,
        members: Sequence[Member],
        offers: Sequence[MembershipOffer],
        births: BirthDates,
        left: Collection[str] = (),
    ) -> None:
        """Sort them.

        Args:
            left: Who left for another organisation, and does not begin again unasked: their ids.
        """
        self._by_user_name = {each.person.user_name: each for each in members}
        self._by_number = {
            each.person.uzi_number: each for each in members if each.person.uzi_number
        }
        self._by_name: dict[str, list[Member]] = {}
        for each in members:
            key = name_key(each.person.first_names, each.person.last_name)
            self._by_name.setdefault(key, []).append(each)
        self._offers = {each.uzi_number: each for each in offers}
        self._births = births
        self._left = left

    def is_asked(self, member: Member, now: datetime) -> bool:
        """Tell whether somebody's membership begins again with their own yes alone."""
        is_guest = member.membership.kind is MembershipKind.GUEST
        return not member.membership.is_valid(now) and (is_guest or member.person.id in self._left)

    def of_user_name(self, name: str) -> Member | None:
        """Return who has this user name."""
        return self._by_user_name.get(name)

    def of_number(self, number: str) -> Member | None:
        """Return who has this UZI number."""
        return self._by_number.get(number)

    def of_birth(self, first_names: str, last_name: str, born: date) -> Member | None:
        """Return who has this name and was born that day."""
        found = self._by_name.get(name_key(first_names, last_name), [])
        return next((each for each in found if self._births.is_of(each.person, born)), None)

    def is_born(self, member: Member, born: date) -> bool:
        """Tell whether nothing speaks against it that a person was born that day."""
        return member.person.birth_digest is None or self._births.is_of(member.person, born)

    def offer_to(self, number: str) -> MembershipOffer | None:
        """Return what was offered to a number and has not been settled."""
        return self._offers.get(number)


def plan(rows: Sequence[Row], people: People, now: datetime) -> list[Planned]:
    """Say of each line what would become of it; a person stands in a list once."""
    planned: list[Planned] = []
    seen: dict[object, int] = {}
    for row in rows:
        try:
            made = _line(row, people, now)
            _check_once(made, seen)
        except FieldError as error:
            made = Planned(
                line=row.line,
                verdict=Verdict.REFUSED,
                name=_shown_name(row),
                column=error.field,
                message=error.message,
            )
        planned.append(made)
    return planned


def _check_once(made: Planned, seen: dict[object, int]) -> None:
    if seen.setdefault(_key(made), made.line) != made.line:
        raise FieldError("", N_("This person stands in the list already: remove a line."))


def digest(raw: bytes, planned: Sequence[Planned]) -> str:
    """Return what stands for a list and for what would become of it as things are."""
    shown = [
        [each.line, each.verdict, each.column, each.message, dict(each.was), dict(each.will_be)]
        for each in planned
    ]
    text = json.dumps(shown, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(hashlib.sha256(raw).digest() + text.encode()).hexdigest()


def exported(member: Member) -> list[str]:
    """Return a person as a line of the list."""
    person, membership = member.person, member.membership
    until = membership.valid_until
    return [
        person.user_name,
        person.uzi_number or "",
        person.first_names,
        person.last_name,
        " ".join(membership.role_codes),
        membership.kind.value,
        "" if until is None else last_day(until).isoformat(),
        membership.administrative_role or "",
    ]


def _line(row: Row, people: People, now: datetime) -> Planned:
    if row.is_ragged:
        raise FieldError("", N_("This line has more cells than there are columns."))
    check_no_bsn(
        **{name: cell for name, cell in row.cells.items() if name != "uzi_number" and cell}
    )
    member = _find(row, people, now)
    action = row.cells.get("action", "").casefold()
    if action in _UNLINK:
        return _unlink(row, member, now)
    if action:
        raise FieldError("action", N_("Leave the action empty, or write unlink."))
    if member is None:
        return _new(row, people, now)
    if people.is_asked(member, now):
        return _offer(row, people, now)
    return _change(row, member, people, now)


def _find(row: Row, people: People, now: datetime) -> Member | None:
    cells = row.cells
    number = read_uzi_number(cells["uzi_number"]) if cells.get("uzi_number") else None
    if cells.get("user_name"):
        member = people.of_user_name(cells["user_name"])
        if member is None:
            raise FieldError(
                "user_name", N_("Nobody here has this user name: leave it empty for a new person.")
            )
        if number is not None and number != member.person.uzi_number:
            raise FieldError("uzi_number", N_("Number and user name are of two people: check."))
        return member
    if number is not None:
        return people.of_number(number)
    first_names, last_name = _names(row)
    return people.of_birth(first_names, last_name, _born(row, now))


def _unlink(row: Row, member: Member | None, now: datetime) -> Planned:
    if member is None:
        raise FieldError("action", N_("Nobody of your organisation is meant: check the line."))
    if member.membership.administrative_role is not None:
        raise FieldError("action", N_("This person manages the organisation: dismiss them first."))
    is_linked = member.membership.is_valid(now)
    return Planned(
        line=row.line,
        verdict=Verdict.UNLINK if is_linked else Verdict.NOTHING,
        name=member.person.name,
        member=member,
        was=_stands(member.membership),
    )


def _change(row: Row, member: Member, people: People, now: datetime) -> Planned:
    cells, membership = row.cells, member.membership
    role = cells.get("administrative_role", "")
    if role and role != (membership.administrative_role or ""):
        raise FieldError(
            "administrative_role",
            N_("Appoint and dismiss on the person's own page: it takes a confirmation."),
        )
    if cells.get("kind") and read_kind(cells["kind"]) is not membership.kind:
        raise FieldError("kind", N_("An employee becomes a guest by being unlinked and asked."))
    if cells.get("date_of_birth") and not people.is_born(member, _born(row, now)):
        raise FieldError("date_of_birth", N_("The record has another date of birth: check it."))
    codes = read_role_codes(cells["role_codes"]) if cells.get("role_codes") else None
    wanted = Wanted(
        role_codes=codes or membership.role_codes,
        valid_until=_until(row, membership.kind, now)
        if "valid_until" in cells
        else membership.valid_until,
    )
    manages = membership.administrative_role is not None
    if manages and wanted.valid_until != membership.valid_until:
        raise FieldError(
            "valid_until",
            N_("This person manages the organisation: give them a last day on their own page."),
        )
    after, names = changed(membership, wanted, now), _renamed(row, member)
    if manages and names is not None:
        raise FieldError(
            "last_name",
            N_("This person manages the organisation: correct the name on their own page."),
        )
    is_same = after == membership and names is None
    name = member.person.name
    return Planned(
        line=row.line,
        verdict=Verdict.NOTHING if is_same else Verdict.CHANGE,
        name=name,
        member=member,
        wanted=wanted,
        names=names,
        was={**_stands(membership), "name": name},
        will_be={**_stands(after), "name": " ".join(names) if names else name},
    )


def _renamed(row: Row, member: Member) -> tuple[str, str] | None:
    """Return another name; who has shown a card is called as that says, whatever a list has."""
    person = member.person
    if person.uzi_number is not None or not (
        row.cells.get("first_names") and row.cells.get("last_name")
    ):
        return None
    names = _names(row)
    return None if names == (person.first_names, person.last_name) else names


def _new(row: Row, people: People, now: datetime) -> Planned:
    if row.cells.get("administrative_role"):
        raise FieldError(
            "administrative_role", N_("A new person manages nothing yet: appoint them later.")
        )
    if row.cells.get("uzi_number"):
        return _offer(row, people, now)
    newcomer = _newcomer(row, now)
    if newcomer.kind is MembershipKind.GUEST:
        raise FieldError("uzi_number", N_("A guest is asked by their UZI number: fill it in."))
    return Planned(
        line=row.line,
        verdict=Verdict.ADD,
        name=f"{newcomer.first_names} {newcomer.last_name}",
        newcomer=newcomer,
        born=_born(row, now),
        will_be=_shown(newcomer),
    )


def _offer(row: Row, people: People, now: datetime) -> Planned:
    number = read_uzi_number(row.cells.get("uzi_number", ""))
    newcomer = _newcomer(row, now)
    held = people.offer_to(number)
    is_offered = (
        held is not None
        and held.is_open(now)
        and Newcomer(
            first_names=held.first_names,
            last_name=held.last_name,
            kind=held.kind,
            role_codes=held.role_codes,
            valid_until=held.valid_until,
        )
        == newcomer
    )
    return Planned(
        line=row.line,
        verdict=Verdict.NOTHING if is_offered else Verdict.OFFER,
        name=f"{newcomer.first_names} {newcomer.last_name}",
        newcomer=newcomer,
        uzi_number=number,
        will_be=_shown(newcomer),
    )


def _newcomer(row: Row, now: datetime) -> Newcomer:
    first_names, last_name = _names(row)
    kind = read_kind(row.cells.get("kind", ""))
    return Newcomer(
        first_names=first_names,
        last_name=last_name,
        kind=kind,
        role_codes=read_role_codes(row.cells.get("role_codes", "")),
        valid_until=_until(row, kind, now),
    )


def _names(row: Row) -> tuple[str, str]:
    first, last = (row.cells.get(name, "") for name in ("first_names", "last_name"))
    return read_name("first_names", first), read_name("last_name", last)


def _born(row: Row, now: datetime) -> date:
    return read_birth_date(row.cells.get("date_of_birth", ""), now.date())


def _until(row: Row, kind: MembershipKind, now: datetime) -> datetime | None:
    return read_last_day(row.cells.get("valid_until", ""), kind, now)


def _shown(newcomer: Newcomer) -> dict[str, Any]:
    until = newcomer.valid_until
    return {
        "role_codes": list(newcomer.role_codes),
        "kind": newcomer.kind,
        "last_day": None if until is None else last_day(until).isoformat(),
    }


def _stands(membership: Membership) -> dict[str, Any]:
    until = membership.valid_until
    day = None if until is None else last_day(until).isoformat()
    return {**facts(membership), "last_day": day}


def _shown_name(row: Row) -> str:
    return " ".join(
        cell for name in ("first_names", "last_name") if (cell := row.cells.get(name, "")[:100])
    )


def _key(planned: Planned) -> object:
    if planned.member is not None:
        return planned.member.person.id
    if planned.uzi_number is not None:
        return planned.uzi_number
    newcomer = planned.newcomer
    names = (newcomer.first_names, newcomer.last_name) if newcomer is not None else ("", "")
    return (name_key(*names), planned.born)
