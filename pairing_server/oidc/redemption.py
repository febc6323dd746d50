"""What the registry reads and writes when an approval is turned into an assertion."""

from dataclasses import dataclass
from datetime import datetime

from pairing_server.approvals.auth_request import AuthRequest, Shown, Status
from pairing_server.approvals.facts import facts_digest
from pairing_server.audit.events import AssertionIssued, AssertionRefused, Outcome
from pairing_server.keys.policy import KeyPolicy, accepts, earned_acr, with_changes
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
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.credentials import Credential
from pairing_server.registry.organisations import Organisation, OrganisationStatus
from pairing_server.registry.people import Membership, Person, PersonStatus
from pairing_server.settings import AssuranceLevel


@dataclass(frozen=True, slots=True)
class Basis:
    """What a login rests on, by name."""

    client_id: str
    credential_id: str
    person_id: str
    ura: str
    role_code: str


def write_redemption(
    tx: Transaction, request: AuthRequest, jti: str, now: datetime, policy: KeyPolicy
) -> tuple[Subject, datetime]:
    """Redeem in one commit: what was approved, once, and only if all it rests on still stands.

    Returns:
        Who was asserted, and when they approved.

    Raises:
        AccessDenied: phone, person, membership, organisation or client has ended, or is not what
            the phone showed and signed; or the Store has another request than was approved.
        AlreadyExistsError: it was redeemed before.
        InvalidGrant: the registry knows of no approval, whatever the Store says.
    """
    answer = answers.get_answer(tx, request.id)
    if answer is None or answer.decision is not answers.Decision.APPROVE:
        raise InvalidGrant("no approval in the registry")
    if answers.get_redemption(tx, request.id) is not None:
        raise AlreadyExistsError
    if answer.facts_digest != facts_digest(request, answer.role_code):
        raise AccessDenied(Status.REVOKED, "not the request that was approved")
    basis = Basis(
        request.client_id,
        answer.credential_id,
        request.person_id or "",
        request.shown.ura,
        answer.role_code,
    )
    subject = _lock_subject(tx, basis, now, policy)
    if (
        subject is None
        or not _is_as_shown(subject, request.shown)
        or (subject.credential and was_cut_off_since(subject.credential, answer.answered_at))
    ):
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
                "acr": subject.acr,
                "scope": request.scope,
            },
        )
    )
    return subject, answer.answered_at


def read_subject(tx: Query, basis: Basis, now: datetime, policy: KeyPolicy) -> Subject | None:
    """Read who this is, if everything that a login rests on still stands.

    Args:
        policy: The server's, where the organisation has none of its own.
    """
    return _subject(
        now,
        policy,
        basis,
        credentials.get(tx, basis.credential_id),
        people.get_person(tx, basis.person_id),
        people.membership(tx, basis.person_id, basis.ura),
        organisations.get(tx, basis.ura),
        clients.get(tx, basis.client_id),
    )


def _lock_subject(
    tx: Transaction, basis: Basis, now: datetime, policy: KeyPolicy
) -> Subject | None:
    """Read the same so that all of it stands until this commit.

    FOR SHARE: who blocks or closes one of them on another node waits for this commit, or this
    commit sees it closed; so that after "closed" was answered there is no assertion.  One order
    for everybody, lest two nodes wait for each other.
    """
    return _subject(
        now,
        policy,
        basis,
        credentials.get_for_share(tx, basis.credential_id),
        people.get_person_for_share(tx, basis.person_id),
        people.membership_for_share(tx, basis.person_id, basis.ura),
        organisations.get_for_share(tx, basis.ura),
        clients.get_for_share(tx, basis.client_id),
    )


def _subject(  # noqa: PLR0913, PLR0917  (what a login rests on)
    now: datetime,
    server: KeyPolicy,
    basis: Basis,
    credential: Credential | None,
    person: Person | None,
    membership: Membership | None,
    organisation: Organisation | None,
    client: Client | None,
) -> Subject | None:
    chosen = None if membership is None else membership.in_role(basis.role_code)
    if (
        person is None
        or person.status is not PersonStatus.ACTIVE
        or membership is None
        or not membership.is_valid(now)
        or chosen is None
        or organisation is None
        or organisation.status is not OrganisationStatus.ACTIVE
        or client is None
        or client.status is not ClientStatus.ACTIVE
        or organisation.ura not in client.uras
    ):
        return None
    if answers.is_of_card(basis.credential_id):
        if not answers.is_of_card_of(basis.credential_id, person.id):
            return None
        # It was proved, and asked whether it is revoked, when it answered.
        return Subject(person, chosen, organisation, None, client, AssuranceLevel.HIGH)
    policy = with_changes(server, organisation.key_policy)
    if (
        credential is None
        or not credential.opens(organisation.ura, now)
        or credential.person_id != person.id
        or not accepts(policy, credential)
    ):
        return None
    acr = earned_acr(policy, credential, credential.acr)
    return Subject(person, chosen, organisation, credential, client, acr)


def _is_as_shown(subject: Subject, shown: Shown) -> bool:
    """Whether the assertion would say what the person saw when they signed."""
    names = subject.client.name, subject.organisation.name
    return names == (shown.client, shown.organisation)


def was_cut_off_since(credential: Credential, approved_at: datetime) -> bool:
    """Whether the phone was blocked since, and unblocked: what it had approved is over.

    The Store was told so, and may have forgotten it, or nobody lived to tell it.
    """
    return credential.status_at is not None and approved_at < credential.status_at


def refused_event(request: AuthRequest, refusal: AccessDenied) -> AssertionRefused:
    """Say that an approved request was not redeemed."""
    return AssertionRefused(
        actor=f"client:{request.client_id}",
        object=f"person:{request.person_id}",
        ura=request.shown.ura,
        outcome=Outcome.REFUSED,
        evidence={
            "auth_request": request.id,
            "reason": refusal.members["reason"],
            **({"detail": refusal.args[0]} if refusal.args else {}),
        },
    )
