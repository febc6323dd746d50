"""What the registry writes of an answer: once for ever, and only from a phone that is active."""

from dataclasses import asdict
from datetime import datetime

from pairing_server.approvals.auth_request import (
    Answer,
    AuthRequest,
    Decision,
    DenyReason,
    Status,
)
from pairing_server.approvals.facts import facts_digest
from pairing_server.approvals.places import evidence_of, place_of, record_place
from pairing_server.approvals.refusals import AuthRequestClosed, WorkstationNotKnown
from pairing_server.audit.events import (
    AuthRequestApproved,
    AuthRequestDenied,
    Outcome,
    PushClosed,
)
from pairing_server.keys.binding import policy_of
from pairing_server.keys.flow import BoundPhone
from pairing_server.keys.policy import KeyPolicy, accepts
from pairing_server.keys.refusals import (
    InvalidAssertion,
    KeyNotAccepted,
    KeyOfAnotherOrganisation,
    PhoneBlocked,
)
from pairing_server.registry import Transaction, answers, credentials, person_workstations
from pairing_server.registry.credentials import Credential, CredentialStatus, Use
from pairing_server.registry.person_workstations import Place


def record_answer(  # noqa: PLR0913, PLR0917  (an answer and what it is judged by)
    tx: Transaction,
    request: AuthRequest,
    answer: Answer,
    phone: BoundPhone,
    signed: dict[str, str],
    now: datetime,
    policy: KeyPolicy,
) -> None:
    """Write the answer and its audit event; the identical one again writes nothing.

    Args:
        signed: The details that the phone signed; empty for a denial without a signature.
        policy: The server's, where the organisation has none of its own.

    Raises:
        AuthRequestClosed: another answer was written, or the time is over.
        InvalidAssertion: the sign count did not grow.
        KeyNotAccepted: the organisation does not take such a key.
        KeyOfAnotherOrganisation: another organisation's operator bound it, and no card did.
        PhoneBlocked: the phone was cut off.
        WorkstationNotKnown: it is to be one where the person has logged in before.
    """
    known = answers.get_answer(tx, request.id)
    if known is not None:
        if known.answer_digest != answer.digest:
            raise AuthRequestClosed(status=_STATUS[known.decision])
        return
    # An answer that was claimed in time but not written, for a node or the registry was away.
    if now >= request.expires_at:
        raise AuthRequestClosed(status=Status.EXPIRED)
    credential = (
        credentials.get_for_update(tx, phone.credential.id)
        if answer.decision is Decision.APPROVE
        else credentials.get_for_share(tx, phone.credential.id)
    )
    if credential is None or credential.status is not CredentialStatus.ACTIVE:
        raise PhoneBlocked
    if answer.decision is Decision.APPROVE:
        _check_policies(tx, request, credential, policy)
        if not credentials.record_use(tx, credential.id, _use(request, answer, now)):
            raise InvalidAssertion(None, "sign count did not grow")
    answers.add_answer(
        tx,
        answers.Answer(
            auth_request=request.id,
            decision=answers.Decision(answer.decision),
            answer_digest=answer.digest,
            credential_id=credential.id,
            answered_at=now,
            **_yes_to(request, answer),
        ),
    )
    tx.record(_event(request, answer, phone, signed))
    place = place_of(request, phone.person.id)
    if answer.decision is Decision.APPROVE:
        record_place(tx, request, place, now)
    elif answer.reason is DenyReason.NOT_ME:
        person_workstations.close_push(tx, place, now)
        tx.record(_closed(request, place))


def _check_policies(
    tx: Transaction, request: AuthRequest, credential: Credential, policy: KeyPolicy
) -> None:
    """Make sure that organisation and client take a yes of this key from this workstation."""
    if not credential.is_for(request.shown.ura):
        raise KeyOfAnotherOrganisation
    if not accepts(policy_of(tx, request.shown.ura, policy), credential):
        raise KeyNotAccepted
    if not request.needs_known_place:
        return
    there = person_workstations.get(
        tx, credential.person_id, request.client_id, request.workstation_id
    )
    if there is None or not there.is_known:
        raise WorkstationNotKnown


def _yes_to(request: AuthRequest, answer: Answer) -> dict[str, str]:
    """Return what the registry keeps of a yes alone."""
    if answer.decision is not Decision.APPROVE:
        return {}
    role_code = answer.role_code
    return {"role_code": role_code, "facts_digest": facts_digest(request, role_code)}


def _use(request: AuthRequest, answer: Answer, now: datetime) -> Use:
    shown = request.shown
    return Use(
        at=now,
        sign_count=answer.sign_count,
        backed_up=answer.backed_up,
        workstation=shown.workstation,
        location=shown.location,
        ura=shown.ura,
    )


def _closed(request: AuthRequest, place: Place) -> PushClosed:
    return PushClosed(
        actor=f"person:{place.person_id}",
        object=f"client:{place.client_id}",
        ura=request.shown.ura,
        evidence=evidence_of(request, place),
    )


_STATUS = {
    answers.Decision.APPROVE: Status.APPROVED,
    answers.Decision.DENY: Status.DENIED,
}


def _event(
    request: AuthRequest, answer: Answer, phone: BoundPhone, signed: dict[str, str]
) -> AuthRequestApproved | AuthRequestDenied:
    approved = answer.decision is Decision.APPROVE
    refused = answer.reason is DenyReason.WRONG_CODE
    evidence: dict[str, object] = {"credential": answer.credential_id}
    if not approved:
        evidence |= {"reason": answer.reason, "shown": asdict(request.shown)}
    if answer.evidence is not None:
        evidence |= {"signed": signed, "assertion": answer.evidence}
    return (AuthRequestApproved if approved else AuthRequestDenied)(
        actor=f"person:{phone.person.id}",
        object=f"auth-request:{request.id}",
        ura=request.shown.ura,
        outcome=Outcome.REFUSED if refused else Outcome.SUCCESS,
        evidence=evidence,
    )
