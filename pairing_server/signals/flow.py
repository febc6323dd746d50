"""The steps of a client that has its stream (SSF 1.0 section 8.1)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from msgspec import UNSET, UnsetType

from pairing_server.errors import NotFound
from pairing_server.keys.seal import Seal
from pairing_server.ports import Ports
from pairing_server.registry import AlreadyExistsError, Transaction, streams
from pairing_server.registry.clients import Client
from pairing_server.registry.streams import Stream, StreamStatus, Verification
from pairing_server.signals import record
from pairing_server.signals import stream as rules
from pairing_server.signals.record import By
from pairing_server.signals.refusals import StreamExists
from pairing_server.signals.stream import (
    StatusChange,
    StreamChange,
    StreamRequest,
    VerificationRequest,
)
from pairing_server.tokens import new_id


class StreamFlow:
    """Makes, changes and removes a client's stream; another one's is unknown."""

    def __init__(self, ports: Ports, seal: Seal, *, issuer: str) -> None:
        self._registry = ports.registry
        self._clock = ports.clock
        self._random = ports.random
        self._seal = seal
        self._issuer = issuer

    async def create(self, request: StreamRequest, client: Client) -> dict[str, Any]:
        """Make a stream, which tells of what happens from now on.

        Raises:
            InvalidRequest: no push, or not to the registered endpoint.
            StreamExists: the client has one.
        """
        now = self._clock()
        bare = Stream(
            id=new_id(self._random),
            client_id=client.id,
            status=StreamStatus.ENABLED,
            events_requested=(),
            endpoint_url="",
            created_at=now,
            due_at=now,
        )
        wanted = rules.asked(bare, request, client, whole=True)
        made = self._with_authorization(wanted, rules.authorization(request))

        try:
            await self._registry.commit(lambda tx: record.add(tx, made, _by(client)))
        except AlreadyExistsError as error:
            raise StreamExists("at once") from error
        return rules.configuration(made, self._issuer)

    async def read(self, stream_id: str, client: Client) -> dict[str, Any]:
        """Return what a stream is.

        Raises:
            NotFound: it is none of this client's.
        """
        return rules.configuration(await self._own(stream_id, client), self._issuer)

    async def read_all(self, client: Client) -> list[dict[str, Any]]:
        """Return what the client's streams are: one, or none."""
        found = await self._registry.read(lambda tx: streams.of_client(tx, client.id))
        return [] if found is None else [rules.configuration(found, self._issuer)]

    async def change(
        self, request: StreamChange, client: Client, *, whole: bool
    ) -> dict[str, Any]:
        """Change a stream, or replace all that is the client's to say of it.

        Raises:
            InvalidRequest: as for `create`, or what is the server's to say is wrong.
            NotFound: it is none of this client's.
        """
        wanted = rules.authorization(request)

        def changed(found: Stream) -> Stream:
            rules.check_repeated(request, found, self._issuer)
            made = self._with_authorization(
                rules.asked(found, request, client, whole=whole), wanted
            )
            return rules.afresh(made, self._clock()) if found.failing_since else made

        made = await self._changed(request.stream_id, client, changed)
        return rules.configuration(made, self._issuer)

    async def delete(self, stream_id: str, client: Client) -> None:
        """Remove a stream, with all that was still to be told.

        Raises:
            NotFound: it is none of this client's.
        """

        def change(tx: Transaction) -> None:
            found = _own(streams.get_for_update(tx, stream_id), client)
            record.remove(tx, found, _by(client))

        await self._registry.commit(change)

    async def status(self, stream_id: str, client: Client) -> dict[str, Any]:
        """Return a stream's status.

        Raises:
            NotFound: it is none of this client's.
        """
        return rules.status(await self._own(stream_id, client))

    async def set_status(self, request: StatusChange, client: Client) -> dict[str, Any]:
        """Enable, pause or disable a stream; while it is disabled nothing is kept for it.

        Raises:
            NotFound: it is none of this client's.
        """

        def changed(found: Stream) -> Stream:
            return rules.moved(found, request.status, request.reason, self._clock())

        return rules.status(await self._changed(request.stream_id, client, changed))

    async def verify(self, request: VerificationRequest, client: Client) -> None:
        """Have a stream verified: an event that says no more than that it arrives.

        Raises:
            NotFound: it is none of this client's.
            StreamNotEnabled: nothing is sent on it.
            VerifiedTooSoon: see there.
        """
        now = self._clock()
        asked = Verification(new_id(self._random), request.state)

        def change(tx: Transaction) -> None:
            found = _own(streams.get_for_update(tx, request.stream_id), client)
            record.verify(tx, found, asked, now)

        await self._registry.commit(change)

    async def _own(self, stream_id: str, client: Client) -> Stream:
        return _own(await self._registry.read(lambda tx: streams.get(tx, stream_id)), client)

    async def _changed(
        self, stream_id: str, client: Client, rule: Callable[[Stream], Stream]
    ) -> Stream:
        def change(tx: Transaction) -> Stream:
            found = _own(streams.get_for_update(tx, stream_id), client)
            made = rule(found)
            record.change(tx, found, made, _by(client))
            return made

        return await self._registry.commit(change)

    def _with_authorization(self, stream: Stream, wanted: str | UnsetType | None) -> Stream:
        if wanted is UNSET:
            return stream
        sealed = None if wanted is None else self._seal.close(stream.id, wanted.encode())
        return replace(stream, authorization_header=sealed)


def _own(found: Stream | None, client: Client) -> Stream:
    if found is None or found.client_id != client.id:
        raise NotFound
    return found


def _by(client: Client) -> By:
    return By(f"client:{client.id}")
