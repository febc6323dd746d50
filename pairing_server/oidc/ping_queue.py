"""Which notifications are still to be sent, and by which node: kept until they were.

A node says every few seconds that it lives.  What it had to send is taken over by another one
once it does not, or by itself when it starts anew.
"""

import zlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from pairing_server.keys.seal import Seal, SealError
from pairing_server.ports import Ports
from pairing_server.store.shelf import GRACE, Shelf
from pairing_server.tokens import b64url, b64url_decode

#: How long a node counts as alive without a word, and how often it says one.
SILENCE = timedelta(seconds=30)
HEARTBEAT = timedelta(seconds=10)
#: So that nodes that put entries in at once seldom wait for each other.
SHARDS = 16
_ALIVE = b"1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """A notification that is to be sent once a request is over.

    Attributes:
        request: The id of the auth request.
        auth_req_id: Of which elsewhere only a digest is kept.
        token: The client's own, by which it knows us.
    """

    request: str
    client_id: str
    auth_req_id: str
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Sealed:
    """A ping as the Store has it: who reads there can neither ask for the answer nor notify."""

    client_id: str
    secrets: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """Whose a ping is."""

    request: str
    node: str
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of the list of all pings."""

    entries: tuple[Entry, ...] = ()

    def put(self, entry: Entry, now: datetime) -> "Shard":
        """Add an entry, and drop those whose ping is gone by now."""
        kept = (each for each in self.entries if now < each.ends_at)
        return Shard((*kept, entry))

    def drop(self, request: str) -> "Shard":
        """Remove an entry."""
        return Shard(tuple(each for each in self.entries if each.request != request))

    def hand_over(self, gone: frozenset[str], node: str) -> "Shard":
        """Give one node what others had that are gone."""
        return Shard(
            tuple(replace(each, node=node) if each.node in gone else each for each in self.entries)
        )


class PingQueue:
    """The pings of all nodes.

    Args:
        node: Of this process alone, so that one that starts anew knows that the last is gone.
        lasts: For how long a ping is kept after its request ran out.
    """

    def __init__(self, ports: Ports, seal: Seal, node: str, lasts: timedelta) -> None:
        self._store = ports.store
        self._clock = ports.clock
        self._seal = seal
        self._node = node
        self._lasts = lasts
        self._pings = Shelf(ports.store, "ping", Sealed)
        self._shards = Shelf(ports.store, "pings", Shard)

    async def put(self, ping: Ping) -> None:
        """Keep a ping for this node to send."""
        now = self._clock()
        ends_at = ping.expires_at + self._lasts
        raw = msgspec.json.encode((ping.auth_req_id, ping.token))
        secrets = b64url(self._seal.close(_name(ping.request), raw))
        sealed = Sealed(ping.client_id, secrets, ping.expires_at)
        await self._pings.create(ping.request, sealed, ends_at - now)
        entry = Entry(ping.request, self._node, ends_at)
        while not await self._put(entry, now):
            pass

    async def get(self, request: str) -> Ping | None:
        """Read a ping; `None` where it was sent, given up or forgotten, or is not ours."""
        stored = await self._pings.get(request)
        if stored is None:
            return None
        sealed = stored.value
        try:
            raw = self._seal.open(_name(request), b64url_decode(sealed.secrets))
        except (SealError, ValueError):
            return None
        auth_req_id, token = msgspec.json.decode(raw, type=tuple[str, str])
        return Ping(
            request=request,
            client_id=sealed.client_id,
            auth_req_id=auth_req_id,
            token=token,
            expires_at=sealed.expires_at,
        )

    async def remove(self, request: str) -> None:
        """Forget a ping that was sent or given up."""
        await self._pings.delete(request)
        await self._shards.change(_shard(request), lambda shard: shard.drop(request))

    async def beat(self) -> None:
        """Say that this node lives."""
        if not await self._store.swap(_life(self._node), _ALIVE, _ALIVE, SILENCE):
            await self._store.create(_life(self._node), _ALIVE, SILENCE)

    async def leave(self) -> None:
        """Say that this node is gone."""
        await self._store.delete(_life(self._node))

    async def adopt(self) -> list[str]:
        """Take over what nodes had that are gone.  Returns the requests that are ours now."""
        adopted = []
        for number in range(SHARDS):
            stored = await self._shards.get(str(number))
            others = {each.node for each in stored.value.entries} if stored else set()
            gone = frozenset([node for node in others - {self._node} if await self._is_gone(node)])
            if stored is None or not gone:
                continue
            new = stored.value.hand_over(gone, self._node)
            # Another node that swapped first has them.
            if await self._shards.swap(str(number), stored, new):
                adopted += [each.request for each in stored.value.entries if each.node in gone]
        return adopted

    async def _put(self, entry: Entry, now: datetime) -> bool:
        number, lifetime = _shard(entry.request), self._lifetime(entry, now)
        stored = await self._shards.get(number)
        if stored is None:
            return await self._shards.create(number, Shard((entry,)), lifetime)
        return await self._shards.swap(number, stored, stored.value.put(entry, now), lifetime)

    def _lifetime(self, entry: Entry, now: datetime) -> timedelta:
        # Longer than any entry that is in already: requests last for minutes.
        return max(entry.ends_at - now, timedelta(hours=1)) + GRACE

    async def _is_gone(self, node: str) -> bool:
        return await self._store.get(_life(node)) is None


def _name(request: str) -> str:
    return f"ping:{request}"


def _shard(request: str) -> str:
    return str(zlib.crc32(request.encode()) % SHARDS)


def _life(node: str) -> str:
    return f"ping-node:{node}"
