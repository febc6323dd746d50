"""How a card answers an auth request in the place of a phone."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from pairing_server.approvals import auth_request as rules
from pairing_server.approvals.auth_request import Answer, AuthRequest, Decision, Status, Taker
from pairing_server.approvals.facts import facts_digest
from pairing_server.approvals.open_requests import OpenRequests
from pairing_server.approvals.places import place_of, record_place
from pairing_server.approvals.refusals import AuthRequestClosed, NotKnownThere
from pairing_server.audit.events import AuthRequestApprovedByCard
from pairing_server.errors import NotFound
from pairing_server.ports import Ports
from pairing_server.registry import (
    AlreadyExistsError,
    Query,
    Transaction,
    answers,
    organisations,
    people,
)
from pairing_server.registry.organisations import OrganisationStatus
from pairing_server.registry.people import PersonStatus
from pairing_server.tokens import digest


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A card that was proved for this request.

    Attributes:
        serial_number: Of its certificate, hexadecimal.
        statement: What it signed, as evidence.
    """

    uzi_number: str
    role_code: str
    serial_number: str
    statement: Mapping[str, Any]


class CardApproval:
    """Answers for who showed a card."""

    def __init__(self, ports: Ports) -> None:
        self._registry = ports.registry
        self._requests = OpenRequests(ports.store, ports.clock)
        self._clock = ports.clock

    async def approve(self, identifier: str, card: ShownCard) -> None:
        """Make a request the card holder's, and approve it in the same stroke.

        The same card may be shown again where the registry was away.

        Raises:
            AuthRequestClosed: it has ended, or is answered.
            NotFound: there is none, or it has become somebody's.
            NotKnownThere: the card's holder is nobody at the organisation that asks.
        """
        request = await self._requests.get(identifier)
        if request is None or not (request.awaits_scan or _claimed_by(request)):
            raise NotFound("no request for a card")
        ura = request.shown.ura
        taker = await self._registry.read(lambda tx: self._taker(tx, card, ura))
        if taker is None:
            raise NotKnownThere
        # The registry has with the answer whose it is, and not the Store alone.
        now, key = self._clock(), answers.card_key(taker.person_id, card.serial_number)
        answer = Answer(
            decision=Decision.APPROVE,
            credential_id=key,
            digest=digest(f"{identifier}\n{key}\n{card.statement.get('id', '')}"),
            role_code=taker.role_codes[0],
        )

        def take(held: AuthRequest) -> AuthRequest:
            taken = rules.take(held, taker, now)
            # A phone that scanned it in the same moment answers it; another card is refused below.
            if taken is held and not _claimed_by(held):
                raise AuthRequestClosed(status=held.status_at(now))
            return rules.claim(taken, answer, now)

        claimed = await self._requests.change(identifier, take)
        try:
            await self._registry.commit(lambda tx: _record(tx, claimed, answer, card, now))
        except AlreadyExistsError:
            standing = await self._committed(claimed, answer)
        else:
            standing = answer
        await self._requests.change(identifier, lambda held: rules.settle(held, standing))

    async def _committed(self, request: AuthRequest, answer: Answer) -> Answer:
        """Return the answer that the registry has, of a commit that nobody heard of.

        Raises:
            AuthRequestClosed: another card's; what the Store has of it is over.
        """
        known = await self._registry.read(lambda tx: answers.get_answer(tx, request.id))
        if known is None or known.credential_id != answer.credential_id:
            now = self._clock()
            await self._requests.change(request.id, lambda held: rules.revoke(held, now))
            raise AuthRequestClosed(status=Status.REVOKED)
        return replace(answer, digest=known.answer_digest, role_code=known.role_code)

    def _taker(self, tx: Query, card: ShownCard, ura: str) -> Taker | None:
        person = people.by_uzi_number(tx, card.uzi_number)
        organisation = organisations.get(tx, ura)
        if (
            person is None
            or person.status is not PersonStatus.ACTIVE
            or organisation is None
            or organisation.status is not OrganisationStatus.ACTIVE
        ):
            return None
        membership = people.membership(tx, person.id, ura)
        if membership is None or not membership.is_valid(self._clock()):
            return None
        # There is nothing to choose: the card that is shown says in which role.
        chosen = membership.in_role(card.role_code) or membership
        return Taker(person.id, organisation.name, (chosen.role_code,), None)


def _claimed_by(request: AuthRequest) -> str:
    """Return the card whose answer the registry may not have heard of; empty where there is none.

    Such an answer is nobody's to redeem, and to everybody else the request is still open.
    """
    key = request.answer.credential_id if request.answer is not None else ""
    return key if request.status is Status.CLAIMED and answers.is_of_card(key) else ""


def _record(
    tx: Transaction, request: AuthRequest, answer: Answer, card: ShownCard, now: datetime
) -> None:
    shown, person_id = request.shown, request.person_id or ""
    answers.add_answer(
        tx,
        answers.Answer(
            auth_request=request.id,
            decision=answers.Decision.APPROVE,
            answer_digest=answer.digest,
            credential_id=answer.credential_id,
            answered_at=now,
            role_code=answer.role_code,
            facts_digest=facts_digest(request, answer.role_code),
        ),
    )
    tx.record(
        AuthRequestApprovedByCard(
            actor=f"person:{person_id}",
            object=f"auth-request:{request.id}",
            ura=shown.ura,
            evidence={
                **card.statement,
                "approved": {
                    "uzi_number": card.uzi_number,
                    "card": card.serial_number,
                    "client": shown.client,
                    "role_code": answer.role_code,
                },
                "shown": asdict(shown),
            },
        )
    )
    record_place(tx, request, place_of(request, person_id), now)
