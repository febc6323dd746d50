"""What was signed, so that anybody can verify it without this server (RFC 7515, WebAuthn 7.2)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from pairing_server.clock import to_milliseconds
from pairing_server.keys.signing import Signer
from pairing_server.oidc.id_token import Subject
from pairing_server.oidc.refusals import InvalidGrant
from pairing_server.registry import Query
from pairing_server.registry.clients import Client
from pairing_server.registry.tables import audit_event
from pairing_server.registry.xis import XisTransaction
from pairing_server.tokens import b64url
from pairing_server.xis import messages

#: Nothing that verifies ID tokens takes it for one.
TYPE = "transaction-evidence+jwt"

_a = audit_event.c
_approval = sa.select(_a.id, _a.evidence).where(
    _a.object == sa.bindparam("object"), _a.action == "AuthRequestApproved"
)


@dataclass(frozen=True, slots=True)
class Approved:
    """The audit event of an approval, and what the phone signed."""

    event_id: str
    signed: dict[str, str]
    assertion: dict[str, str]


def read_approval(tx: Query, auth_request: str) -> Approved:
    """Read what a phone signed.

    Raises:
        InvalidGrant: there is no such event.
    """
    row = tx.one(_approval, object=f"auth-request:{auth_request}")
    if row is None:
        raise InvalidGrant("no approval in the audit log")
    kept = msgspec.json.decode(row["evidence"], type=dict[str, Any])
    return Approved(row["id"], kept["signed"], kept["assertion"])


@dataclass(frozen=True, slots=True)
class Proof:
    """Who makes the proof, and for whom."""

    issuer: str
    client: Client
    signer: Signer

    def finished(
        self,
        transaction: XisTransaction,
        subject: Subject,
        approved: Approved,
        jti: str,
        now: datetime,
    ) -> str:
        """Return the payload that tells the client of a signature.

        Raises:
            InvalidGrant: the phone signed other hashes than the client asked for, which only the
                Store can have told it.
        """
        references = msgspec.json.decode(transaction.signing, type=dict[str, str])
        if approved.signed.get("hashes") != " ".join(references.values()):
            raise InvalidGrant("other hashes were signed")
        claims = {
            "iss": self.issuer,
            "jti": jti,
            "iat": to_milliseconds(now) // 1000,
            "client_id": self.client.id,
            "session": transaction.session_id,
            "transaction": transaction.id,
            "uzi_number": subject.person.uzi_number or "",
            "name": subject.person.name,
            "ura": subject.membership.ura,
            "organisation_name": subject.organisation.name,
            "role_code": subject.membership.role_code,
            "acr": subject.acr,
            "hashes": references,
            "credential": {
                "id": subject.phone.id,
                "public_key": b64url(subject.phone.public_key),
            },
            "signed": approved.signed,
            "assertion": approved.assertion,
            "audit_event": approved.event_id,
        }
        evidence = self.signer.sign(claims, TYPE)
        return messages.transaction_finished(
            transaction.session_id, transaction.id, references, evidence
        )
