"""Rules of what a XIS is told: the numbers and payloads of ZORG-ID's interface.

Payloads are JSON in a string, their members in Pascal case, as its software reads them.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Any

import msgspec

from pairing_server.languages import Language
from pairing_server.oidc.id_token import Subject
from pairing_server.uzi.roles import role_name


class MessageType(IntEnum):
    """What happened."""

    SESSION_OPENED_CANCELLED = 0
    SESSION_OPENED = 1
    SESSION_CLOSED = 2
    SESSION_INITIALIZED = 3
    TRANSACTION_CANCELLED = 4
    TRANSACTION_FINISHED = 5


class Reason(StrEnum):
    """Why something is over."""

    #: By the XIS itself.
    CLOSED = "closed"
    DENIED = "denied"
    NOT_ME = "not_me"
    WRONG_CODE = "wrong_code"
    SUPERSEDED = "superseded"
    #: Phone, person, membership, organisation or client have ended.
    REVOKED = "revoked"
    EXPIRED = "expired"


def session_initialized(session_id: str, nonce: str, qr_events_uri: str, binding_code: str) -> str:
    """Tell that a session waits for somebody who scans.

    Args:
        nonce: The bearer of the frames; to be drawn are they, and not this.
    """
    return _json(
        SessionId=session_id,
        Nonce={"Value": nonce},
        QrEventsUri=qr_events_uri,
        BindingCode=binding_code,
    )


def session_opened(session_id: str, subject: Subject) -> str:
    """Tell who opened a session.

    There is no certificate, but its fields are where software looks for them.
    """
    person, membership = subject.person, subject.membership
    certificate = {
        "RawValue": "",
        "HasWarnings": False,
        "Warnings": [],
        "ParsedFields": {
            "UziNumber": person.uzi_number or "",
            "UziRegisterSubscriberNumber": membership.ura,
            "RoleCode": membership.role_code,
            "Role": role_name(membership.role_code, Language.NL),
            "PassholderName": person.name,
        },
    }
    element = {
        "AuthenticationCertificate": certificate,
        "Certificates": [certificate],
        "Attributes": [],
        "MetaData": {
            "OrganisationName": subject.organisation.name,
            "LevelOfAssurance": subject.acr,
        },
    }
    return _json(SessionId=session_id, SecureElement=element)


def session_ended(session_id: str, reason: Reason) -> str:
    """Tell that a session is over, or was never opened."""
    return _json(SessionId=session_id, Reason=reason)


def transaction_finished(
    session_id: str, transaction_id: str, references: Mapping[str, str], evidence: str
) -> str:
    """Hand over what was signed.

    Args:
        references: Which hash is whose, by the client's own identifiers.
        evidence: The one signature that is over all of them.
    """
    signed = {
        reference: {
            "Id": transaction_id,
            "SignDataRequestId": reference,
            "ReferenceId": reference,
            "Hash": digest,
            "Data": evidence,
        }
        for reference, digest in references.items()
    }
    return _json(
        SessionId=session_id,
        TransactionId=transaction_id,
        HasWarnings=False,
        CertificateWarnings=[],
        SignedDataBag=signed,
    )


def transaction_cancelled(session_id: str, transaction_id: str, reason: Reason) -> str:
    """Tell that nothing was signed."""
    return _json(SessionId=session_id, TransactionId=transaction_id, Reason=reason)


def _json(**members: Any) -> str:
    return msgspec.json.encode(members).decode()
