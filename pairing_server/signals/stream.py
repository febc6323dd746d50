"""Rules of an event stream: what a client says of it, and when it is served (SSF 1.0)."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from pairing_server.errors import InvalidRequest
from pairing_server.registry.clients import Client
from pairing_server.registry.streams import Stream, StreamStatus
from pairing_server.signals.refusals import MIN_VERIFICATION_INTERVAL
from pairing_server.signals.security_event import SUPPORTED, delivered

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIGURATION_PATH = "/ssf/streams"
STATUS_PATH = "/ssf/status"
VERIFICATION_PATH = "/ssf/verify"
WELL_KNOWN_PATH = "/.well-known/ssf-configuration"
#: RFC 8935.
PUSH = "urn:ietf:rfc:8935"
#: A client that did not hear is told again after so long, and each time after twice as long.
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=1)
#: Whoever was away for longer has to say that they are back.
GIVEN_UP_AFTER = timedelta(hours=24)
#: RFC 9110 section 5.5: what a field may hold, so that nothing can be put behind it.
_FIELD = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?", re.ASCII)

Text = Annotated[str, msgspec.Meta(max_length=200)]
EventTypes = Annotated[tuple[Text, ...], msgspec.Meta(min_length=1, max_length=50)]


class Delivery(msgspec.Struct):
    """How a client hears.

    Attributes:
        authorization_header: What it wants to be shown; it is never told again.
    """

    method: str
    endpoint_url: str = ""
    authorization_header: Annotated[str, msgspec.Meta(max_length=4096)] | UnsetType | None = UNSET


class StreamRequest(msgspec.Struct):
    """The members that are the client's to say."""

    delivery: Delivery | UnsetType = UNSET
    events_requested: EventTypes | UnsetType = UNSET
    description: Text | UnsetType | None = UNSET


class StreamChange(StreamRequest, kw_only=True):
    """A change: what is the server's to say may be repeated, and has to be right."""

    stream_id: str
    iss: Any = UNSET
    aud: Any = UNSET
    events_supported: Any = UNSET
    events_delivered: Any = UNSET
    min_verification_interval: Any = UNSET


class StatusChange(msgspec.Struct):
    """A change of the status (SSF 1.0 section 8.1.2.2)."""

    stream_id: str
    status: StreamStatus
    reason: Text = ""


class VerificationRequest(msgspec.Struct):
    """What a stream is to be verified with (SSF 1.0 section 8.1.4.2)."""

    stream_id: str
    state: Annotated[str, msgspec.Meta(max_length=1024)] | None = None


def metadata(issuer: str, jwks_uri: str) -> dict[str, Any]:
    """Return what the transmitter says of itself (SSF 1.0 section 7.1)."""
    return {
        "spec_version": "1_0",
        "issuer": issuer,
        "jwks_uri": jwks_uri,
        "delivery_methods_supported": [PUSH],
        "configuration_endpoint": issuer + CONFIGURATION_PATH,
        "status_endpoint": issuer + STATUS_PATH,
        "verification_endpoint": issuer + VERIFICATION_PATH,
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
        "default_subjects": "ALL",
    }


def configuration(stream: Stream, issuer: str) -> dict[str, Any]:
    """Return what a stream is (SSF 1.0 section 8.1.1); never what its client wants to be shown."""
    described = {"description": stream.description} if stream.description else {}
    return {
        "stream_id": stream.id,
        "iss": issuer,
        "aud": stream.client_id,
        "events_supported": list(SUPPORTED),
        "events_requested": list(stream.events_requested),
        "events_delivered": delivered(stream),
        "delivery": {"method": PUSH, "endpoint_url": stream.endpoint_url},
        "min_verification_interval": int(MIN_VERIFICATION_INTERVAL.total_seconds()),
        **described,
    }


