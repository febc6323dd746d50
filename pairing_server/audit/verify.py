"""Verifying the audit log where it is kept."""

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial

import sqlalchemy as sa

from pairing_server.audit.chain import Entry, Facts, Head
from pairing_server.audit.checkpoint import Checkpoint, Verify
from pairing_server.audit.checkpoint_walk import CheckpointWalk
from pairing_server.audit.pages import (
    chain_pages,
    checkpoint_pages,
    read_chain_names,
    read_starts,
)
from pairing_server.audit.starts import Start, StartWalk
from pairing_server.audit.walk import ChainWalk, Fault, Finding, Seen
from pairing_server.registry import Query, Registry
from pairing_server.registry.tables import audit_event

_hash = sa.select(audit_event.c.hash).where(
    audit_event.c.chain == sa.bindparam("chain"),
    audit_event.c.sequence == sa.bindparam("sequence"),
)


async def verify(
    registry: Registry,
    check: Verify,
    *,
    since: Checkpoint | None = None,
    seen: Seen | None = None,
) -> list[Finding]:
    """Walk all chains and checkpoints; the log may grow meanwhile.

    Args:
        check: Tells what a checkpoint's signature signs.
        since: A checkpoint of this log that was kept elsewhere.
        seen: Counts what is read.

    Returns:
        The first finding of each chain, the first event that is not listed where it belongs, the
        first checkpoint that was not signed or is not in its
        place, what contradicts the one kept elsewhere, and for each chain the first checkpoint
        that it contradicts; nothing when all is well.

    Raises:
        RegistryUnavailableError: the database does not answer.
    """
    seen, begun, walk = seen or Seen(), StartWalk(), CheckpointWalk(check, since)
    starts, chains = await registry.read(_read_starts_and_names)
    findings = []
    for chain in chains:
        if chain in starts:
            begun.start(chain, Start(starts[chain], is_deletion=True))
        findings += await _verify_chain(registry, chain, starts.get(chain), seen, begun)
    async for page in checkpoint_pages(registry):
        seen.checkpoints += len(page)
        for checkpoint in page:
            heads = walk.add(checkpoint)
            begun.checkpoint(checkpoint.made_at, heads)
            await _verify_heads(registry, walk, begun, checkpoint.number, heads)
    if since is not None:
        await _verify_heads(registry, walk, begun, since.number, walk.kept_heads)
    return [*findings, *begun.end(), *walk.end()]


def _read_starts_and_names(tx: Query) -> tuple[dict[str, Head], list[str]]:
    return read_starts(tx), read_chain_names(tx)


async def _verify_chain(
    registry: Registry, chain: str, start: Head | None, seen: Seen, begun: StartWalk
) -> list[Finding]:
    walk, head, misfiled = ChainWalk(chain, start), None, None
    async for page in chain_pages(registry, chain, None if start is None else start.sequence):
        # Hashing a page takes some 30 ms, in which others are to be served.
        await asyncio.to_thread(_add_all, walk, begun, page.entries, seen)
        head, misfiled = page.head, misfiled or page.misfiled
    found = walk.end(head), None if misfiled is None else _misfiled(misfiled.facts)
    return [finding for finding in found if finding is not None]


def _misfiled(facts: Facts) -> Finding:
    detail = "it is listed elsewhere than it says, or nowhere"
    return Finding(Fault.MISFILED, facts.chain, facts.sequence, facts.id, detail)


def _add_all(walk: ChainWalk, begun: StartWalk, entries: Iterable[Entry], seen: Seen) -> None:
    for entry in entries:
        seen.add(entry.facts)
        begun.event(entry.facts)
        walk.add(entry)


async def _verify_heads(
    registry: Registry,
    walk: CheckpointWalk,
    begun: StartWalk,
    number: int,
    heads: Mapping[str, Head],
) -> None:
    hashes = await registry.read(partial(_read_hashes, heads=heads))
    for chain, head in heads.items():
        if hashes[chain] != head.hash and not begun.is_before(chain, head.sequence):
            walk.broken(number, chain, head.sequence, hashes[chain])


def _read_hashes(tx: Query, heads: Mapping[str, Head]) -> dict[str, str | None]:
    """Return the hash that now is where each head was."""
    return {chain: _read_hash(tx, chain, head.sequence) for chain, head in heads.items()}


def _read_hash(tx: Query, chain: str, sequence: int) -> str | None:
    row = tx.one(_hash, chain=chain, sequence=sequence)
    return None if row is None else row["hash"]
