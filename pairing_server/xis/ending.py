"""How sessions and transactions end in the registry: once, with the word of it in one commit."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.approvals.open_requests import OpenRequests
from pairing_server.ports import Ports
from pairing_server.registry import Query, Transaction, xis, xis_events
from pairing_server.registry.xis import SessionStatus, TransactionStatus, XisSession
from pairing_server.xis import messages
from pairing_server.xis.messages import MessageType, Reason


def end_session(tx: Transaction, identifier: str, reason: Reason, now: datetime) -> bool:
    """End a session that has not ended, and what was to be signed in it.

    Returns:
        Whether this did.
    """
    held = xis.session_for_update(tx, identifier)
    if held is None or held.status not in (SessionStatus.OFFERED, SessionStatus.OPEN):
        return False
    was_open = held.status is SessionStatus.OPEN
    for transaction in xis.offered_transactions(tx, held.client_id):
        if transaction.session_id == identifier:
            cancel_transaction(tx, transaction.id, reason, now)
    xis.end_session(tx, identifier, SessionStatus.CLOSED if was_open else SessionStatus.CANCELLED)
    kind = MessageType.SESSION_CLOSED if was_open else MessageType.SESSION_OPENED_CANCELLED
    xis_events.append(tx, held.client_id, kind, messages.session_ended(identifier, reason), now)
    return True


def cancel_transaction(tx: Transaction, identifier: str, reason: Reason, now: datetime) -> bool:
    """End a transaction that has not ended without a signature.  Returns whether this did."""
    held = xis.transaction_for_update(tx, identifier)
    if held is None or held.status is not TransactionStatus.OFFERED:
        return False
    xis.end_transaction(tx, identifier, TransactionStatus.CANCELLED)
    payload = messages.transaction_cancelled(held.session_id, identifier, reason)
    xis_events.append(tx, held.client_id, MessageType.TRANSACTION_CANCELLED, payload, now)
    return True


def ending_all(ports: Ports, approvals: ApprovalFlow) -> Callable[[str], Awaitable[None]]:
    """Return what ends all that a person has under way or open, whose phone was cut off."""
    at = ending_at(ports, approvals)
    return lambda person_id: at(person_id, None)


def ending_at(
    ports: Ports, approvals: ApprovalFlow
) -> Callable[[str, str | None], Awaitable[None]]:
    """Return what ends all that a person has under way or open at one organisation, or at all."""
    requests = OpenRequests(ports.store, ports.clock)

    async def end(person_id: str, ura: str | None) -> None:
        await approvals.end_all(person_id, ura)
        if not await ports.registry.read(lambda tx: _open_at(tx, person_id, ura)):
            return
        now = ports.clock()
        at = await ports.registry.commit(lambda tx: _end_of_person(tx, person_id, ura, now))
        for client_id in at:
            await requests.tell_client(client_id)

    return end


def _open_at(tx: Query, person_id: str, ura: str | None) -> list[XisSession]:
    held = xis.open_of_person(tx, person_id)
    return [session for session in held if ura in (None, session.ura)]


def _end_of_person(tx: Transaction, person_id: str, ura: str | None, now: datetime) -> list[str]:
    held = _open_at(tx, person_id, ura)
    for session in held:
        end_session(tx, session.id, Reason.REVOKED, now)
    return sorted({session.client_id for session in held})
