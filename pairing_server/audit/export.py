"""The audit log as JSON Lines, and its verification away from the server.

Each line has a `type`.  The checkpoints come first, then the events of one chain after the other,
each chain closed by its head; what a line says of an event is exactly what is hashed, with
`previous` and `hash`.
"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from pairing_server.audit.chain import Head, entry_of, row_of
from pairing_server.audit.checkpoint import Checkpoint, Verify, checkpoint_of
from pairing_server.audit.checkpoint_walk import CheckpointWalk
from pairing_server.audit.pages import chain_pages, checkpoint_pages, read_chain_names
from pairing_server.audit.walk import ChainWalk, Fault, Finding, Seen
from pairing_server.registry import Registry

#: What reading a line that is none of an export raises.
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, RecursionError)


async def export(registry: Registry) -> AsyncIterator[str]:
    """Write the log line by line; the log may grow meanwhile.

    Raises:
        RegistryUnavailableError: the database does not answer.
    """
    # First, so that every event which they name is in what follows.
    async for checkpoints in checkpoint_pages(registry):
        for checkpoint in checkpoints:
            yield _line("checkpoint", **asdict(checkpoint))
    for chain in await registry.read(read_chain_names):
        head = None
        async for page in chain_pages(registry, chain):
            for entry in page.entries:
                yield _line("event", **row_of(entry))
            head = page.head
        if head is not None:
            yield _line("head", chain=chain, **asdict(head))


def read_last_checkpoint(lines: Iterable[str]) -> Checkpoint:
    """Read the last checkpoint of an export, or of the lines that were kept of one.

    Raises:
        ValueError: there is none.
    """
    last = None
    try:
        for line in filter(str.strip, lines):
            read = json.loads(line)
            if read["type"] != "checkpoint":
                break
            last = checkpoint_of(read)
    except _MALFORMED as error:
        raise ValueError("a line is not one of an export") from error
    if last is None:
        raise ValueError("there is no checkpoint")
    return last


def verify_export(
    lines: Iterable[str],
    check: Verify,
    *,
    since: Checkpoint | None = None,
    seen: Seen | None = None,
) -> list[Finding]:
    """Verify an export by the same rules as the log itself.

    Args:
        check: Tells what a checkpoint's signature signs.
        since: A checkpoint of an earlier export.
        seen: Counts what is read.

    Returns:
        As `pairing_server.audit.verify.verify` does; a line that is none ends the verification.
    """
    checkpoints = CheckpointWalk(check, since)
    reading = _Reading(checkpoints, seen or Seen())
    if since is not None:
        reading.expect(since.number, checkpoints.kept_heads)
    for number, line in enumerate(lines, start=1):
        try:
            reading.take(json.loads(line))
        except _MALFORMED as error:
            finding = Finding(Fault.MALFORMED, None, number, None, repr(error))
            return [*reading.end(), finding]
    return reading.end()


class _Reading:
    """What is known after some lines of an export; of events, only what checkpoints name."""

    def __init__(self, checkpoints: CheckpointWalk, seen: Seen) -> None:
        self._checkpoints = checkpoints
        self._seen = seen
        self._walks: dict[str, ChainWalk] = {}
        self._heads: dict[str, Head] = {}
        self._named: dict[tuple[str, int], tuple[int, str]] = {}

    def take(self, line: dict[str, Any]) -> None:
        match line["type"]:
            case "checkpoint" if not self._walks:
                checkpoint = checkpoint_of(line)
                self._seen.checkpoints += 1
                self.expect(checkpoint.number, self._checkpoints.add(checkpoint))
            case "event" if line["chain"] not in self._heads:
                self._take_event(line)
            case "head" if line["chain"] not in self._heads:
                self._walk(line["chain"])
                self._heads[line["chain"]] = Head(line["sequence"], line["hash"])
            case kind:
                raise ValueError(f"a line of type {kind} does not belong here")

    def expect(self, number: int, heads: Mapping[str, Head]) -> None:
        """Take the heads that a checkpoint names; their events are to come."""
        for chain, head in heads.items():
            before = self._named.setdefault((chain, head.sequence), (number, head.hash))
            if before[1] != head.hash:
                self._checkpoints.broken(number, chain, head.sequence, before[1])

    def end(self) -> list[Finding]:
        found = [walk.end(self._heads.get(chain)) for chain, walk in self._walks.items()]
        for (chain, sequence), (number, _) in self._named.items():
            self._checkpoints.broken(number, chain, sequence, None)
        return [*filter(None, found), *self._checkpoints.end()]

    def _take_event(self, line: dict[str, Any]) -> None:
        entry = entry_of(line)
        self._seen.add(entry.facts)
        self._walk(entry.facts.chain).add(entry)
        named = self._named.pop((entry.facts.chain, entry.facts.sequence), None)
        if named is not None and named[1] != entry.hash:
            number, _ = named
            self._checkpoints.broken(number, entry.facts.chain, entry.facts.sequence, entry.hash)

    def _walk(self, chain: str) -> ChainWalk:
        return self._walks.setdefault(chain, ChainWalk(chain))


def _line(kind: str, **members: Any) -> str:
    return json.dumps({"type": kind, **members}, ensure_ascii=False)
