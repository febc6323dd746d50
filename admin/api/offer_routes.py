"""The calls that ask somebody by their UZI number: an employee, or a guest for a time."""

from aiohttp import web

from admin.access import Act
from admin.api.call_refusals import Changed, KeyNeeded, KeyReused, MatchNeeded
from admin.api.calling import once, tagged, unchanged
from admin.api.conditional import Answer
from admin.api.conditions import tag_of
from admin.api.gate import ORGANISATION, Call, MachineVisit
from admin.api.newcomer import newcomer_of
from admin.api.offer_bodies import OfferBody, OffersTold, OfferTold, offer_told
from admin.api.people_bodies import MadeTold
from admin.linking_flow import LinkingFlow
from admin.people_refusals import AlreadyLinked, InvalidField
from admin.targets import of_offer
from pairing_server.errors import NotFound
from pairing_server.http import answer, json_body
from pairing_server.openapi import Header, Operation
from pairing_server.ports import Ports
from pairing_server.registry import Transaction, offers
from pairing_server.registry.offers import MembershipOffer, OfferStatus

OFFERS = f"{ORGANISATION}/offers"
OFFER = f"{OFFERS}/{{offer}}"


class OfferCalls:
    """List, read, offer, withdraw."""

    def __init__(self, flow: LinkingFlow, ports: Ports, tag_key: bytes) -> None:
        self._flow = flow
        self._registry = ports.registry
        self._clock = ports.clock
        self._tag_key = tag_key

    def calls(self) -> list[Call]:
        """Describe the calls."""
        return [
            Call(
                act=Act.LINK,
                operation=Operation("GET", OFFERS, self.list_open, responses={200: OffersTold}),
            ),
            Call(
                act=Act.LINK,
                operation=Operation(
                    "POST",
                    OFFERS,
                    self.offer,
                    body=OfferBody,
                    headers=(Header.IDEMPOTENCY_KEY,),
                    responses={201: MadeTold},
                    told={"Location": "Where the offer is."},
                    refusals=(AlreadyLinked, InvalidField, KeyNeeded, KeyReused),
                    description="A new offer takes the place of an open one. An employee is "
                    "offered a membership by who may `invite`, too. Whether anybody has the "
                    "number is not told.",
                ),
            ),
            Call(
                act=Act.LINK,
                find=of_offer,
                operation=Operation(
                    "GET",
                    OFFER,
                    self.read,
                    headers=(Header.IF_NONE_MATCH,),
                    responses={200: OfferTold},
                ),
            ),
            Call(
                act=Act.LINK,
                find=of_offer,
                operation=Operation(
                    "DELETE",
                    OFFER,
                    self.withdraw,
                    headers=(Header.IF_MATCH,),
                    refusals=(MatchNeeded, Changed),
                ),
            ),
        ]

    async def list_open(self, request: web.Request, visit: MachineVisit) -> web.Response:
        """List what was offered and not answered."""
        _ = request
        ura, now = visit.actor.ura, self._clock()
        found = await self._registry.read(lambda tx: offers.of_organisation(tx, ura))
        told = tuple(offer_told(each) for each in found if each.is_open(now))
        return answer(OffersTold(offers=told))

    async def offer(self, request: web.Request, visit: MachineVisit) -> web.Response:
        """Offer a membership to whoever has a UZI number and that name."""
        body = await json_body(request, OfferBody)
        newcomer = newcomer_of(body, body.kind, self._clock())
        path = request.path
        return await once(
            request,
            visit,
            self._clock,
            body,
            lambda within: self._flow.offer(visit.actor, newcomer, body.uzi_number, within),
            lambda made: Answer(status=201, id=made.id, location=f"{path}/{made.id}"),
        )

    async def read(self, request: web.Request, visit: MachineVisit) -> web.Response:
        """Tell of an offer that was not answered."""
        offer_id = request.match_info["offer"]
        found = await self._registry.read(lambda tx: _open(offers.get(tx, offer_id)))
        if found is None:
            raise NotFound("settled")
        _ = visit
        return tagged(request, offer_told(found), self._tag(found))

    async def withdraw(self, request: web.Request, visit: MachineVisit) -> web.Response:
        """Take back what was offered and not answered."""
        offer_id = request.match_info["offer"]

        def tag(tx: Transaction) -> str | None:
            found = _open(offers.get_for_update(tx, offer_id))
            return None if found is None else self._tag(found)

        await self._flow.withdraw(visit.actor, offer_id, unchanged(request, tag))
        return answer(status=204)

    def _tag(self, offer: MembershipOffer) -> str:
        return tag_of(self._tag_key, offer_told(offer))


def _open(offer: MembershipOffer | None) -> MembershipOffer | None:
    is_open = offer is not None and offer.status is OfferStatus.OPEN
    return offer if is_open else None
