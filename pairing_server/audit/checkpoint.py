"""Checkpoints: the heads of all chains at one moment, signed.

Who holds the database can rewrite a chain to its end and move its head.  He cannot sign; so a
checkpoint that names a head which is no longer in its chain shows what was done, and a checkpoint
that was copied elsewhere shows it even when he took away those in the database.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import jwt
import sqlalchemy as sa

from pairing_server.audit.chain import Head, canonical
from pairing_server.clock import Clock, to_milliseconds
from pairing_server.registry import Query, Registry, Transaction
from pairing_server.registry.tables import audit_chain, audit_checkpoint

#: The JWS `typ`, so that nothing else that the same key signs can stand for a checkpoint.
TOKEN_TYPE = "audit-checkpoint+jwt"  # noqa: S105

#: Returns what a signature signs; `None` when no key of the server made it.
Verify = Callable[[str], Mapping[str, Any] | None]


class Signer(Protocol):
    """What signs claims as a compact JWS: `pairing_server.keys.signing.SigningKeys`."""

    async def sign(self, claims: dict[str, Any], token_type: str) -> str:
        """Sign claims as a compact JWS of that type."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A row of the table.

    Attributes:
        made_at: Milliseconds since 1970.
        heads: JSON text: the heads by chain.
        signature: A compact JWS over both.
    """

    number: int
    made_at: int
    heads: str
    signature: str


class Checkpoints:
    """Makes checkpoints."""

    def __init__(self, registry: Registry, signer: Signer, clock: Clock) -> None:
        self._registry = registry
        self._signer = signer
        self._clock = clock

    async def make(self) -> Checkpoint:
        """Sign the heads of all chains as they are now.

        Raises:
            RegistryUnavailableError: the database does not answer.
        """
        heads = await self._registry.read(read_heads)
        made_at = to_milliseconds(self._clock())
        claims = checkpoint_claims(heads, made_at)
        signature = await self._signer.sign(claims, TOKEN_TYPE)
        text = canonical(claims["heads"]).decode()
        return await self._registry.commit(lambda tx: _add(tx, made_at, text, signature))


_heads = sa.select(audit_chain).order_by(audit_chain.c.name)
_insert = (
    sa.insert(audit_checkpoint)
    .values(
        made_at=sa.bindparam("made_at"),
        heads=sa.bindparam("heads"),
        signature=sa.bindparam("signature"),
    )
    .returning(audit_checkpoint.c.number)
)


def read_heads(tx: Query) -> dict[str, Head]:
    """Return the heads of all chains by name."""
    return {row["name"]: Head(row["sequence"], row["hash"]) for row in tx.all(_heads)}


def checkpoint_claims(heads: Mapping[str, Head], made_at: int) -> dict[str, Any]:
    """Return what is signed of a checkpoint."""
    return {"heads": {name: asdict(head) for name, head in heads.items()}, "made_at": made_at}


def signed_heads(checkpoint: Checkpoint, verify: Verify) -> dict[str, Head] | None:
    """Return the heads that a checkpoint names, `None` when its signature says another thing."""
    claims = verify(checkpoint.signature)
    try:
        heads = {
            name: Head(head["sequence"], head["hash"])
            for name, head in json.loads(checkpoint.heads).items()
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return heads if claims == checkpoint_claims(heads, checkpoint.made_at) else None


def verifier(public_jwks: Iterable[Mapping[str, Any]]) -> Verify:
    """Return what verifies checkpoints by the server's public keys, those retired included.

    Take the keys from a place that who holds the database cannot write to, else he is believed.
    """
    keys = {jwk["kid"]: jwt.PyJWK(dict(jwk)) for jwk in public_jwks}

    def verify(signature: str) -> Mapping[str, Any] | None:
        try:
            header = jwt.get_unverified_header(signature)
            key = keys.get(header.get("kid", ""))
            if key is None or header.get("typ") != TOKEN_TYPE:
                return None
            claims: Mapping[str, Any] = jwt.decode(signature, key, [key.algorithm_name])
        except jwt.InvalidTokenError:
            return None
        return claims

    return verify


def checkpoint_of(row: Mapping[str, Any]) -> Checkpoint:
    """Read a row of the table, or a line of an export."""
    return Checkpoint(row["number"], row["made_at"], row["heads"], row["signature"])


def _add(tx: Transaction, made_at: int, heads: str, signature: str) -> Checkpoint:
    (row,) = tx.all(_insert, made_at=made_at, heads=heads, signature=signature)
    return Checkpoint(row["number"], made_at, heads, signature)
