"""Rules of an authorization code: sixty seconds, once, and only with its verifier.

RFC 6749 section 4.1.2, RFC 7636 section 4.6, FAPI 2.0 Security Profile section 5.3.2.1.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pairing_server.errors import InvalidRequest
from pairing_server.oidc.authorize import AuthorizationRequest
from pairing_server.oidc.refusals import InvalidGrant
from pairing_server.tokens import b64url

LIFETIME = timedelta(seconds=60)
#: RFC 7636 section 4.1.
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Given:
    """What a code was exchanged for, so that it can be taken back.

    Attributes:
        access_token, id_token: Their digests.
        sid: The session that it opened.
    """

    access_token: str
    id_token: str
    sid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationCode:
    """What a code stands for.

    Attributes:
        auth_req_id: The approval that it is exchanged for.
        is_used: Whether it was shown with all that belongs to it.
        is_reused: Whether it was shown again after that: whoever has what it gave loses it.
    """

    request: AuthorizationRequest
    auth_req_id: str
    expires_at: datetime
    is_used: bool = False
    is_reused: bool = False
    given: Given | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a client shows to have a code exchanged."""

    code: str
    redirect_uri: str
    verifier: str


def read_exchange(form: Mapping[str, str]) -> Exchange:
    """Read a token request (RFC 6749 section 4.1.3).

    Raises:
        InvalidRequest: a parameter is missing or not of its form.
    """
    exchange = Exchange(
        form.get("code", ""), form.get("redirect_uri", ""), form.get("code_verifier", "")
    )
    if not exchange.code or not exchange.redirect_uri:
        raise InvalidRequest("Send the code and the redirect_uri that it came to.")
    if not _VERIFIER.fullmatch(exchange.verifier):
        raise InvalidRequest("Send the code_verifier: 43 to 128 unreserved characters.")
    return exchange


def use(
    code: AuthorizationCode, exchange: Exchange, client_id: str, now: datetime
) -> AuthorizationCode:
    """Use a code, once; shown again it is noted as reused, and the caller takes back what it gave.

    Who does not know the verifier has not been given the code by us: that neither uses it up nor
    takes anything back, or whoever saw a code in a log could log its owner out.

    Raises:
        InvalidGrant: another client's, another redirect URI or verifier, or too late.
    """
    request = code.request
    if request.client_id != client_id:
        raise InvalidGrant("foreign")
    if request.redirect_uri != exchange.redirect_uri:
        raise InvalidGrant("another redirect_uri")
    shown = b64url(hashlib.sha256(exchange.verifier.encode()).digest())
    if not hmac.compare_digest(shown, request.code_challenge):
        raise InvalidGrant("another code_verifier")
    if code.is_used:
        return replace(code, is_reused=True)
    if now >= code.expires_at:
        raise InvalidGrant("too late")
    return replace(code, is_used=True)


def give(code: AuthorizationCode, given: Given) -> AuthorizationCode:
    """Note what the code was exchanged for."""
    return replace(code, given=given)


def release(code: AuthorizationCode) -> AuthorizationCode:
    """Let a code be used once more, whose exchange came to nothing for a fault of ours."""
    return code if code.is_reused or code.given else replace(code, is_used=False)
