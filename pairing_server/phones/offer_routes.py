"""The phone's calls about memberships that were offered to its person."""

from datetime import datetime
from typing import Any

import msgspec
from aiohttp import web

from pairing_server.errors import NotFound
from pairing_server.http import answer, asked_language, bearer, json_body, route_table
from pairing_server.keys.ceremony import AuthenticationResponse
from pairing_server.keys.flow import PhoneFlow
from pairing_server.keys.refusals import InvalidAssertion
from pairing_server.languages import Language
from pairing_server.openapi import Header, Operation
from pairing_server.phones.offer_record import OfferShown, signed_details
from pairing_server.phones.offers import OfferFlow
from pairing_server.uzi.roles import role_name


class ToldOffer(msgspec.Struct):
    """A membership that begins when the person accepts it.

    Attributes:
        roles: What `role_codes` are called, in the language of `Accept-Language`.
        details: What the phone shows, and signs to accept.
    """

    id: str
    organisation: str
    ura: str
    kind: str
    role_codes: list[str]
    roles: list[str]
    valid_until: datetime | None
    offered_at: datetime
    expires_at: datetime
    details: dict[str, str]


class OfferList(msgspec.Struct):
    """What the person was offered, oldest first."""

    offers: list[ToldOffer]


class AcceptBody(msgspec.Struct, tag_field="decision", tag="accept"):
    """Let the membership begin."""

    assertion: AuthenticationResponse


class DeclineBody(msgspec.Struct, tag_field="decision", tag="decline"):
    """Let it not begin."""


# A union is a type to msgspec, though not to the type checker.
OfferAnswer: Any = AcceptBody | DeclineBody


class OfferRoutes:
    """A person's yes or no to an organisation."""

    def __init__(self, flow: OfferFlow, phones: PhoneFlow) -> None:
        self._flow = flow
        self._phones = phones

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return route_table(self.operations())

    def operations(self) -> list[Operation]:
        """Describe the calls."""
        return [
            Operation(
                "GET",
                "/phone/membership-offers",
                self.list_own,
                headers=(Header.ACCEPT_LANGUAGE,),
                responses={200: OfferList},
            ),
            Operation(
                "PUT",
                "/phone/membership-offers/{id}/answer",
                self.settle,
                body=OfferAnswer,
                refusals=(InvalidAssertion, NotFound),
            ),
        ]

    async def list_own(self, request: web.Request) -> web.Response:
        """List the organisations that want the person."""
        phone = await self._phones.authenticate(bearer(request))
        shown = await self._flow.of_phone(phone)
        own, language = phone.credential.id, asked_language(request)
        return answer(OfferList([_told(each, own, language) for each in shown]))

    async def settle(self, request: web.Request) -> web.Response:
        """Take the person's yes, which their phone signed, or their no."""
        phone = await self._phones.authenticate(bearer(request))
        body: AcceptBody | DeclineBody = await json_body(request, OfferAnswer)
        offer_id = request.match_info["id"]
        if isinstance(body, AcceptBody):
            await self._flow.accept(phone, offer_id, body.assertion)
        else:
            await self._flow.decline(phone, offer_id)
        return answer(status=204)


def _told(shown: OfferShown, credential_id: str, language: Language | None) -> ToldOffer:
    offer = shown.offer
    return ToldOffer(
        id=offer.id,
        organisation=shown.organisation,
        ura=offer.ura,
        kind=offer.kind,
        role_codes=list(offer.role_codes),
        roles=[role_name(code, language) for code in offer.role_codes],
        valid_until=offer.valid_until,
        offered_at=offer.offered_at,
        expires_at=offer.expires_at,
        details=signed_details(shown, credential_id),
    )
