"""What APNs asks of a request, in the order in which it looks.

Source: Apple, "Sending notification requests to APNs" and "Establishing a token-based connection
to APNs".
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

#: Tokens: no older, and no newer one sooner.
OLDEST = timedelta(hours=1)
SOONEST = timedelta(minutes=20)
#: How far ahead a provider's clock may be.
AHEAD = timedelta(minutes=1)
MOST_OF_PAYLOAD = 4096
MOST_OF_COLLAPSE_ID = 64

_PATH = re.compile(r"/3/device/([0-9a-fA-F]+)", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_PRIORITIES = frozenset({"1", "5", "10"})
_TYPES = frozenset({"alert", "background"})


@dataclass(slots=True)
class Provider:
    """Who may send, and what is known of their tokens.

    Attributes:
        keys: By key id, of the one team.
        topics: Bundle ids of the team.
    """

    team_id: str
    keys: Mapping[str, ec.EllipticCurvePublicKey]
    topics: frozenset[str]
    #: Tokens that were verified, with when they were issued.
    tokens: dict[str, datetime] = field(default_factory=dict)


@dataclass(slots=True)
class Presented:
    """Which tokens one connection has shown; the newest last."""

    tokens: list[str] = field(default_factory=list)


def device_token(headers: Mapping[str, str]) -> str:
    """Return the device token of a path, in lower case, or nothing."""
    match = _PATH.fullmatch(headers.get(":path", ""))
    return match[1].lower() if match else ""


def token_fault(
    headers: Mapping[str, str], provider: Provider, presented: Presented, now: datetime
) -> str | None:
    """Return what is wrong with the provider's token, if anything is."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme != "bearer" or not token:
        return "MissingProviderToken"
    issued_at = provider.tokens.get(token) or _verify(token, provider)
    if issued_at is None or issued_at > now + AHEAD:
        return "InvalidProviderToken"
    if now - issued_at > OLDEST:
        return "ExpiredProviderToken"
    provider.tokens[token] = issued_at
    if token not in presented.tokens:
        if presented.tokens and issued_at - provider.tokens[presented.tokens[-1]] < SOONEST:
            return "TooManyProviderTokenUpdates"
        presented.tokens.append(token)
    return None


def request_fault(headers: Mapping[str, str], body: bytes, provider: Provider) -> str | None:
    """Return what is wrong with a request whose provider is known, if anything is."""
    if "apns-topic" not in headers:
        return _path_fault(headers) or "MissingTopic"
    if headers["apns-topic"] not in provider.topics:
        return _path_fault(headers) or "TopicDisallowed"
    return _path_fault(headers) or _header_fault(headers) or _payload_fault(headers, body)


def _path_fault(headers: Mapping[str, str]) -> str | None:
    path = headers.get(":path", "")
    if headers.get(":method") != "POST":
        return "MethodNotAllowed"
    if not path.startswith("/3/device/"):
        return "BadPath"
    if path == "/3/device/":
        return "MissingDeviceToken"
    return None if device_token(headers) else "BadDeviceToken"


def _header_fault(headers: Mapping[str, str]) -> str | None:
    kind = headers.get("apns-push-type", "")
    priority = headers.get("apns-priority", "10")
    if kind not in _TYPES:
        return "InvalidPushType"
    if priority not in _PRIORITIES or (kind == "background" and priority == "10"):
        return "BadPriority"
    if not _UUID.fullmatch(headers.get("apns-id", "")):
        return "BadMessageId"
    if not headers.get("apns-expiration", "0").isdecimal():
        return "BadExpirationDate"
    if len(headers.get("apns-collapse-id", "").encode()) > MOST_OF_COLLAPSE_ID:
        return "BadCollapseId"
    return None


def _payload_fault(headers: Mapping[str, str], body: bytes) -> str | None:
    if len(body) > MOST_OF_PAYLOAD:
        return "PayloadTooLarge"
    try:
        aps = json.loads(body)["aps"]
    except (ValueError, KeyError, TypeError):
        return "PayloadEmpty"
    shows = isinstance(aps, dict) and not {"alert", "sound", "badge"}.isdisjoint(aps)
    return None if shows == (headers["apns-push-type"] == "alert") else "InvalidPushType"


def _verify(token: str, provider: Provider) -> datetime | None:
    """Return when a token was issued, if it is one of the team's."""
    try:
        key = provider.keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(
            token,
            key,
            algorithms=["ES256"],
            issuer=provider.team_id,
            options={"require": ["iss", "iat"], "verify_iat": False},
        )
        return datetime.fromtimestamp(claims["iat"], UTC)
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError):
        return None