def status(stream: Stream) -> dict[str, Any]:
    """Return a stream's status (SSF 1.0 section 8.1.2.1)."""
    reason = {"reason": stream.reason} if stream.reason else {}
    return {"stream_id": stream.id, "status": stream.status.value, **reason}


def asked(stream: Stream, request: StreamRequest, client: Client, *, whole: bool) -> Stream:
    """Return a stream as its client wants it.

    Args:
        whole: Whether what is absent goes back to what it was in the beginning.

    Raises:
        InvalidRequest: no push, or to another endpoint than the registered one.
    """
    if whole and request.delivery is UNSET:
        raise InvalidRequest("Send delivery: this server pushes, and cannot be polled.")
    changed = stream
    if request.delivery is not UNSET:
        changed = replace(changed, endpoint_url=_endpoint(request.delivery, client))
    if whole or request.events_requested is not UNSET:
        events = SUPPORTED if request.events_requested is UNSET else request.events_requested
        changed = replace(changed, events_requested=tuple(dict.fromkeys(events)))
    if whole or request.description is not UNSET:
        changed = replace(changed, description=request.description or "")
    return changed


def authorization(request: StreamRequest) -> str | UnsetType | None:
    """Return what the client wants to be shown: nothing, or what it wanted before if unset.

    Raises:
        InvalidRequest: it is no value of a field.
    """
    if request.delivery is UNSET:
        return UNSET
    wanted = request.delivery.authorization_header
    if isinstance(wanted, str) and not _FIELD.fullmatch(wanted):
        raise InvalidRequest("authorization_header is a value of the Authorization field.")
    return wanted


def check_repeated(change: StreamChange, stream: Stream, issuer: str) -> None:
    """Check what is the server's to say, where the client repeats it (SSF 1.0 section 8.1.1.3).

    Raises:
        InvalidRequest: it is something else.
    """
    known: Mapping[str, Any] = configuration(stream, issuer)
    names = ("iss", "aud", "events_supported", "events_delivered", "min_verification_interval")
    for name in names:
        if getattr(change, name) not in (UNSET, known[name]):
            raise InvalidRequest(f"{name} is not yours to say: leave it out, or as it is.")


def moved(stream: Stream, status: StreamStatus, reason: str, now: datetime) -> Stream:
    """Return a stream in another status; one that is enabled is tried at once."""
    changed = replace(stream, status=status, reason=reason)
    return afresh(changed, now) if status is StreamStatus.ENABLED else changed


def afresh(stream: Stream, now: datetime) -> Stream:
    """Return a stream as if its client had never been away."""
    return replace(stream, due_at=now, failing_since=None, attempts=0, last_error="")


def failed(stream: Stream, reason: str, now: datetime) -> Stream:
    """Return a stream whose client did not hear: tried later, or paused after a day."""
    since = stream.failing_since or now
    tried = replace(stream, failing_since=since, attempts=stream.attempts + 1, last_error=reason)
    if now - since >= GIVEN_UP_AFTER:
        return replace(tried, status=StreamStatus.PAUSED, reason=f"delivery failed: {reason}")
    pause = min(FIRST_PAUSE * (1 << min(stream.attempts, 10)), LONGEST_PAUSE)
    return replace(tried, due_at=now + pause)


def may_verify(stream: Stream, now: datetime) -> bool:
    """Tell whether a stream was not verified just now."""
    before = stream.verification_asked_at
    return before is None or now - before >= MIN_VERIFICATION_INTERVAL


def _endpoint(delivery: Delivery, client: Client) -> str:
    if delivery.method != PUSH:
        raise InvalidRequest(f"The only delivery method is {PUSH}: push.")
    registered = client.metadata.ssf_delivery_endpoint
    # Who has a token must not be able to send what happens to people anywhere else.
    if not registered or delivery.endpoint_url != registered:
        raise InvalidRequest(
            "endpoint_url is not the ssf_delivery_endpoint that you are registered with: send "
            "that one, or have the server's operator register yours."
        )
    return registered
