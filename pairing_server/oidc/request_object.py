"""Rules of a signed authentication request (CIBA Core section 7.1.1, FAPI-CIBA section 5.2.2)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from pairing_server.errors import InvalidRequest
from pairing_server.oidc.jwt_claims import is_for, is_storable, moment

#: FAPI-CIBA section 5.2.2: how long after `nbf` a request may expire, and how old it may be.
MAX_LIFETIME = timedelta(minutes=60)
#: How far a client's clock may be ahead of ours (FAPI 2.0 Security Profile section 5.3.2.1).
SKEW = timedelta(seconds=10)
MAX_CHARACTERS = 16 * 1024

#: What may stand in a request, in the form or in the object.
PARAMETERS = frozenset(
    {
        "scope",
        "client_notification_token",
        "acr_values",
        "login_hint_token",
        "id_token_hint",
        "login_hint",
        "binding_message",
        "user_code",
        "requested_expiry",
        "request_context",
        "ura",
    }
)
_INSIDE_NEVER = ("request", "request_uri")
# JSON carries lone surrogates and NUL, which no store takes.
_JTI = re.compile(r"[\x20-\x7e]{1,256}", re.ASCII)
_MOMENTS = ("exp", "nbf", "iat")


@dataclass(frozen=True, slots=True)
class RequestObject:
    """A request that the client signed.

    Attributes:
        form: Its parameters as a form would have them.
        jti: Shown once; it is kept until `expires_at`.
    """

    form: Mapping[str, str]
    jti: str
    expires_at: datetime


def check_alone(form: Mapping[str, str]) -> None:
    """Make sure that nothing is asked beside the signed request.

    Raises:
        InvalidRequest: a parameter of the authentication request stands outside of it.
    """
    if not PARAMETERS.isdisjoint(form):
        raise InvalidRequest("Beside request, send what authenticates the client and no more.")


def read(claims: Mapping[str, Any], client_id: str, issuer: str, now: datetime) -> RequestObject:
    """Read the claims of a request object whose signature has been verified.

    Raises:
        InvalidRequest: a claim is missing, of the wrong type or out of range; says which.
    """
    # (1) iss, and what RFC 9101 section 10.8 has never be the client
    if claims.get("iss") != client_id or claims.get("client_id", client_id) != client_id:
        raise InvalidRequest("The request's iss, and client_id if it has one, are the client id.")
    if claims.get("sub") == client_id:
        raise InvalidRequest("The request's sub is not the client id, or it would authenticate.")
    # (2) aud
    if not is_for(claims, issuer):
        raise InvalidRequest("The request's aud is this server's issuer.")
    # (3) exp, nbf, iat
    expires_at, not_before, issued_at = (_moment(claims, name) for name in _MOMENTS)
    if now >= expires_at:
        raise InvalidRequest("The request's exp is over: sign a new one.")
    if not_before > now + SKEW:
        raise InvalidRequest("The request's nbf is ahead.")
    # What is not over is then no older than that.
    if expires_at > not_before + MAX_LIFETIME:
        raise InvalidRequest("The request's exp is at most 60 minutes after its nbf.")
    if issued_at > now + SKEW:
        raise InvalidRequest("The request's iat is ahead.")
    # (4) jti
    jti = claims.get("jti")
    if not isinstance(jti, str) or not _JTI.fullmatch(jti):
        raise InvalidRequest("The request's jti is a text of at most 256 ASCII characters.")
    if any(name in claims for name in _INSIDE_NEVER):
        raise InvalidRequest("A request holds no request and no request_uri.")
    form = {name: _text(name, claims[name]) for name in sorted(PARAMETERS & claims.keys())}
    return RequestObject({name: value for name, value in form.items() if value}, jti, expires_at)


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    try:
        found = moment(claims, name)
    except ValueError as error:
        raise InvalidRequest(f"The request's {error}.") from error
    if found is None:
        raise InvalidRequest(f"The request has no {name}.")
    return found


def _text(name: str, value: Any) -> str:
    """Return a claim as the form's parameter of that name.

    `requested_expiry` may be a number as well (CIBA Core section 7.1.1), `request_context` is an
    object (FAPI-CIBA section 5.3).
    """
    match name, value:
        case ("requested_expiry", int()) if not isinstance(value, bool):
            text = str(value)
        case ("request_context", dict()):
            text = _encoded(value)
        case (_, str()):
            text = value
        case _:
            raise InvalidRequest(f"The request's {name} is of the wrong type.")
    if not is_storable(text):
        raise InvalidRequest(f"The request's {name} holds a character that is none.")
    return text


def _encoded(context: dict[str, Any]) -> str:
    try:
        return msgspec.json.encode(context).decode()
    except (ValueError, RecursionError) as error:
        # Half a character, or objects without end.
        raise InvalidRequest("The request's request_context cannot be read.") from error
