"""Rules of a security event: what of the audit log a client is told, and how.

RFC 8417 (Security Event Token), RFC 9493 (subjects), OpenID CAEP 1.0 and SSF 1.0.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pairing_server.audit.chain import Facts
from pairing_server.clock import to_milliseconds
from pairing_server.languages import N_, Language, translate
from pairing_server.registry.sessions import Session
from pairing_server.registry.streams import Stream, Verification
from pairing_server.tokens import digest

#: RFC 8417 section 2.3.
TOKEN_TYPE = "secevent+jwt"  # noqa: S105  (a media type)
_CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
_SSF = "https://schemas.openid.net/secevent/ssf/event-type/"
SESSION_REVOKED = f"{_CAEP}session-revoked"
CREDENTIAL_CHANGE = f"{_CAEP}credential-change"
TOKEN_CLAIMS_CHANGE = f"{_CAEP}token-claims-change"
VERIFICATION = f"{_SSF}verification"
STREAM_UPDATED = f"{_SSF}stream-updated"
#: What can be asked for; the two of SSF itself come without being asked for.
SUPPORTED = (SESSION_REVOKED, CREDENTIAL_CHANGE, TOKEN_CLAIMS_CHANGE)
#: 128 bits of a digest, in base64url.
_ID_CHARACTERS = 22


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an event of the audit log means to a client.

    Attributes:
        reason: For its administrators, in English.
        change: For a credential, what became of it (CAEP 1.0 section 3.3).
        initiator: Who did it, where the event's actor does not say so.
    """

    type: str
    reason: str
    change: str = ""
    initiator: str = ""


MEANINGS: Mapping[str, Meaning] = {
    "AuthenticatorBound": Meaning(CREDENTIAL_CHANGE, N_("A phone was added."), "create"),
    "AuthenticatorRevoked": Meaning(
        CREDENTIAL_CHANGE, N_("A phone was revoked and opens nothing any more."), "revoke"
    ),
    "AuthenticatorBlocked": Meaning(
        CREDENTIAL_CHANGE,
        N_("A phone was blocked and opens nothing until it is unblocked."),
        "update",
    ),
    "AuthenticatorUnblocked": Meaning(
        CREDENTIAL_CHANGE, N_("A blocked phone was unblocked."), "update"
    ),
    "CloneSuspected": Meaning(
        CREDENTIAL_CHANGE,
        N_("A phone was blocked: there may be a copy of its key."),
        "update",
        "system",
    ),
    "SessionEnded": Meaning(
        SESSION_REVOKED, N_("A session was ended: what it rests on does not stand any more.")
    ),
    "MembershipChanged": Meaning(
        TOKEN_CLAIMS_CHANGE, N_("An organisation changed what somebody is there.")
    ),
}
#: Of membership, as the ID token names it.
_GUEST = "guest"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEvent:
    """One event for one client.

    Attributes:
        txn: By which its client knows what belongs together; no other client has the same.
    """

    jti: str
    type: str
    sub_id: Mapping[str, Any]
    body: Mapping[str, Any]
    txn: str = ""


def actions(stream: Stream) -> frozenset[str]:
    """Return what of the audit log may be something for a stream."""
    return frozenset(
        name for name, meaning in MEANINGS.items() if meaning.type in stream.events_requested
    )


def delivered(stream: Stream) -> list[str]:
    """Return which of the events that were asked for are sent."""
    return [name for name in SUPPORTED if name in stream.events_requested]


def told(
    facts: Facts,
    stream: Stream,
    sub_id: Mapping[str, Any],
    people: Collection[str],
    members: Mapping[str, Any],
) -> SecurityEvent:
    """Return an event of the audit log as its stream tells it.

    The same event has the same `jti` on one stream however often it is sent; on two streams it
    has two, so that two clients cannot tell by it that their people are one.

    Args:
        people: By what ids the log calls the one whom it is about.
        members: What this kind of event has beside what all have.
    """
    meaning = MEANINGS[facts.action]
    return SecurityEvent(
        jti=_drawn(stream.id, facts.id),
        txn=_drawn(stream.client_id, facts.id),
        type=meaning.type,
        sub_id=sub_id,
        body={
            **members,
            "event_timestamp": facts.time // 1000,
            "initiating_entity": meaning.initiator or initiator(facts.actor, people),
            "reason_admin": {
                language.value: translate(language, meaning.reason) for language in Language
            },
        },
    )


def credential_members(action: str) -> dict[str, Any]:
    """Return what is told of a credential: never which, nor what its holder calls it."""
    return {"credential_type": "app", "change_type": MEANINGS[action].change}


def changed_claims(facts: Facts) -> dict[str, Any] | None:
    """Return which claims of the ID token are others now, if any are (CAEP 1.0 section 3.2)."""
    evidence = json.loads(facts.evidence)
    was, now = (_claims(evidence.get(name)) for name in ("was", "is"))
    return None if now is None or now == was else {"ura": facts.ura, **now}


def user(issuer: str, sub: str) -> dict[str, Any]:
    """Return a person as one client knows them (RFC 9493 section 3.2.3)."""
    return {"format": "iss_sub", "iss": issuer, "sub": sub}


def session(issuer: str, of: Session) -> dict[str, Any]:
    """Return a session and whose it is (SSF 1.0 section 3.3)."""
    return {
        "format": "complex",
        "session": {"format": "opaque", "id": of.sid},
        "user": user(issuer, of.sub),
    }


def initiator(actor: str, people: Collection[str]) -> str:
    """Return who did it, in CAEP's words (CAEP 1.0 section 2)."""
    kind, _, identifier = actor.partition(":")
    if kind == "person" and identifier in people:
        return "user"
    return "admin" if kind in {"person", "operator", "client"} else "system"


def verification(stream: Stream, asked: Verification) -> SecurityEvent:
    """Return what a stream is verified with (SSF 1.0 section 8.1.4.1)."""
    body = {} if asked.state is None else {"state": asked.state}
    return SecurityEvent(jti=asked.jti, type=VERIFICATION, sub_id=_itself(stream), body=body)


def stream_updated(stream: Stream, jti: str) -> SecurityEvent:
    """Return that the server itself changed a stream's status (SSF 1.0 section 8.1.5)."""
    body = {"status": stream.status.value, "reason": stream.reason}
    return SecurityEvent(jti=jti, type=STREAM_UPDATED, sub_id=_itself(stream), body=body)


def claims(event: SecurityEvent, issuer: str, audience: str, now: datetime) -> dict[str, Any]:
    """Return the claims of a SET: never `sub`, never `exp` (SSF 1.0 sections 4.1.5, 4.1.7)."""
    return {
        "iss": issuer,
        "aud": audience,
        "iat": to_milliseconds(now) // 1000,
        "jti": event.jti,
        **({"txn": event.txn} if event.txn else {}),
        "sub_id": event.sub_id,
        "events": {event.type: event.body},
    }


def _claims(facts: Any) -> dict[str, Any] | None:
    """Return what the ID token tells of a membership, of what the log says of it."""
    if not isinstance(facts, dict) or not facts.get("role_codes"):
        return None
    guest = {"membership": _GUEST} if facts.get("kind") == _GUEST else {}
    return {"role_code": facts["role_codes"][0], **guest}


def _itself(stream: Stream) -> dict[str, Any]:
    return {"format": "opaque", "id": stream.id}


def _drawn(whose: str, event_id: str) -> str:
    # The event's id is 128 random bits that nobody outside has: nothing else can be told by this.
    return digest(f"{whose}\n{event_id}")[:_ID_CHARACTERS]
