"""What becomes of a stream in the registry, and what the log is told of it; one commit each."""

from dataclasses import dataclass, replace
from datetime import datetime

from pairing_server.audit.events import Event, StreamChanged, StreamCreated, StreamDeleted
from pairing_server.registry import Transaction, streams
from pairing_server.registry.streams import Stream, StreamStatus, Verification
from pairing_server.signals import stream as rules
from pairing_server.signals.refusals import StreamExists, StreamNotEnabled, VerifiedTooSoon


@dataclass(frozen=True, slots=True)
class By:
    """Who does it: the client itself, or somebody for an organisation."""

    actor: str
    ura: str | None = None


def add(tx: Transaction, stream: Stream, by: By) -> None:
    """Make a stream.

    Raises:
        AlreadyExistsError: its client made one at this moment.
        StreamExists: its client has one.
    """
    if streams.of_client(tx, stream.client_id) is not None:
        raise StreamExists
    streams.add(tx, stream)
    tx.record(_event(StreamCreated, stream, by))


def change(tx: Transaction, found: Stream, made: Stream, by: By) -> None:
    """Write what a stream is now; one that is not disabled any more tells from now on."""
    if made == found:
        return
    if found.status is StreamStatus.DISABLED is not made.status:
        streams.skip(tx, found.id)
    streams.update(tx, made)
    tx.record(_event(StreamChanged, made, by))


def remove(tx: Transaction, found: Stream, by: By) -> None:
    """Remove a stream, with all that was still to be told."""
    streams.delete(tx, found.id)
    tx.record(_event(StreamDeleted, found, by))


def verify(tx: Transaction, found: Stream, asked: Verification, now: datetime) -> None:
    """Let a stream be verified: by an event that says no more than that it arrives.

    Raises:
        StreamNotEnabled: nothing is sent on it.
        VerifiedTooSoon: see there.
    """
    if found.status is not StreamStatus.ENABLED:
        raise StreamNotEnabled
    if not rules.may_verify(found, now):
        raise VerifiedTooSoon
    streams.update(tx, replace(found, verification=asked, verification_asked_at=now))


def _event(event: type[Event], stream: Stream, by: By) -> Event:
    return event(
        actor=by.actor,
        object=f"stream:{stream.id}",
        ura=by.ura,
        evidence={
            "status": stream.status.value,
            "endpoint_url": stream.endpoint_url,
            "events_requested": list(stream.events_requested),
            **({} if by.ura is None else {"client": stream.client_id}),
        },
    )
