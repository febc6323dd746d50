"""What became of a client's sessions and transactions, written once with the word of it."""

from collections.abc import Callable
from datetime import datetime, timedelta

from pairing_server.approvals.auth_request import AuthRequest, Status
from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.approvals.open_requests import OpenRequests
from pairing_server.keys.policy import KeyPolicy
from pairing_server.keys.signing import SigningKeys
from pairing_server.oidc.client_policy import policy_of
from pairing_server.oidc.redemption import (
    Basis,
    read_subject,
    refused_event,
    write_redemption,
)
from pairing_server.oidc.refusals import AccessDenied, InvalidGrant
from pairing_server.ports import Ports
from pairing_server.registry import Query, Transaction, answers, xis, xis_events
from pairing_server.registry.clients import Client
from pairing_server.registry.xis import (
    SessionStatus,
    TransactionStatus,
    XisSession,
    XisTransaction,
)
from pairing_server.tokens import new_id
from pairing_server.xis import messages
from pairing_server.xis.ending import cancel_transaction, end_session
from pairing_server.xis.messages import MessageType, Reason
from pairing_server.xis.proof import Proof, read_approval

#: How often a client's open sessions are looked through for people who have left.
LOOK_THROUGH_EVERY = timedelta(seconds=30)


class Settling:
    """Turns the ends of auth requests into events, whichever reader comes first."""

    def __init__(
        self,
        ports: Ports,
        approvals: ApprovalFlow,
        keys: SigningKeys,
        *,
        issuer: str,
        policy: KeyPolicy,
    ) -> None:
        """Build it.

        Args:
            policy: Which keys are taken, where an organisation has no policy of its own.
        """
        self._registry = ports.registry
        self._approvals = approvals
        self._requests = OpenRequests(ports.store, ports.clock)
        self._keys = keys
        self._clock = ports.clock
        self._random = ports.random
        self._issuer = issuer
        self._policy = policy
        self._looked_at: dict[str, datetime] = {}

    async def settle(self, client: Client) -> datetime | None:
        """Write what has ended.  Returns when the next of it ends by itself."""
        await self._look_through(client)
        sessions, transactions = await self._registry.read(
            lambda tx: (
                xis.offered_sessions(tx, client.id),
                xis.offered_transactions(tx, client.id),
            )
        )
        for session in sessions:
            await self._session(session, client)
        for transaction in transactions:
            await self._transaction(transaction, client)
        ends = [each.expires_at for each in sessions]
        ends += [each.expires_at for each in transactions]
        return min(ends, default=None)

    async def stands(self, session: XisSession) -> bool:
        """Tell whether all that an open session rests on still stands; else it ends here."""
        now = self._clock()
        if await self._registry.read(lambda tx: self._stands(tx, session, now)):
            return True
        await self._end(session.client_id, [session], Reason.REVOKED)
        return False

    async def _look_through(self, client: Client) -> None:
        """End sessions whose time is over, or whose person may not be there any more."""
        now = self._clock()
        over = await self._registry.read(lambda tx: xis.over_sessions(tx, client.id, now))
        await self._end(client.id, over, Reason.EXPIRED)
        looked_at = self._looked_at.get(client.id)
        if looked_at is None or now - looked_at >= LOOK_THROUGH_EVERY:
            self._looked_at[client.id] = now
            fallen = await self._registry.read(lambda tx: self._fallen(tx, client.id, now))
            await self._end(client.id, fallen, Reason.REVOKED)

    async def _end(self, client_id: str, sessions: list[XisSession], reason: Reason) -> None:
        now = self._clock()

        def change(tx: Transaction) -> None:
            for session in sessions:
                end_session(tx, session.id, reason, now)

        if sessions:
            await self._write(client_id, change)

    async def _write(self, client_id: str, change: Callable[[Transaction], object]) -> None:
        """Commit a change with its events, and tell who waits for those."""
        await self._registry.commit(change)
        await self._requests.tell_client(client_id)

    async def _session(self, session: XisSession, client: Client) -> None:
        request, now = await self._approvals.look(session.auth_request), self._clock()
        reason = _ended(request, session.expires_at, now)
        if reason is not None:
            await self._write(client.id, lambda tx: end_session(tx, session.id, reason, now))
        elif request is not None and request.status is Status.APPROVED:
            until = now + timedelta(hours=policy_of(client).session_hours)
            await self._redeem(
                request,
                lambda tx, jti: self._open(tx, session, request, jti, until),
                lambda tx: end_session(tx, session.id, Reason.REVOKED, now),
            )

    async def _transaction(self, transaction: XisTransaction, client: Client) -> None:
        request, now = await self._approvals.look(transaction.auth_request), self._clock()
        reason = _ended(request, transaction.expires_at, now)
        if reason is not None:
            await self._write(
                client.id, lambda tx: cancel_transaction(tx, transaction.id, reason, now)
            )
        elif request is not None and request.status is Status.APPROVED:
            # Before the commit: what it writes down as signed must then be.
            signer = await self._keys.signer()
            proof = Proof(self._issuer, client, signer)
            await self._redeem(
                request,
                lambda tx, jti: self._finish(tx, transaction, request, jti, proof),
                lambda tx: cancel_transaction(tx, transaction.id, Reason.REVOKED, now),
            )

    async def _redeem(
        self,
        request: AuthRequest,
        change: Callable[[Transaction, str], None],
        cancel: Callable[[Transaction], bool],
    ) -> None:
        jti = new_id(self._random)
        try:
            await self._write(request.client_id, lambda tx: change(tx, jti))
        except InvalidGrant:
            await self._approvals.revoked(request)
            await self._write(request.client_id, cancel)
        except AccessDenied as error:
            await self._approvals.revoked(request)
            event = refused_event(request, error)

            def refuse(tx: Transaction) -> None:
                if cancel(tx):
                    tx.record(event)

            await self._write(request.client_id, refuse)
        else:
            await self._approvals.redeemed(request)

    def _open(
        self,
        tx: Transaction,
        session: XisSession,
        request: AuthRequest,
        jti: str,
        until: datetime,
    ) -> None:
        held = xis.session_for_update(tx, session.id)
        if held is None or held.status is not SessionStatus.OFFERED:
            return
        now = self._clock()
        subject, _ = write_redemption(tx, request, jti, now, self._policy)
        xis.open_session(tx, held.id, subject.person.id, subject.phone.id, until)
        payload = messages.session_opened(held.id, subject)
        xis_events.append(tx, held.client_id, MessageType.SESSION_OPENED, payload, now)

    def _finish(
        self,
        tx: Transaction,
        transaction: XisTransaction,
        request: AuthRequest,
        jti: str,
        proof: Proof,
    ) -> None:
        held = xis.transaction_for_update(tx, transaction.id)
        if held is None or held.status is not TransactionStatus.OFFERED:
            return
        now = self._clock()
        subject, _ = write_redemption(tx, request, jti, now, self._policy)
        xis.end_transaction(tx, held.id, TransactionStatus.FINISHED)
        payload = proof.finished(held, subject, read_approval(tx, request.id), jti, now)
        xis_events.append(tx, held.client_id, MessageType.TRANSACTION_FINISHED, payload, now)

    def _fallen(self, tx: Query, client_id: str, now: datetime) -> list[XisSession]:
        held = xis.open_sessions(tx, client_id)
        return [session for session in held if not self._stands(tx, session, now)]

    def _stands(self, tx: Query, session: XisSession, now: datetime) -> bool:
        opened = answers.get_answer(tx, session.auth_request)
        basis = Basis(
            session.client_id,
            session.credential_id or "",
            session.person_id or "",
            session.ura,
            "" if opened is None else opened.role_code,
        )
        return read_subject(tx, basis, now, self._policy) is not None


def _ended(request: AuthRequest | None, expires_at: datetime, now: datetime) -> Reason | None:
    """Return why nobody will answer with a yes any more, if that is so."""
    if request is None:
        # What the Store has lost is waited for until its time is over.
        return Reason.EXPIRED if now >= expires_at else None
    match request.status_at(now):
        case Status.DENIED:
            return Reason.DENIED if request.reason in (None, "other") else Reason(request.reason)
        case Status.SUPERSEDED | Status.REVOKED | Status.EXPIRED as status:
            return Reason(status.value)
        case _:
            return None
