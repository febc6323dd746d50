"""Rules of an authorization request: the code flow with PKCE, and no other.

OAuth 2.0 (RFC 6749 section 4.1), PKCE (RFC 7636), OpenID Connect Core section 3.1.2, the issuer in
the response (RFC 9207), and what the NL GOV profile for OpenID Connect adds.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from pairing_server.errors import InvalidRequest
from pairing_server.oidc.backchannel import scope_of, ura_of
from pairing_server.oidc.claims_request import NO_CLAIMS, WantedClaims, read_claims
from pairing_server.oidc.client_policy import Profile, policy_of
from pairing_server.oidc.refusals import (
    LoginRequired,
    RequestNotSupported,
    UnauthorizedClient,
    UnsupportedResponseType,
)
from pairing_server.registry.client_metadata import GrantType
from pairing_server.registry.clients import Client

MAX_STATE_CHARACTERS = 1024
MAX_NONCE_CHARACTERS = 512
MAX_HINT_CHARACTERS = 200
MAX_ACR_VALUES = 10
#: 128 bits in base64url: what the NL GOV profile asks of `state` and `nonce`.
PROFILE_CHARACTERS = 22

# RFC 6749 appendix A.5.
_PRINTABLE = re.compile(r"[\x20-\x7e]+", re.ASCII)
# A SHA-256 in base64url (RFC 7636 section 4.2).
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
_PROMPTS = frozenset({"none", "login", "consent", "select_account"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """A well-formed request of a client that may make it.

    `max_age` and `prompt` leave nothing to keep: every login is asked of a phone or a card there
    and then, so that it is never older than asked, and never without the person.

    Attributes:
        scope: What was asked and is known here; the rest is granted to nobody (RFC 6749 3.3).
        login_hint: Whom the client expects; the person may be another one.
        hinted_sub: Whom the client insists on, by an ID token that it was given.
        message: What the phone shows beside who asks; of this server's own clients alone, since
            who else could say something there would speak in this server's name.
    """

    client_id: str
    redirect_uri: str
    scope: str
    state: str
    nonce: str
    code_challenge: str
    ura: str
    acr_values: tuple[str, ...] = ()
    claims: WantedClaims = NO_CLAIMS
    login_hint: str = ""
    hinted_sub: str = ""
    message: str = ""


def redirect_uri(form: Mapping[str, str], client: Client) -> str:
    """Return where the answer goes: one of the client's, letter for letter (RFC 9700 2.1).

    Raises:
        InvalidRequest: it is none of them; no browser is sent there.
    """
    uri = form.get("redirect_uri", "")
    if uri not in client.redirect_uris:
        raise InvalidRequest("Send the redirect_uri exactly as it was registered.")
    return uri


def parse(form: Mapping[str, str], client: Client) -> AuthorizationRequest:
    """Read a request whose redirect URI is the client's.

    Raises:
        InvalidRequest: a parameter is missing or out of range, or the redirect URI is not known.
        InvalidScope: `openid` is missing.
        LoginRequired: nobody is to be asked, and nobody is logged in without that.
        RequestNotSupported: it comes as a request object.
        UnauthorizedClient: the client is not registered for this grant.
        UnsupportedResponseType: it asks for something else than a code.
    """
    uri = redirect_uri(form, client)
    if GrantType.AUTHORIZATION_CODE not in client.metadata.grant_types:
        raise UnauthorizedClient
    _check_response(form)
    scope = scope_of(form)
    state = _text(form, "state", MAX_STATE_CHARACTERS)
    nonce = _text(form, "nonce", MAX_NONCE_CHARACTERS)
    if policy_of(client).profile is Profile.NL_GOV:
        _check_profile(state, nonce)
    _check_prompt(form.get("prompt", ""))
    _check_max_age(form.get("max_age"))
    return AuthorizationRequest(
        client_id=client.id,
        redirect_uri=uri,
        scope=scope,
        state=state,
        nonce=nonce,
        code_challenge=_challenge(form),
        ura=ura_of(form.get("ura"), client),
        acr_values=_acr_values(form.get("acr_values", "")),
        claims=read_claims(form.get("claims")),
        login_hint=_text(form, "login_hint", MAX_HINT_CHARACTERS, printable=False),
    )


def answer_uri(uri: str, issuer: str, state: str, **members: str) -> str:
    """Return the redirect URI with an answer (RFC 6749 section 4.1.2) and who gives it (RFC 9207).

    Args:
        members: `code`, or `error` and `error_description`.
    """
    answer = {**members, **({"state": state} if state else {}), "iss": issuer}
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(answer)}"


def _check_response(form: Mapping[str, str]) -> None:
    for name in ("request", "request_uri"):
        if name in form:
            raise RequestNotSupported
    kind = form.get("response_type")
    if kind is None:
        raise InvalidRequest("Send the response_type: code.")
    if kind != "code":
        raise UnsupportedResponseType
    if form.get("response_mode", "query") != "query":
        raise InvalidRequest("The only response_mode is query.")


def _check_profile(state: str, nonce: str) -> None:
    if min(len(state), len(nonce)) < PROFILE_CHARACTERS:
        raise InvalidRequest("Send state and nonce, each of 128 random bits or more.")


def _check_prompt(value: str) -> None:
    prompts = set(value.split())
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise InvalidRequest("prompt is none, or some of login, consent and select_account.")
    if "none" in prompts:
        raise LoginRequired


def _check_max_age(value: str | None) -> None:
    if value is not None and not _SECONDS.fullmatch(value):
        raise InvalidRequest("max_age is a number of seconds.")


def _challenge(form: Mapping[str, str]) -> str:
    # `plain` is the method where none is named (RFC 7636 section 4.3), and protects nobody.
    if form.get("code_challenge_method") != "S256":
        raise InvalidRequest("Send a code_challenge with the code_challenge_method S256.")
    challenge = form.get("code_challenge", "")
    if not _CHALLENGE.fullmatch(challenge):
        raise InvalidRequest("The code_challenge is a SHA-256 in base64url, 43 characters.")
    return challenge


def _acr_values(value: str) -> tuple[str, ...]:
    values = tuple(dict.fromkeys(value.split()))
    if len(values) > MAX_ACR_VALUES:
        raise InvalidRequest("acr_values names too many.")
    return values


def _text(form: Mapping[str, str], name: str, most: int, *, printable: bool = True) -> str:
    value = form.get(name, "")
    if len(value) > most or (printable and value and not _PRINTABLE.fullmatch(value)):
        raise InvalidRequest(f"{name} is too long, or has characters that cannot be used.")
    return value
