"""What travels of memberships that were offered."""

from typing import Annotated

import msgspec

from admin.api.people_bodies import LastDay, NameBody, RoleCodes, UziNumber
from admin.person_fields import last_day
from pairing_server.clock import wire_time
from pairing_server.registry.offers import MembershipOffer
from pairing_server.registry.people import MembershipKind


class OfferBody(NameBody, frozen=True):
    """Whom to ask by their UZI number, and as what; the person answers on their phone."""

    uzi_number: UziNumber
    kind: MembershipKind
    role_codes: RoleCodes
    last_day: Annotated[
        LastDay, msgspec.Meta(description="In the Netherlands; a guest needs one.")
    ] = None


class OfferTold(msgspec.Struct, frozen=True, kw_only=True):
    """A membership that waits for its person's yes."""

    id: str
    uzi_number: str
    first_names: str
    last_name: str
    kind: MembershipKind
    role_codes: tuple[str, ...]
    last_day: LastDay
    offered_at: str
    expires_at: str


class OffersTold(msgspec.Struct, frozen=True, kw_only=True):
    """What an organisation offered and nobody answered, by name."""

    offers: tuple[OfferTold, ...]


def offer_told(offer: MembershipOffer) -> OfferTold:
    """Tell of an offer."""
    until = offer.valid_until
    return OfferTold(
        id=offer.id,
        uzi_number=offer.uzi_number,
        first_names=offer.first_names,
        last_name=offer.last_name,
        kind=offer.kind,
        role_codes=offer.role_codes,
        last_day=None if until is None else last_day(until).isoformat(),
        offered_at=wire_time(offer.offered_at),
        expires_at=wire_time(offer.expires_at),
    )
