"""The audit log line by line, and its verification away from the server.

Each line has a `type`.  The public keys come first where they are given, then the checkpoints,
then the events of one chain after the other, each chain closed by its head; what a line says of an
event is exactly what is hashed, with `previous` and `hash`.  A chain that begins further on says
behind which event.  Of events that an export leaves out it has the digests, so that the chain is
verified all the same.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any, cast

import sqlalchemy as sa

from pairing_server.audit.chain import Entry, Head, entry_of, facts_digest, row_of
from pairing_server.audit.checkpoint import (
    Checkpoint,
    Verify,
    checkpoint_of,
    signature_digest,
)
from pairing_server.audit.checkpoint_walk import CheckpointWalk
from pairing_server.audit.pages import (
    chain_pages,
    checkpoint_pages,
    read_chain_names,
    read_starts,
)
from pairing_server.audit.part import Part
from pairing_server.audit.starts import Start, StartWalk
from pairing_server.audit.walk import ChainWalk, Fault, Finding, Seen
from pairing_server.clock import to_milliseconds
from pairing_server.registry import Query, Registry
from pairing_server.registry.tables import audit_checkpoint
from pairing_server.tokens import b64url, b64url_decode

Line = dict[str, Any]

#: Digests in one line, no more than a cell of a spreadsheet holds.
LEFT_OUT = 500
#: Nodes' clocks may differ by so much: a checkpoint is taken for younger than it says.
SKEW = timedelta(minutes=5)
#: What reading a line that is none of an export raises.
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, RecursionError)

_k = audit_checkpoint.c
_checkpoint_before = (
    sa.select(audit_checkpoint)
    .where(_k.made_at < sa.bindparam("until"))
    .order_by(_k.number.desc())
    .limit(1)
)
_checkpoint = sa.select(audit_checkpoint).where(_k.number == sa.bindparam("number"))


async def export(registry: Registry) -> AsyncIterator[str]:
    """Write the log as JSON Lines; the log may grow meanwhile.

    Raises:
        RegistryUnavailableError: the database does not answer.
    """
    async for line in export_lines(registry):
        yield json_line(line)


async def export_lines(
    registry: Registry,
    part: Part | None = None,
    public_jwks: Iterable[Mapping[str, Any]] = (),
) -> AsyncIterator[Line]:
    """Return the log line by line; the log may grow meanwhile.

    Args:
        part: What the export is to have in full; by default everything.
        public_jwks: The server's keys, by which it can be verified without any other file.

    Raises:
        RegistryUnavailableError: the database does not answer.
    """
    keys = [dict(jwk) for jwk in public_jwks]
    if keys:
        yield {"type": "keys", "keys": keys}
    starts, before = await registry.read(partial(_read_starts, part=part))
    if before is not None:
        digest = signature_digest(before.signature)
        yield {"type": "checkpoints", "number": before.number, "digest": digest}
    # First, so that every event which they name is in what follows.
    async for checkpoints in checkpoint_pages(registry, before.number if before else -1):
        for checkpoint in checkpoints:
            yield {"type": "checkpoint", **asdict(checkpoint)}
    for chain in await registry.read(read_chain_names):
        start, head = starts.get(chain), None
        if start is not None:
            told = {**asdict(start.head), "deleted": start.is_deletion}
            yield {"type": "start", "chain": chain, **told}
        async for page in chain_pages(registry, chain, start.head.sequence if start else None):
            # Hashing a page takes some 30 ms, in which others are to be served.
            for line in await asyncio.to_thread(_lines, page.entries, part):
                yield line
            head = page.head
        if head is not None:
            yield {"type": "head", "chain": chain, **asdict(head)}


def json_line(line: Line) -> str:
    """Write a line as JSON, without the line feed."""
    return json.dumps(line, ensure_ascii=False)


def _lines(entries: Iterable[Entry], part: Part | None) -> list[Line]:
    lines: list[Line] = []
    for entry in entries:
        if part is None or part.has(entry.facts):
            lines.append({"type": "event", **row_of(entry)})
            continue
        digest = b64url(facts_digest(entry.facts))
        if lines and lines[-1]["type"] == "left-out" and len(lines[-1]["digests"]) < LEFT_OUT:
            lines[-1]["digests"].append(digest)
        else:
            facts = entry.facts
            told = {"chain": facts.chain, "sequence": facts.sequence, "digests": [digest]}
            lines.append({"type": "left-out", **told})
    return lines


def _read_starts(tx: Query, part: Part | None) -> tuple[dict[str, Start], Checkpoint | None]:
    """Return where chains begin: at what is kept, or shortly before what was looked for.

    Returns:
        The starts by chain, and the last checkpoint that is not needed.
    """
    starts = {chain: Start(head, is_deletion=True) for chain, head in read_starts(tx).items()}
    since = None if part is None else part.search.since
    row = since and tx.one(_checkpoint_before, until=to_milliseconds(since - SKEW))
    if not row:
        return starts, None
    for chain, head in json.loads(row["heads"]).items():
        begun = starts.get(chain)
        if begun is None or begun.head.sequence < head["sequence"]:
            starts[chain] = Start(Head(head["sequence"], head["hash"]), is_deletion=False)
    if any(start.is_deletion for start in starts.values()):
        # The checkpoint that vouches for what was deleted is an old one.
        return starts, None
    found = tx.one(_checkpoint, number=row["number"] - 1)
    return starts, None if found is None else checkpoint_of(found)


def read_last_checkpoint(lines: Iterable[str]) -> Checkpoint:
    """Read the last checkpoint of an export, or of the lines that were kept of one.

    Raises:
        ValueError: there is none.
    """
    last = None
    try:
        for line in filter(str.strip, lines):
            read = json.loads(line)
            if read["type"] == "checkpoint":
                last = checkpoint_of(read)
            elif read["type"] != "keys":
                break
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
    return verify_lines(map(json.loads, lines), check, since=since, seen=seen)


def verify_lines(
    lines: Iterator[Line],
    check: Verify,
    *,
    since: Checkpoint | None = None,
    seen: Seen | None = None,
) -> list[Finding]:
    """Verify lines, whatever they were written as; see `verify_export`."""
    checkpoints = CheckpointWalk(check, since)
    reading = _Reading(checkpoints, seen or Seen())
    if since is not None:
        reading.expect(since.number, checkpoints.kept_heads)
    for number in count(1):
        try:
            reading.take(next(lines))
        except StopIteration:
            break
        except _MALFORMED as error:
            finding = Finding(Fault.MALFORMED, None, number, None, repr(error))
            return [*reading.end(), finding]
    return reading.end()


def _number(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError("a checkpoint has a number")
    return value


def _check_is_head(head: Head) -> None:
    sequence, found = cast("Any", head.sequence), cast("Any", head.hash)
    if not isinstance(sequence, int) or not isinstance(found, str):
        raise TypeError("a chain begins behind a number and a hash")


class _Reading:
    """What is known after some lines of an export; of events, only what checkpoints name."""

    def __init__(self, checkpoints: CheckpointWalk, seen: Seen) -> None:
        self._checkpoints = checkpoints
        self._seen = seen
        self._walks: dict[str, ChainWalk] = {}
        self._heads: dict[str, Head] = {}
        self._named: dict[tuple[str, int], tuple[int, str]] = {}
        self._starts = StartWalk()

    def take(self, line: Line) -> None:
        match line["type"]:
            case "keys" if not self._seen.checkpoints and not self._walks:
                pass
            case "checkpoints" if not self._seen.checkpoints and not self._walks:
                self._checkpoints.begin(_number(line["number"]), str(line["digest"]))
            case "checkpoint" if not self._walks:
                checkpoint = checkpoint_of(line)
                self._seen.checkpoints += 1
                heads = self._checkpoints.add(checkpoint)
                self._starts.checkpoint(checkpoint.made_at, heads)
                self.expect(checkpoint.number, heads)
            case "start" if line["chain"] not in self._walks:
                self._take_start(line)
            case "event" if line["chain"] not in self._heads:
                self._take_event(line)
            case "left-out" if line["chain"] not in self._heads:
                self._take_left_out(line)
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
            if not self._starts.is_before(chain, sequence):
                self._checkpoints.broken(number, chain, sequence, None)
        return [*filter(None, found), *self._starts.end(), *self._checkpoints.end()]

    def _take_start(self, line: Line) -> None:
        chain, head = line["chain"], Head(line["sequence"], line["hash"])
        _check_is_head(head)
        self._starts.start(chain, Start(head, is_deletion=bool(line["deleted"])))
        self._walks[chain] = ChainWalk(chain, head)

    def _take_event(self, line: Line) -> None:
        entry = entry_of(line)
        self._seen.add(entry.facts)
        self._starts.event(entry.facts)
        self._walk(entry.facts.chain).add(entry)
        self._compare(entry.facts.chain, entry.facts.sequence, entry.hash)

    def _take_left_out(self, line: Line) -> None:
        chain, first = line["chain"], line["sequence"]
        walk = self._walk(chain)
        for sequence, digest in enumerate(line["digests"], start=first):
            found = walk.skip(sequence, b64url_decode(digest))
            self._seen.chains.add(chain)
            self._seen.left_out += 1
            if found is not None:
                self._compare(chain, sequence, found)

    def _compare(self, chain: str, sequence: int, found: str) -> None:
        named = self._named.pop((chain, sequence), None)
        if named is not None and named[1] != found:
            self._checkpoints.broken(named[0], chain, sequence, found)

    def _walk(self, chain: str) -> ChainWalk:
        return self._walks.setdefault(chain, ChainWalk(chain))
