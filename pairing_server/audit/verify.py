"""Verifying the audit log where it is kept."""

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial

import sqlalchemy as sa

from pairing_server.audit.chain import Entry, Head
from pairing_server.audit.checkpoint import Checkpoint, Verify, signed_heads
from pairing_server.audit.pages import chain_pages, checkpoint_pages, read_chain_names
from pairing_server.audit.walk import ChainWalk, Fault, Finding
from pairing_server.registry import Query, Registry
from pairing_server.registry.tables import audit_event

_hash = sa.select(audit_event.c.hash).where(
    audit_event.c.chain == sa.bindparam("chain"),
    audit_event.c.sequence == sa.bindparam("sequence"),
)


async def verify(registry: Registry, check: Verify) -> list[Finding]:
    """Walk all chains and checkpoints; the log may grow meanwhile.

    Args:
        check: Tells what a checkpoint's signature signs.

    Returns:
        The first finding of each chain, the first checkpoint that was not signed, and for each
        chain the first checkpoint that it contradicts; nothing when all is well.

    Raises:
        RegistryUnavailableError: the database does not answer.
    """
    chains = await registry.read(read_chain_names)
    findings = [found for chain in chains if (found := await _verify_chain(registry, chain))]
    return [*findings, *await _verify_checkpoints(registry, check)]


class CheckpointFindings:
    """What is found wrong with checkpoints: the first forged one, and the first of each chain."""

    def __init__(self) -> None:
        self._found: dict[str | None, Finding] = {}

    def forged(self, checkpoint: Checkpoint) -> None:
        """Note a checkpoint that no key of the server signed."""
        detail = "its signature is not over what it says"
        finding = Finding(Fault.CHECKPOINT_FORGED, None, checkpoint.number, None, detail)
        self._found.setdefault(None, finding)

    def broken(self, number: int, chain: str, sequence: int, found: str | None) -> None:
        """Note a checkpoint that names an event which is not in its place."""
        now = "no event is there" if found is None else "another event is there"
        detail = f"checkpoint {number} saw the head at {sequence}, and {now} now"
        finding = Finding(Fault.CHECKPOINT_BROKEN, chain, sequence, None, detail)
        self._found.setdefault(chain, finding)

    def all(self) -> list[Finding]:
        """Return them."""
        return list(self._found.values())


async def _verify_chain(registry: Registry, chain: str) -> Finding | None:
    walk, head = ChainWalk(chain), None
    async for page in chain_pages(registry, chain):
        # Hashing a page takes some 30 ms, in which others are to be served.
        await asyncio.to_thread(_add_all, walk, page.entries)
        head = page.head
    return walk.end(head)


def _add_all(walk: ChainWalk, entries: Iterable[Entry]) -> None:
    for entry in entries:
        walk.add(entry)


async def _verify_checkpoints(registry: Registry, check: Verify) -> list[Finding]:
    findings = CheckpointFindings()
    async for page in checkpoint_pages(registry):
        for checkpoint in page:
            heads = signed_heads(checkpoint, check)
            if heads is None:
                findings.forged(checkpoint)
                continue
            hashes = await registry.read(partial(_read_hashes, heads=heads))
            for chain, head in heads.items():
                if hashes[chain] != head.hash:
                    findings.broken(checkpoint.number, chain, head.sequence, hashes[chain])
    return findings.all()


def _read_hashes(tx: Query, heads: Mapping[str, Head]) -> dict[str, str | None]:
    """Return the hash that now is where each head was."""
    return {chain: _read_hash(tx, chain, head.sequence) for chain, head in heads.items()}


def _read_hash(tx: Query, chain: str, sequence: int) -> str | None:
    row = tx.one(_hash, chain=chain, sequence=sequence)
    return None if row is None else row["hash"]
