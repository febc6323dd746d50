"""Rules of the three hints: whom a client means (CIBA Core section 7.1)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from pairing_server.errors import InvalidRequest
from pairing_server.oidc.jwt_claims import is_for, is_storable, moment
from pairing_server.oidc.refusals import ExpiredLoginHintToken

NAMES = ("login_hint", "login_hint_token", "id_token_hint")
MAX_CHARACTERS = 200
MAX_TOKEN_CHARACTERS = 8192
#: A hint is for the request that it comes with.
MAX_TOKEN_LIFETIME = timedelta(minutes=60)
SKEW = timedelta(seconds=10)
MAX_ALIASES = 10

_UZI = re.compile(r"uzi:([0-9]{9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class UziNumber:
    """The person with this UZI number."""

    value: str


@dataclass(frozen=True, slots=True)
class UserName:
    """The person with this user name."""

    value: str


@dataclass(frozen=True, slots=True)
class EarlierLogin:
    """Who logged in at this client when it was given the ID token `jti`.

    Attributes:
        sub: What the ID token calls them; it has to be theirs.
    """

    jti: str
    sub: str


Hint = UziNumber | UserName | EarlierLogin


def only_one(form: Mapping[str, str]) -> tuple[str, str]:
    """Return the one hint that is there, by its name.

    Raises:
        InvalidRequest: there is none, there are several, or it is too long.
    """
    given = [name for name in NAMES if name in form]
    if len(given) != 1:
        raise InvalidRequest(
            "Send exactly one hint: login_hint, login_hint_token or id_token_hint."
        )
    name, value = given[0], form[given[0]]
    if len(value) > (MAX_CHARACTERS if name == "login_hint" else MAX_TOKEN_CHARACTERS):
        raise InvalidRequest(f"The {name} is too long.")
    return name, value


def login_hint(value: str) -> Hint:
    """Read a `login_hint`: `uzi:` and nine digits, or a user name."""
    match = _UZI.fullmatch(value)
    return UziNumber(match[1]) if match else UserName(value)


def login_hint_token(
    claims: Mapping[str, Any], client_id: str, issuer: str, now: datetime
) -> Hint:
    """Read the claims of a `login_hint_token` that the client signed.

    Raises:
        ExpiredLoginHintToken: its time is over.
        InvalidRequest: a claim is missing, of the wrong type or out of range.
    """
    if claims.get("iss") != client_id:
        raise InvalidRequest("The login_hint_token's iss is the client id.")
    if not is_for(claims, issuer):
        raise InvalidRequest("The login_hint_token's aud is this server's issuer.")
    expires_at = _moment(claims, "exp")
    if expires_at is None or expires_at > now + MAX_TOKEN_LIFETIME:
        raise InvalidRequest("The login_hint_token's exp is at most 60 minutes ahead.")
    for name in ("nbf", "iat"):
        begins_at = _moment(claims, name)
        if begins_at is not None and begins_at > now + SKEW:
            raise InvalidRequest(f"The login_hint_token's {name} is ahead.")
    if now >= expires_at:
        raise ExpiredLoginHintToken
    hint = _subject(claims.get("sub_id"), urlsplit(issuer).hostname or "")
    if hint is None:
        raise InvalidRequest(
            "The login_hint_token's sub_id is a subject identifier (RFC 9493) of the format "
            "opaque, account or aliases."
        )
    return hint


def id_token_hint(claims: Mapping[str, Any], client_id: str, issuer: str) -> Hint:
    """Read the claims of an ID token that this server signed; it may be long expired.

    Raises:
        InvalidRequest: it was issued to another client, or is no ID token.
    """
    if claims.get("iss") != issuer or not is_for(claims, client_id):
        # Another client's would tell this one that the two know the same person.
        raise InvalidRequest("The id_token_hint is an ID token that this client was given.")
    jti, sub = claims.get("jti"), claims.get("sub")
    if not isinstance(jti, str) or not isinstance(sub, str):
        raise InvalidRequest("The id_token_hint is no ID token of this server.")
    return EarlierLogin(jti, sub)


def _subject(value: Any, host: str) -> Hint | None:
    """Read a subject identifier; `None` where its format says nothing of people here."""
    match value:
        case {"format": "aliases", "identifiers": [*identifiers]}:
            # RFC 9493 section 3.2.8: all of them are one person, none is a list again.
            found = (_simple_subject(each, host) for each in identifiers[:MAX_ALIASES])
            return next((hint for hint in found if hint is not None), None)
        case _:
            return _simple_subject(value, host)


def _simple_subject(value: Any, host: str) -> Hint | None:
    match value:
        case {"format": "opaque", "id": str(identifier)} if _is_short(identifier):
            return login_hint(identifier)
        case {"format": "account", "uri": str(uri)} if _is_short(uri):
            return _account(uri, host)
        case _:
            return None


def _account(uri: str, host: str) -> Hint | None:
    """Read an account here, `acct:<user name>@<host>` (RFC 7565)."""
    scheme, _, rest = uri.partition(":")
    name, _, at = rest.rpartition("@")
    if scheme.lower() != "acct" or at.lower() != host or not name:
        return None
    try:
        decoded = unquote(name, errors="strict")
    except UnicodeDecodeError:
        return None
    return UserName(decoded) if _is_short(decoded) else None


def _is_short(text: str) -> bool:
    return 0 < len(text) <= MAX_CHARACTERS and is_storable(text)


def _moment(claims: Mapping[str, Any], name: str) -> datetime | None:
    try:
        return moment(claims, name)
    except ValueError as error:
        raise InvalidRequest(f"The login_hint_token's {error}.") from error
