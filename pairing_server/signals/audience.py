"""Whom a client is told of: its own organisations' people, and its own sessions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pairing_server.audit.chain import Facts
from pairing_server.oidc.id_token import pairwise_subject
from pairing_server.registry import Query, aliases, credentials, people, sessions, streams
from pairing_server.registry.clients import Client
from pairing_server.registry.streams import Stream
from pairing_server.signals import security_event as rules
from pairing_server.signals.security_event import SecurityEvent

#: A chain of which nothing is told is passed over in steps of so many events.
STEP = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """What comes next on a stream, and up to where a chain is told with it.

    Attributes:
        chain: Empty where it is nothing of the log.
        time: When it happened, in milliseconds since 1970; 0 where nothing is to be sent.
        event: What is to be sent; `None` where there was nothing for this client.
    """

    chain: str
    sequence: int
    event: SecurityEvent | None
    time: int = 0


@dataclass(frozen=True, slots=True)
class Audience:
    """Reads the log as one client may know it.

    Attributes:
        salt: Of the names by which clients know people.
    """

    issuer: str
    salt: bytes

    def next_step(self, tx: Query, stream: Stream, client: Client, at: datetime) -> Step | None:
        """Return what comes next on a stream; `None` where there is nothing yet.

        Of several chains that comes first which happened first, as far as the nodes' clocks agree.
        """
        if stream.verification is not None:
            return Step("", 0, rules.verification(stream, stream.verification))
        told = streams.cursors(tx, stream.id)
        steps = (
            self._step(tx, stream, client, at, (chain, told.get(chain, 0), head))
            for chain, head in streams.heads(tx).items()
            if head > told.get(chain, 0)
        )
        found = [step for step in steps if step is not None]
        return min(found, key=lambda step: step.time, default=None)

    def _step(
        self, tx: Query, stream: Stream, client: Client, at: datetime, where: tuple[str, int, int]
    ) -> Step | None:
        chain, after, head = where
        found = streams.events_after(tx, chain, after, rules.actions(stream))
        for facts in found:
            if (event := self.event_for(tx, facts, stream, client, at)) is not None:
                return Step(chain, facts.sequence, event, facts.time)
        if len(found) == streams.PAGE:
            return Step(chain, found[-1].sequence, None)
        return Step(chain, head, None) if found or head - after >= STEP else None

    def event_for(
        self, tx: Query, facts: Facts, stream: Stream, client: Client, at: datetime
    ) -> SecurityEvent | None:
        """Return what a client is told of an event, by what it serves at this moment.

        Returns:
            `None` where it is of nobody whom the client serves, or of another one's session.
        """
        kind, _, identifier = facts.object.partition(":")
        if kind == "session":
            return self._of_session(tx, facts, stream, identifier)
        if kind == "credential":
            phone = credentials.get(tx, identifier)
            if phone is None or phone.only_ura not in (None, *client.uras):
                return None
            members = rules.credential_members(facts.action)
            return self._of_person(tx, facts, (stream, client), phone.person_id, at, members)
        changed = rules.changed_claims(facts)
        if changed is None or facts.ura not in client.uras:
            return None
        person_id = aliases.resolve(tx, identifier)
        members = {"claims": changed}
        return self._of_person(tx, facts, (stream, client), person_id, at, members)

    def _of_session(
        self, tx: Query, facts: Facts, stream: Stream, sid: str
    ) -> SecurityEvent | None:
        session = sessions.get(tx, sid)
        if session is None or session.client_id != stream.client_id:
            return None
        subject = rules.session(self.issuer, session)
        return rules.told(facts, stream, subject, (session.person_id,), {})

    def _of_person(
        self,
        tx: Query,
        facts: Facts,
        whose: tuple[Stream, Client],
        person_id: str,
        at: datetime,
        members: Mapping[str, Any],
    ) -> SecurityEvent | None:
        stream, client = whose
        held = people.memberships(tx, person_id)
        if not any(each.ura in client.uras and each.is_valid(at) for each in held):
            return None
        subject = rules.user(self.issuer, pairwise_subject(self.salt, client.id, person_id))
        return rules.told(facts, stream, subject, aliases.ids_of(tx, person_id), members)
