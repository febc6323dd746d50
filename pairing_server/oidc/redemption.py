"""What the registry reads and writes when an approval is turned into an assertion."""

from datetime import datetime

from pairing_server.approvals.auth_request import AuthRequest, Status
from pairing_server.audit.events import AssertionIssued, AssertionRefused, Outcome
from pairing_server.oidc.id_token import Subject
from pairing_server.oidc.refusals import AccessDenied, InvalidGrant
from pairing_server.registry import (
    AlreadyExistsError,
    Query,
    Transaction,
    answers,
    clients,
    credentials,
    organisations,
    people,
)
from pairing_server.registry.clients import ClientStatus
from pairing_server.registry.credentials import Credential, CredentialStatus
from pairing_server.registry.organisations import OrganisationStatus
from pairing_server.registry.people import PersonStatus


def write_redemption(
    tx: Transaction, request: AuthRequest, jti: str, now: datetime
) -> tuple[Subject, datetime]:
    """Redeem in one commit: what was approved, once, and only if all it rests on still stands.

    Returns:
        Who was asserted, and when they approved.

    Raises:
        AccessDenied: phone, person, membership, organisation or client has ended.
        AlreadyExistsError: it was redeemed before.
        InvalidGrant: the registry knows of no approval, whatever the Store says.
    """
    answer = answers.get_answer(tx, request.id)
    if answer is None or answer.decision is not answers.Decision.APPROVE:
        raise InvalidGrant("no approval in the registry")
    if answers.get_redemption(tx, request.id) is not None:
        raise AlreadyExistsError
    # FOR SHARE: a block on another node waits for this commit, or this commit sees the block.
    credentials.get_for_share(tx, answer.credential_id)
    subject = read_subject(
        tx,
        client_id=request.client_id,
        credential_id=answer.credential_id,
        person_id=request.person_id or "",
        ura=request.shown.ura,
        now=now,
    )
    if subject is None:
        raise AccessDenied(Status.REVOKED)
    answers.add_redemption(
        tx,
        answers.Redemption(
            auth_request=request.id,
            client_id=request.client_id,
            credential_id=answer.credential_id,
            jti=jti,
            redeemed_at=now,
        ),
    )
    tx.record(
        AssertionIssued(
            actor=f"client:{request.client_id}",
            object=f"person:{subject.person.id}",
            ura=request.shown.ura,
            evidence={
                "auth_request": request.id,
                "jti": jti,
                "credential": answer.credential_id,
                "acr": subject.credential.acr,
                "scope": request.scope,
            },
        )
    )
    return subject, answer.answered_at


def read_subject(
    tx: Query, *, client_id: str, credential_id: str, person_id: str, ura: str, now: datetime
) -> Subject | None:
    """Read who this is, if everything that a login rests on still stands."""
    client = clients.get(tx, client_id)
    credential = credentials.get(tx, credential_id)
    person = people.get_person(tx, person_id)
    membership = people.membership(tx, person_id, ura)
    organisation = organisations.get(tx, ura)
    if (
        client is None
        or client.status is not ClientStatus.ACTIVE
        or ura not in client.uras
        or credential is None
        or not is_active(credential, now)
        or person is None
        or person.status is not PersonStatus.ACTIVE
        or credential.person_id != person.id
        or membership is None
        or not membership.is_valid(now)
        or organisation is None
        or organisation.status is not OrganisationStatus.ACTIVE
    ):
        return None
    return Subject(person, membership, organisation, credential)


def is_active(credential: Credential, now: datetime) -> bool:
    """Whether the key opens anything now."""
    return credential.status is CredentialStatus.ACTIVE and now < credential.expires_at


def refused_event(request: AuthRequest, refusal: AccessDenied) -> AssertionRefused:
    """Say that an approved request was not redeemed."""
    return AssertionRefused(
        actor=f"client:{request.client_id}",
        object=f"person:{request.person_id}",
        ura=request.shown.ura,
        outcome=Outcome.REFUSED,
        evidence={"auth_request": request.id, "reason": refusal.members["reason"]},
    )
