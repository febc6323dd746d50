"""The steps of a XIS: open a session, have something signed in it, close it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from pairing_server.approvals.asked import Asked
from pairing_server.approvals.auth_request import DEFAULT_LIFETIME, AuthRequest, Grant, Shown
from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.approvals.open_requests import OpenRequests
from pairing_server.clock import wire_time
from pairing_server.errors import NotFound
from pairing_server.oidc.backchannel import RequestContext
from pairing_server.oidc.client_policy import policy_of
from pairing_server.ports import Ports
from pairing_server.qr.login import EVENTS_PATH
from pairing_server.registry import Transaction, answers, organisations, people, xis, xis_events
from pairing_server.registry.clients import Client
from pairing_server.registry.xis import SessionStatus, XisSession, XisTransaction
from pairing_server.tokens import ID_BYTES, Random, draw_digits, new_id
from pairing_server.xis import messages, signing
from pairing_server.xis.ending import end_session
from pairing_server.xis.messages import MessageType, Reason
from pairing_server.xis.refusals import SessionNotOpen
from pairing_server.xis.settling import Settling

LIFETIME = DEFAULT_LIFETIME
#: What an open session tells of the person who opened it.
SCOPE = "openid uzi profile"


class XisFlow:
    """Open, sign, close."""

    def __init__(
        self, ports: Ports, approvals: ApprovalFlow, settling: Settling, *, base_url: str
    ) -> None:
        self._registry = ports.registry
        self._approvals = approvals
        self._requests = OpenRequests(ports.store, ports.clock)
        self._settling = settling
        self._clock = ports.clock
        self._random = ports.random
        self._qr_events_uri = f"{base_url}{EVENTS_PATH}"

    async def open(self, body: Mapping[str, Any], client: Client) -> dict[str, Any]:
        """Offer a session to whoever scans the workstation's screen.

        Raises:
            InvalidRequest: it cannot be read, or is for another organisation.
        """
        wanted = signing.opening(body, client)
        shown = self._shown(client, wanted.ura, wanted.context)
        nonce, request = await self._ask(client, shown, wanted.context)
        session = XisSession(
            id=_guid(self._random),
            client_id=client.id,
            ura=wanted.ura,
            auth_request=request.id,
            place=msgspec.json.encode(wanted.context).decode(),
            expires_at=request.expires_at,
        )
        payload = messages.session_initialized(
            session.id, nonce, self._qr_events_uri, request.code
        )

        def change(tx: Transaction) -> None:
            xis.add_session(tx, session)
            xis_events.append(
                tx, client.id, MessageType.SESSION_INITIALIZED, payload, self._clock()
            )

        await self._commit(request, change)
        return {
            "id": session.id,
            "nonce": nonce,
            "qrEventsUri": self._qr_events_uri,
            "bindingCode": request.code,
            "expiresIn": int(LIFETIME.total_seconds()),
        }

    async def sign(self, body: Mapping[str, Any], client: Client) -> dict[str, Any]:
        """Ask the person who opened a session to sign hashes.

        Raises:
            InvalidRequest: it cannot be read or shown.
            NotFound: no session of this client.
            SessionNotOpen: it is over, or nobody has opened it.
            TooManyOpen: see there.
        """
        wanted = signing.signing(body)
        await self._settling.settle(client)
        session = await self._registry.read(lambda tx: xis.session(tx, wanted.session_id))
        if session is None or session.client_id != client.id:
            raise NotFound
        if session.status is not SessionStatus.OPEN or not await self._settling.stands(session):
            raise SessionNotOpen
        context = msgspec.json.decode(session.place, type=RequestContext)
        shown = await self._shown_to(session, client, context, wanted)
        _, request = await self._ask(client, shown, context, session.person_id)
        transaction = XisTransaction(
            id=_guid(self._random),
            session_id=session.id,
            client_id=client.id,
            auth_request=request.id,
            signing=msgspec.json.encode(wanted.hashes).decode(),
            expires_at=request.expires_at,
        )

        def change(tx: Transaction) -> None:
            held = xis.session_for_update(tx, session.id)
            if held is None or held.status is not SessionStatus.OPEN:
                raise SessionNotOpen
            xis.add_transaction(tx, transaction)

        await self._commit(request, change)
        return {"id": transaction.id, "bindingCode": request.code}

    async def close(self, session_id: str, client: Client) -> None:
        """Close a session, or take it back before anybody opened it; again changes nothing.

        Raises:
            NotFound: no session of this client.
        """
        session = await self._registry.read(lambda tx: xis.session(tx, session_id))
        if session is None or session.client_id != client.id:
            raise NotFound
        open_still = await self._registry.read(lambda tx: xis.offered_transactions(tx, client.id))
        now = self._clock()
        await self._registry.commit(lambda tx: end_session(tx, session_id, Reason.CLOSED, now))
        of_it = [each.auth_request for each in open_still if each.session_id == session_id]
        for identifier in (session.auth_request, *of_it):
            await self._approvals.withdraw(identifier)
        await self._requests.tell_client(client.id)

    async def _ask(
        self,
        client: Client,
        shown: Shown,
        context: RequestContext,
        person_id: str | None = None,
    ) -> tuple[str, AuthRequest]:
        policy = policy_of(client)
        return await self._approvals.ask(
            Asked(
                client_id=client.id,
                person_id=person_id,
                workstation_id=context.workstation_id,
                scope=SCOPE,
                shown=shown,
                code=draw_digits(self._random, policy.code_digits),
                lifetime=LIFETIME,
                gate=policy.push,
                needs_known_place=policy.known_workstation,
                grant=Grant.SESSION,
                is_for_whoever_scans=person_id is None,
            )
        )

    async def _commit(self, request: AuthRequest, change: Any) -> None:
        """Write what a request is for; without that, nobody is asked any more."""
        try:
            await self._registry.commit(change)
        except BaseException:
            await self._approvals.withdraw(request.id)
            raise
        await self._requests.tell_client(request.client_id)

    async def _shown_to(
        self,
        session: XisSession,
        client: Client,
        context: RequestContext,
        wanted: signing.Signing,
    ) -> Shown:
        organisation, membership, opened = await self._registry.read(
            lambda tx: (
                organisations.get(tx, session.ura),
                people.membership(tx, session.person_id or "", session.ura),
                answers.get_answer(tx, session.auth_request),
            )
        )
        if organisation is None or membership is None or opened is None:
            raise SessionNotOpen
        return self._shown(
            client,
            session.ura,
            context,
            organisation=organisation.name,
            role_code=opened.role_code,
            message=wanted.message,
            hashes=wanted.signed,
        )

    def _shown(self, client: Client, ura: str, context: RequestContext, **members: str) -> Shown:
        return Shown(
            **{"organisation": "", "role_code": "", "message": "", **members},
            client=client.name,
            ura=ura,
            workstation=context.workstation,
            location=context.location,
            nonce=new_id(self._random),
            requested_at=wire_time(self._clock()),
        )


def _guid(random: Random) -> str:
    """Draw an identifier in the form that its software reads (RFC 9562, version 4)."""
    return str(UUID(bytes=random(ID_BYTES), version=4))
