"""What becomes of a membership that was offered, read and written in one transaction each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pairing_server.audit.events import MembershipAccepted, MembershipDeclined
from pairing_server.clock import wire_time
from pairing_server.errors import NotFound
from pairing_server.registry import Query, Transaction, offers, organisations, people
from pairing_server.registry.names import last_name_key
from pairing_server.registry.offers import MembershipOffer, OfferStatus
from pairing_server.registry.organisations import Organisation, OrganisationStatus
from pairing_server.registry.people import Membership, Person, PersonStatus


@dataclass(frozen=True, slots=True)
class OfferShown:
    """What a person is asked: which organisation wants them, and as what."""

    offer: MembershipOffer
    organisation: str


def read_offers(tx: Query, person_id: str, now: datetime) -> list[OfferShown]:
    """Return what a person can accept or decline, oldest first."""
    person = people.get_person(tx, person_id)
    if person is None or person.uzi_number is None:
        return []
    shown = []
    for offer in offers.to_number(tx, person.uzi_number):
        organisation = organisations.get(tx, offer.ura)
        membership = people.membership(tx, person_id, offer.ura)
        if organisation is not None and is_theirs(offer, person, membership, organisation, now):
            shown.append(OfferShown(offer, organisation.name))
    return shown


def is_theirs(
    offer: MembershipOffer,
    person: Person,
    membership: Membership | None,
    organisation: Organisation,
    now: datetime,
) -> bool:
    """Tell whether an offer is this person's to settle.

    Who has the number and another name is not whom the organisation means: a digit was mistyped,
    and nobody hears of it.
    """
    return (
        offer.is_open(now)
        and offer.uzi_number == person.uzi_number
        and last_name_key(offer.last_name) == last_name_key(person.last_name)
        and person.status is PersonStatus.ACTIVE
        and organisation.status is OrganisationStatus.ACTIVE
        and (membership is None or not membership.is_valid(now))
    )


def signed_details(shown: OfferShown, credential_id: str) -> dict[str, str]:
    """Return what a phone signs to accept an offer; all of them strings."""
    offer = shown.offer
    until = offer.valid_until
    return {
        "offer": offer.id,
        "credential": credential_id,
        "organisation": shown.organisation,
        "ura": offer.ura,
        "kind": offer.kind.value,
        "role_codes": " ".join(offer.role_codes),
        "valid_until": "" if until is None else wire_time(until),
        "decision": "accept",
    }


def write_acceptance(
    tx: Transaction, person_id: str, offer_id: str, evidence: Mapping[str, Any], now: datetime
) -> None:
    """Let the membership begin.

    Raises:
        NotFound: unknown, somebody else's, settled, or over.
    """
    offer, membership = _for_update(tx, person_id, offer_id, now)
    _settle(tx, offer, OfferStatus.ACCEPTED, now)
    people.put_membership(tx, _membership(offer, person_id, membership, now))
    tx.record(
        MembershipAccepted(
            actor=f"person:{person_id}",
            object=f"person:{person_id}",
            ura=offer.ura,
            evidence={**evidence, "offer": facts(offer)},
        )
    )


def write_decline(
    tx: Transaction, person_id: str, offer_id: str, evidence: Mapping[str, Any], now: datetime
) -> None:
    """Let it not begin; the organisation may ask again.

    Raises:
        NotFound: unknown, somebody else's, settled, or over.
    """
    offer, _ = _for_update(tx, person_id, offer_id, now)
    _settle(tx, offer, OfferStatus.DECLINED, now)
    tx.record(
        MembershipDeclined(
            actor=f"person:{person_id}",
            object=f"person:{person_id}",
            ura=offer.ura,
            evidence={**evidence, "offer": facts(offer)},
        )
    )


def take_up(tx: Transaction, person: Person, membership: Membership, now: datetime) -> Membership:
    """Settle what the organisation had offered to who registers there with their card.

    Returns:
        The membership, which ends when the organisation said.
    """
    offer = offers.unsettled_for_update(tx, membership.ura, person.uzi_number or "")
    if (
        offer is None
        or not offer.is_open(now)
        or last_name_key(offer.last_name) != last_name_key(person.last_name)
    ):
        return membership
    offers.settle(tx, offer.id, OfferStatus.ACCEPTED, now)
    # The role of the card comes first, and those that the organisation gave beside it.
    others = tuple(code for code in offer.role_codes if code != membership.role_code)
    return replace(
        membership, kind=offer.kind, valid_until=offer.valid_until, other_role_codes=others
    )


def facts(offer: MembershipOffer) -> dict[str, Any]:
    """Return what was offered, as JSON values for the audit log."""
    until = offer.valid_until
    return {
        "id": offer.id,
        "uzi_number": offer.uzi_number,
        "kind": offer.kind,
        "role_codes": list(offer.role_codes),
        "valid_until": None if until is None else wire_time(until),
        "offered_by": offer.offered_by,
    }


def _settle(tx: Transaction, offer: MembershipOffer, status: OfferStatus, now: datetime) -> None:
    if not offers.settle(tx, offer.id, status, now):
        raise NotFound("settled meanwhile")


def _for_update(
    tx: Transaction, person_id: str, offer_id: str, now: datetime
) -> tuple[MembershipOffer, Membership | None]:
    """Lock all that it rests on, in the order in which everybody does."""
    seen = offers.get(tx, offer_id)
    if seen is None:
        raise NotFound("no such offer")
    person = people.get_person_for_update(tx, person_id)
    membership = people.membership_for_update(tx, person_id, seen.ura)
    organisation = organisations.get_for_share(tx, seen.ura)
    offer = offers.get_for_update(tx, offer_id)
    if (
        offer is None
        or person is None
        or organisation is None
        or not is_theirs(offer, person, membership, organisation, now)
    ):
        raise NotFound("not an offer to this person, or not any more")
    return offer, membership


def _membership(
    offer: MembershipOffer, person_id: str, before: Membership | None, now: datetime
) -> Membership:
    return Membership(
        person_id=person_id,
        ura=offer.ura,
        role_code=offer.role_codes[0],
        other_role_codes=offer.role_codes[1:],
        kind=offer.kind,
        # What they managed there before, they do not manage by a new beginning.
        administrative_role=None,
        valid_until=offer.valid_until,
        created_at=now if before is None else before.created_at,
    )
