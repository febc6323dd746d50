"""The systems that are told what happens to an organisation's people, and who settles that.

A system that serves other organisations, too, is told of theirs on the same stream: what becomes
of it is its own to say, and not one organisation's for all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from admin.access import Act, Target, check
from admin.actor import Actor
from admin.phone_record import Still
from admin.streams_refusals import NotListening, NowhereToTell, ServesOthers
from admin.systems_standing import Certified, certified
from pairing_server.errors import NotFound
from pairing_server.ports import Ports
from pairing_server.registry import AlreadyExistsError, Query, Transaction, clients, streams
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.streams import Stream, StreamStatus, Verification
from pairing_server.signals import record
from pairing_server.signals import stream as rules
from pairing_server.signals.record import By
from pairing_server.signals.refusals import StreamExists
from pairing_server.signals.security_event import SUPPORTED
from pairing_server.tokens import new_id

#: What stands beside a stream that an organisation paused: the client reads it.
REASON = "paused by an organisation's administrator"

_Change = Callable[[Transaction, Client, By, datetime], None]


@dataclass(frozen=True, slots=True)
class System:
    """A system of the organisation, and its stream if it has one."""

    client: Client
    stream: Stream | None

    @property
    def is_shared(self) -> bool:
        """Whether it serves other organisations, too."""
        return len(self.client.uras) > 1


class StreamsFlow:
    """Looks at streams, makes and removes them, pauses them, and has them verified."""

    def __init__(self, ports: Ports) -> None:
        self._registry = ports.registry
        self._clock = ports.clock
        self._random = ports.random

    async def systems(self, actor: Actor) -> list[System]:
        """Return the systems of the actor's organisation that are told, or can be."""
        return await self._registry.read(lambda tx: _systems(tx, actor.ura))

    async def certified(self, actor: Actor) -> list[Certified]:
        """Return those of which it is known how long their certificates are valid."""
        return await self._registry.read(lambda tx: certified(tx, actor.ura))

    async def add(self, still: Still, client_id: str) -> None:
        """Tell a system from now on, at the address that it is registered with.

        Raises:
            NowhereToTell: it is registered with none.
            StreamExists: it is told already.
            as `_change`.
        """
        identifier = new_id(self._random)

        def change(tx: Transaction, client: Client, by: By, now: datetime) -> None:
            endpoint = client.metadata.ssf_delivery_endpoint
            if not endpoint:
                raise NowhereToTell
            made = Stream(
                id=identifier,
                client_id=client.id,
                status=StreamStatus.ENABLED,
                events_requested=SUPPORTED,
                endpoint_url=endpoint,
                created_at=now,
                due_at=now,
            )
            record.add(tx, made, by)

        try:
            await self._change(still, client_id, change)
        except AlreadyExistsError as error:
            raise StreamExists("at once") from error

    async def pause(self, still: Still, client_id: str) -> None:
        """Tell a system nothing for now; what happens meanwhile it is told later.

        Raises:
            as `_change`; `NotListening`: it has no stream.
        """
        await self._move(still, client_id, StreamStatus.PAUSED, REASON)

    async def resume(self, still: Still, client_id: str) -> None:
        """Tell a system again, at once.

        Raises:
            as `pause`.
        """
        await self._move(still, client_id, StreamStatus.ENABLED, "")

    async def remove(self, still: Still, client_id: str) -> None:
        """Tell a system nothing any more, also not what it did not hear yet.

        Raises:
            as `pause`.
        """

        def change(tx: Transaction, client: Client, by: By, now: datetime) -> None:
            _ = now
            record.remove(tx, _stream(tx, client), by)

        await self._change(still, client_id, change)

    async def verify(self, still: Still, client_id: str) -> None:
        """Send a system an event that says no more than that it arrives.

        Raises:
            StreamNotEnabled: it is told nothing now.
            VerifiedTooSoon: see there.
            as `pause`.
        """
        asked = Verification(new_id(self._random), None)

        def change(tx: Transaction, client: Client, by: By, now: datetime) -> None:
            _ = by
            record.verify(tx, _stream(tx, client), asked, now)

        await self._change(still, client_id, change)

    async def _move(self, still: Still, client_id: str, status: StreamStatus, reason: str) -> None:
        def change(tx: Transaction, client: Client, by: By, now: datetime) -> None:
            found = _stream(tx, client)
            record.change(tx, found, rules.moved(found, status, reason, now), by)

        await self._change(still, client_id, change)

    async def _change(self, still: Still, client_id: str, change: _Change) -> None:
        """Do it in one commit, in which who asks may still do it.

        Raises:
            NotFound: it is no system of this organisation.
            ServesOthers: it serves another one, too.
            as `admin.access.check`.
        """
        now = self._clock()

        def commit(tx: Transaction) -> None:
            actor = still(tx, now)
            client = clients.get_for_share(tx, client_id)
            uras = frozenset(client.uras if client is not None else ())
            check(Act.MANAGE_STREAMS, actor, Target(linked=uras), now)
            if client is None or client.status is not ClientStatus.ACTIVE:
                raise NotFound("no such system")
            if uras != {actor.ura}:
                raise ServesOthers
            change(tx, client, By(actor.name, actor.ura), now)

        await self._registry.commit(commit)


def _systems(tx: Query, ura: str) -> list[System]:
    found = (clients.get(tx, each) for each in streams.listeners(tx, ura))
    return [System(each, streams.of_client(tx, each.id)) for each in found if each is not None]


def _stream(tx: Transaction, client: Client) -> Stream:
    found = streams.of_client(tx, client.id)
    held = None if found is None else streams.get_for_update(tx, found.id)
    if held is None:
        raise NotListening
    return held
