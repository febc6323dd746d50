"""Who a hint names, at the same cost whether there is such a person or not.

An answer that comes sooner for people who are not there tells who is.
"""

from dataclasses import dataclass
from datetime import datetime

from pairing_server.keys.policy import KeyPolicy, accepts, with_changes
from pairing_server.oidc.hints import EarlierLogin, Hint, UserName, UziNumber
from pairing_server.oidc.id_token import pairwise_subject
from pairing_server.registry import Query, answers, credentials, organisations, people
from pairing_server.registry.organisations import Organisation, OrganisationStatus
from pairing_server.registry.people import Membership, Person, PersonStatus

#: The id of a person who is not there.
_NOBODY = ""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and how its people are called.

    Attributes:
        salt: Of the pairwise subjects.
        policy: Which keys are taken, where the organisation has no policy of its own.
    """

    client_id: str
    ura: str
    salt: bytes
    policy: KeyPolicy


@dataclass(frozen=True, slots=True)
class Found:
    """A person of the organisation.

    Attributes:
        role_codes: At least one; the first is offered first.
        has_phone: Whether one of their phones could answer.
    """

    person_id: str
    role_codes: tuple[str, ...]
    has_phone: bool


@dataclass(frozen=True, slots=True)
class Lookup:
    """What came of it.

    Attributes:
        found: `None` for nobody who works there.
        organisation: Its name; empty where there is none, or not any more.
        policy: Which keys it takes.
    """

    found: Found | None
    organisation: str
    policy: KeyPolicy


def look_up(tx: Query, hint: Hint, asker: Asker, now: datetime) -> Lookup:
    """Find the person: always by the same statements, whoever is there."""
    person = _person(tx, hint, asker)
    person_id = person.id if person else _NOBODY
    organisation = organisations.get(tx, asker.ura)
    membership = people.membership(tx, person_id, asker.ura)
    phones = credentials.of_person(tx, person_id)
    policy = with_changes(asker.policy, organisation.key_policy if organisation else {})
    has_phone = any(phone.opens(asker.ura, now) and accepts(policy, phone) for phone in phones)
    found = None
    if (
        person is not None
        and membership is not None
        and _works_there(person, organisation, membership, now)
    ):
        found = Found(person.id, membership.role_codes, has_phone)
    return Lookup(found, _name_of(organisation), policy)


def _works_there(
    person: Person, organisation: Organisation | None, membership: Membership, now: datetime
) -> bool:
    return (
        person.status is PersonStatus.ACTIVE
        and organisation is not None
        and organisation.status is OrganisationStatus.ACTIVE
        and membership.is_valid(now)
    )


def _name_of(organisation: Organisation | None) -> str:
    is_open = organisation is not None and organisation.status is OrganisationStatus.ACTIVE
    return organisation.name if organisation is not None and is_open else ""


def _person(tx: Query, hint: Hint, asker: Asker) -> Person | None:
    match hint:
        case UziNumber(value):
            return people.by_uzi_number(tx, value)
        case UserName(value):
            return people.by_user_name(tx, value)
        case EarlierLogin():
            return _person_of_login(tx, hint, asker)


def _person_of_login(tx: Query, login: EarlierLogin, asker: Asker) -> Person | None:
    """Find who logged in: by what the registry has of it, and only if `sub` is theirs."""
    redemption = answers.get_redemption_of(tx, login.jti)
    credential = credentials.get(tx, redemption.credential_id if redemption else _NOBODY)
    person = people.get_person(tx, credential.person_id if credential else _NOBODY)
    if redemption is None or redemption.client_id != asker.client_id or person is None:
        return None
    is_theirs = pairwise_subject(asker.salt, asker.client_id, person.id) == login.sub
    return person if is_theirs else None
