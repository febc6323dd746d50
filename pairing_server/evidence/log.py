"""Finding events, in the registry or in an export of the audit log."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from pairing_server.audit.chain import entry_of
from pairing_server.evidence import Linked, is_readable
from pairing_server.registry import Query, Registry, Row
from pairing_server.registry.tables import audit_chain, audit_event

_c = audit_event.c
_by_id = sa.select(audit_event).where(_c.id == sa.bindparam("id"))
_by_object = (
    sa.select(audit_event)
    .where(_c.object == sa.bindparam("object"), _c.action == sa.bindparam("action"))
    .order_by(_c.time, _c.chain, _c.sequence)
    .limit(1)
)
_at = sa.select(_c.hash, _c.previous).where(
    _c.chain == sa.bindparam("chain"), _c.sequence == sa.bindparam("sequence")
)
_head = sa.select(audit_chain.c.hash).where(
    audit_chain.c.name == sa.bindparam("chain"),
    audit_chain.c.sequence == sa.bindparam("sequence"),
)


class Log(Protocol):
    """Where events are found."""

    async def by_id(self, event_id: str) -> Linked | None:
        """Return the event of that id."""

    async def by_object(self, action: str, about: str) -> Linked | None:
        """Return the first event of that action about that object."""


class RegistryLog:
    """The audit log where it is kept."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def by_id(self, event_id: str) -> Linked | None:
        """Return the event of that id.

        Raises:
            RegistryUnavailableError: the database does not answer.
        """
        return await self._registry.read(lambda tx: _linked(tx, tx.one(_by_id, id=event_id)))

    async def by_object(self, action: str, about: str) -> Linked | None:
        """Return the first event of that action about that object.

        Raises:
            RegistryUnavailableError: the database does not answer.
        """
        return await self._registry.read(
            lambda tx: _linked(tx, tx.one(_by_object, object=about, action=action))
        )


def _linked(tx: Query, row: Row | None) -> Linked | None:
    if row is None:
        return None
    entry, chain, sequence = entry_of(row), row["chain"], row["sequence"]
    if not is_readable(entry):
        return Linked(entry, None, None)
    before = tx.one(_at, chain=chain, sequence=sequence - 1)
    after = tx.one(_at, chain=chain, sequence=sequence + 1)
    head = tx.one(_head, chain=chain, sequence=sequence)
    return Linked(
        entry,
        None if before is None else before["hash"],
        after["previous"] if after is not None else head["hash"] if head is not None else None,
    )


class ExportLog:
    """An export of the audit log, read from its beginning each time: it is larger than memory."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def by_id(self, event_id: str) -> Linked | None:
        """Return the event of that id.

        Raises:
            OSError: the file cannot be read.
            ValueError: a line before it is none of an export.
        """
        return self._find(lambda line: line["id"] == event_id)

    async def by_object(self, action: str, about: str) -> Linked | None:
        """Return the first event of that action about that object, in the order of the export.

        Raises:
            OSError: the file cannot be read.
            ValueError: a line before it is none of an export.
        """
        return self._find(lambda line: (line["action"], line["object"]) == (action, about))

    def _find(self, is_it: Callable[[dict[str, Any]], bool]) -> Linked | None:
        with self._file.open(encoding="utf-8") as stream:
            try:
                return _search(map(json.loads, filter(str.strip, stream)), is_it)
            except (KeyError, TypeError, AttributeError, RecursionError) as error:
                raise ValueError("a line is not one of an export") from error


def _search(
    lines: Iterator[dict[str, Any]], is_it: Callable[[dict[str, Any]], bool]
) -> Linked | None:
    before: dict[str, Any] = {}
    for line in lines:
        if line["type"] == "event" and is_it(line):
            after = next(lines, {})
            follows = after.get("chain") == line["chain"]
            hash_after = (
                after["previous" if after["type"] == "event" else "hash"] if follows else None
            )
            hash_before = before.get("hash") if before.get("chain") == line["chain"] else None
            return Linked(entry_of(line), hash_before, hash_after)
        before = line
    return None
