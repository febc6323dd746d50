"""Rules of the assertion: an ID token (OpenID Connect Core section 2), design section 7."""

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pairing_server.clock import to_milliseconds
from pairing_server.languages import Language
from pairing_server.registry.clients import Client
from pairing_server.registry.credentials import Credential
from pairing_server.registry.organisations import Organisation
from pairing_server.registry.people import Membership, MembershipKind, Person
from pairing_server.settings import AssuranceLevel
from pairing_server.tokens import b64url
from pairing_server.uzi.roles import role_name

#: NL GOV Assurance profile for OpenID Connect: at most five minutes.
LIFETIME = timedelta(minutes=5)
#: RFC 8176: possession of a key was proven, with a second factor that unlocked it.
AMR = ["pop", "mfa"]
#: A smart card, with the PIN that unlocked it.
CARD_AMR = ["sc", "mfa"]
#: CIBA Core section 7.3.
AUTH_REQ_ID_CLAIM = "urn:openid:params:jwt:claim:auth_req_id"


@dataclass(frozen=True, slots=True)
class Subject:
    """Who logged in, where, with what and for whom, as read in the transaction that redeemed.

    Attributes:
        credential: The phone's key; `None` where a card was shown.
        acr: What key or card earns at this organisation.
    """

    person: Person
    membership: Membership
    organisation: Organisation
    credential: Credential | None
    client: Client
    acr: AssuranceLevel

    @property
    def phone(self) -> Credential:
        """The phone's key, where nothing but a phone can have answered.

        Raises:
            ValueError: a card did.
        """
        if self.credential is None:
            raise ValueError("a card answered")
        return self.credential


def pairwise_subject(salt: bytes, client_id: str, person_id: str) -> str:
    """Return the `sub` of a person at one client (OpenID Connect Core section 8.1)."""
    message = f"{client_id}\n{person_id}".encode()
    return b64url(hmac.new(salt, message, hashlib.sha256).digest())


def claims(subject: Subject, scope: str, names: Collection[str] = ()) -> dict[str, Any]:
    """Return what the scopes tell of the person; never a BSN, never a date of birth.

    Args:
        names: Claims that were asked for one by one, beside the scopes.
    """
    told = _by_scope(subject, scope)
    if names:
        everything = _by_scope(subject, "profile uzi dezi")
        told |= {name: everything[name] for name in names if name in everything}
    return told


def _by_scope(subject: Subject, scope: str) -> dict[str, Any]:
    person, membership, organisation = subject.person, subject.membership, subject.organisation
    scopes = scope.split(" ")
    told: dict[str, Any] = {}
    if membership.kind is MembershipKind.GUEST:
        # Whatever was asked: nobody takes a guest for one of the organisation's own.
        told["membership"] = membership.kind.value
    if "profile" in scopes:
        told |= {
            "name": person.name,
            "given_name": person.first_names,
            "family_name": person.last_name,
            "preferred_username": person.user_name,
        }
    if "uzi" in scopes:
        # Who was registered without a card (option 2B) has none: nothing is told of it, not null.
        told |= {} if person.uzi_number is None else {"uzi_number": person.uzi_number}
        told |= {
            "ura": membership.ura,
            "organisation_name": organisation.name,
            "role_code": membership.role_code,
        }
    if "dezi" in scopes:
        told |= {
            "abonnee_nummer": membership.ura,
            "abonnee_naam": organisation.name,
            "rol_code": membership.role_code,
            "rol_naam": role_name(membership.role_code, Language.NL),
        }
    return told


def id_token(  # noqa: PLR0913  (the claims that the standard requires)
    subject: Subject,
    *,
    issuer: str,
    client_id: str,
    sub: str,
    scope: str,
    jti: str,
    auth_time: datetime,
    now: datetime,
) -> dict[str, Any]:
    """Return the claims of the ID token that every grant's has."""
    issued_at = to_milliseconds(now) // 1000
    return {
        "iss": issuer,
        "sub": sub,
        "aud": client_id,
        "exp": issued_at + int(LIFETIME.total_seconds()),
        "iat": issued_at,
        "nbf": issued_at,
        "jti": jti,
        "auth_time": to_milliseconds(auth_time) // 1000,
        "acr": subject.acr,
        "amr": CARD_AMR if subject.credential is None else AMR,
        **claims(subject, scope),
    }
