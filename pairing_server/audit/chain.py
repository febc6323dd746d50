"""Rules of the audit chain: what is hashed, and what a chain shows of tampering.

Each writer has a chain of its own.  An event's hash covers the digest of all its fields and the
hash of the event before it, so that a change anywhere is found at that very place, and an event
can be left out of an export by its digest alone: the identifier in it is random, so that nobody
finds by trial what was left out.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pairing_server.canonical_json import canonical_json

#: Put before a chain's name to make the hash that its first event follows.
GENESIS_PREFIX = "pairing_server/audit/v1\n"


class NotCanonicalError(ValueError):
    """A value has no canonical form: out of range, of a wrong type, or not Unicode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is hashed of an event: every column but the two hashes, as the table has them.

    Attributes:
        sequence: From 1, without gaps.
        time: Milliseconds since 1970.
        evidence: JSON text in its canonical form.
    """

    chain: str
    sequence: int
    id: str
    time: int
    action: str
    actor: str
    object: str
    ura: str | None
    outcome: str
    evidence: str


_NAMES = tuple(field.name for field in fields(Facts))


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain; 0 and its genesis while it is empty."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in its place."""

    facts: Facts
    previous: str
    hash: str

    @property
    def head(self) -> Head:
        """The chain's end when this is its last event."""
        return Head(self.facts.sequence, self.hash)


def canonical(value: Any) -> bytes:
    """Return the canonical JSON of a value (RFC 8785), UTF-8.

    Raises:
        NotCanonicalError: it has none.
    """
    try:
        return canonical_json(value)
    except (ValueError, RecursionError) as error:
        raise NotCanonicalError(str(error)) from error


def canonical_facts(facts: Facts) -> bytes:
    """Return what is hashed of an event.

    Raises:
        NotCanonicalError: a column holds what was never written there.
    """
    return canonical(_columns(facts))


def genesis(chain: str) -> Head:
    """Return the head of a chain without events."""
    return Head(0, hashlib.sha256((GENESIS_PREFIX + chain).encode()).hexdigest())


def facts_digest(facts: Facts) -> bytes:
    """Return SHA-256 over the canonical event.

    Raises:
        NotCanonicalError: a column holds what was never written there.
    """
    return hashlib.sha256(canonical_facts(facts)).digest()


def digest_hash(previous: str, digest: bytes) -> str:
    """Return SHA-256 over the 32 bytes of the hash before and the event's digest, in hex.

    Raises:
        NotCanonicalError: the hash before is none.
    """
    try:
        before = bytes.fromhex(previous)
    except (TypeError, ValueError) as error:
        raise NotCanonicalError("the hash before is not hexadecimal") from error
    if len(before) != hashlib.sha256().digest_size:
        raise NotCanonicalError("the hash before is not one")
    return hashlib.sha256(before + digest).hexdigest()


def entry_hash(previous: str, facts: Facts) -> str:
    """Return the hash of an event behind the one with that hash.

    Raises:
        NotCanonicalError: a column holds what was never written there.
    """
    return digest_hash(previous, facts_digest(facts))


def link(previous: str, facts: Facts) -> Entry:
    """Put an event behind the one with that hash."""
    return Entry(facts, previous, entry_hash(previous, facts))


def entry_of(row: Mapping[str, Any]) -> Entry:
    """Read a row of the table, or a line of an export."""
    facts = Facts(**{name: row[name] for name in _NAMES})
    return Entry(facts, row["previous"], row["hash"])


def row_of(entry: Entry) -> dict[str, Any]:
    """Return the row of an event."""
    return {**_columns(entry.facts), "previous": entry.previous, "hash": entry.hash}


def _columns(facts: Facts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in _NAMES}
