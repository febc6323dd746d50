"""Checkpoints: the heads of all chains at one moment, signed.

Who holds the database can rewrite a chain to its end and move its head.  He cannot sign; so a
checkpoint that names a head which is no longer in its chain shows what was done, and a checkpoint
that was copied elsewhere shows it even when he took away those in the database.

Each signs its number, which grows by one, and the digest of the one before it: none can be taken
out of their midst, or change places.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Protocol

import jwt
import sqlalchemy as sa

from pairing_server.audit.chain import Head, canonical
from pairing_server.clock import Clock, to_milliseconds
from pairing_server.registry import (
    AlreadyExistsError,
    Query,
    Registry,
    RegistryUnavailableError,
    Transaction,
)
from pairing_server.registry.tables import audit_chain, audit_checkpoint

#: The JWS `typ`, so that nothing else that the same key signs can stand for a checkpoint.
TOKEN_TYPE = "audit-checkpoint+jwt"  # noqa: S105

#: How often a checkpoint is signed anew because another node took its number.
ATTEMPTS = 10

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
        number: From 1, without gaps.
        made_at: Milliseconds since 1970.
        heads: JSON text: the heads by chain.
        signature: A compact JWS over all of these and the checkpoint before.
    """

    number: int
    made_at: int
    heads: str
    signature: str


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signature vouches for.

    Attributes:
        previous: The digest of the signature of the checkpoint before.
    """

    number: int
    previous: str
    heads: dict[str, Head]


class Checkpoints:
    """Makes checkpoints."""

    def __init__(self, registry: Registry, signer: Signer, clock: Clock) -> None:
        self._registry = registry
        self._signer = signer
        self._clock = clock

    async def make(self) -> Checkpoint:
        """Sign the heads of all chains as they are now.

        Raises:
            RegistryUnavailableError: the database does not answer, or others are always faster.
        """
        for _ in range(ATTEMPTS):
            checkpoint = await self._sign_next()
            try:
                await self._registry.commit(partial(_add, checkpoint=checkpoint))
            except AlreadyExistsError:
                # Another node's has this number, so ours has to follow it.
                continue
            return checkpoint
        raise RegistryUnavailableError("other nodes make checkpoints all the time")

    async def _sign_next(self) -> Checkpoint:
        last, heads = await self._registry.read(_read_last_and_heads)
        made_at = to_milliseconds(self._clock())
        following = Signed(last.number + 1, signature_digest(last.signature), heads)
        claims = checkpoint_claims(following, made_at)
        signature = await self._signer.sign(claims, TOKEN_TYPE)
        text = canonical(claims["heads"]).decode()
        return Checkpoint(following.number, made_at, text, signature)


_heads = sa.select(audit_chain).order_by(audit_chain.c.name)
_last = sa.select(audit_checkpoint).order_by(audit_checkpoint.c.number.desc()).limit(1)
_insert = sa.insert(audit_checkpoint)
#: What the first checkpoint follows.
_NONE = Checkpoint(number=0, made_at=0, heads="{}", signature="")


def read_heads(tx: Query) -> dict[str, Head]:
    """Return the heads of all chains by name."""
    return {row["name"]: Head(row["sequence"], row["hash"]) for row in tx.all(_heads)}


def checkpoint_claims(signed: Signed, made_at: int) -> dict[str, Any]:
    """Return what is signed of a checkpoint."""
    return {
        "number": signed.number,
        "previous": signed.previous,
        "heads": {name: asdict(head) for name, head in signed.heads.items()},
        "made_at": made_at,
    }


def signature_digest(signature: str) -> str:
    """Return the SHA-256 of a checkpoint's signature, in hex; of none for the first one."""
    # Of any type, since SQLite keeps in a column whatever is put there.
    return hashlib.sha256(f"{signature}".encode()).hexdigest()


def read_signed(checkpoint: Checkpoint, verify: Verify) -> Signed | None:
    """Return what a checkpoint's signature vouches for, `None` when the row says another thing.

    The number is the signed one: whether it is the row's too tells if the row was moved.
    """
    claims = verify(checkpoint.signature)
    if claims is None:
        return None
    try:
        heads = {
            name: Head(head["sequence"], head["hash"])
            for name, head in json.loads(checkpoint.heads).items()
        }
        signed = Signed(claims["number"], claims["previous"], heads)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return signed if claims == checkpoint_claims(signed, checkpoint.made_at) else None


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


def _read_last_and_heads(tx: Query) -> tuple[Checkpoint, dict[str, Head]]:
    row = tx.one(_last)
    return _NONE if row is None else checkpoint_of(row), read_heads(tx)


def _add(tx: Transaction, checkpoint: Checkpoint) -> None:
    tx.run(_insert, **asdict(checkpoint))
