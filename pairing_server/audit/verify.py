"""Verifying the audit log where it is kept."""

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial

import sqlalchemy as sa

from pairing_server.audit.chain import Entry, Head
from pairing_server.audit.checkpoint import Checkpoint, Verify
from pairing_server.audit.checkpoint_walk import CheckpointWalk
from pairing_server.audit.pages import chain_pages, checkpoint_pages, read_chain_names
from pairing_server.audit.walk import ChainWalk, Finding, Seen
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
        The first finding of each chain, the first checkpoint that was not signed or is not in its
        place, what contradicts the one kept elsewhere, and for each chain the first checkpoint
        that it contradicts; nothing when all is well.

    Raises:
        RegistryUnavailableError: the database does not answer.
    """
    seen = seen or Seen()
    chains = await registry.read(read_chain_names)
    findings = [found for chain in chains if (found := await _verify_chain(registry, chain, seen))]
    walk = CheckpointWalk(check, since)
    async for page in checkpoint_pages(registry):
        seen.checkpoints += len(page)
        for checkpoint in page:
            await _verify_heads(registry, walk, checkpoint.number, walk.add(checkpoint))
    if since is not None:
        await _verify_heads(registry, walk, since.number, walk.kept_heads)
    return [*findings, *walk.end()]


async def _verify_chain(registry: Registry, chain: str, seen: Seen) -> Finding | None:
    walk, head = ChainWalk(chain), None
    async for page in chain_pages(registry, chain):
        # Hashing a page takes some 30 ms, in which others are to be served.
        await asyncio.to_thread(_add_all, walk, page.entries, seen)
        head = page.head
    return walk.end(head)


def _add_all(walk: ChainWalk, entries: Iterable[Entry], seen: Seen) -> None:
    for entry in entries:
        seen.add(entry.facts)
        walk.add(entry)


async def _verify_heads(
    registry: Registry, walk: CheckpointWalk, number: int, heads: Mapping[str, Head]
) -> None:
    hashes = await registry.read(partial(_read_hashes, heads=heads))
    for chain, head in heads.items():
        if hashes[chain] != head.hash:
            walk.broken(number, chain, head.sequence, hashes[chain])


def _read_hashes(tx: Query, heads: Mapping[str, Head]) -> dict[str, str | None]:
    """Return the hash that now is where each head was."""
    return {chain: _read_hash(tx, chain, head.sequence) for chain, head in heads.items()}


def _read_hash(tx: Query, chain: str, sequence: int) -> str | None:
    row = tx.one(_hash, chain=chain, sequence=sequence)
    return None if row is None else row["hash"]
