"""The server's signing keys: made at first start, sealed at rest, rotated without a gap.

A key is `next` (published, not used), `current` (signs) or `retired` (published as long as
anything it signed is valid).  Since a key is published well before it signs, a verifier that
caches the key set for as long as it is told to never meets a signature that it cannot check.
"""

import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import jwt
import sqlalchemy as sa
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from pairing_server.audit.events import SigningKeyRotated
from pairing_server.clock import Clock, from_milliseconds, to_milliseconds
from pairing_server.keys.seal import Seal, SealError
from pairing_server.registry import AlreadyExistsError, Query, Registry, Row, Transaction
from pairing_server.registry.tables import signing_key
from pairing_server.tokens import Random, new_id

ALGORITHM = "ES256"
#: How long a verifier may keep the key set (`Cache-Control: max-age` of `/jwks.json`).
JWKS_LIFETIME = timedelta(minutes=5)
#: How long a key has to be published before it may sign; twice the cache, for slow clocks.
PUBLISHED_BEFORE_USE = 2 * JWKS_LIFETIME
#: How long a retired key stays published: far longer than anything it signed.
PUBLISHED_AFTER_USE = timedelta(days=1)
#: How soon a rotation made elsewhere reaches this node.
REFRESH = timedelta(seconds=5)

_log = structlog.get_logger("keys")


class State(StrEnum):
    """Where a signing key is in its life."""

    NEXT = "next"
    CURRENT = "current"
    RETIRED = "retired"


class TooEarlyError(Exception):
    """The next key has not been published for long enough; `args[0]` is when it will be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A signing key, still sealed."""

    kid: str
    algorithm: str
    sealed: bytes
    state: State
    created_at: datetime
    retired_at: datetime | None

    def is_published(self, now: datetime) -> bool:
        """Whether the key stands in the key set."""
        return self.retired_at is None or now < self.retired_at + PUBLISHED_AFTER_USE


_columns = sa.select(signing_key).order_by(signing_key.c.created_at)
_insert = sa.insert(signing_key).values(
    {column.name: sa.bindparam(column.name) for column in signing_key.c}
)
_move = (
    sa.update(signing_key)
    .where(
        signing_key.c.kid == sa.bindparam("the_kid"), signing_key.c.state == sa.bindparam("old")
    )
    .values(state=sa.bindparam("new"), retired_at=sa.bindparam("retired"))
)


@dataclass(frozen=True, slots=True)
class Signer:
    """The key that signs now, opened: what it signs needs neither registry nor seal."""

    key: SigningKey
    private: ec.EllipticCurvePrivateKey

    def sign(self, claims: dict[str, Any], token_type: str = "JWT") -> str:  # noqa: S107
        """Sign claims as a compact JWS (RFC 7519)."""
        headers = {"kid": self.key.kid, "typ": token_type}
        return jwt.encode(claims, self.private, self.key.algorithm, headers)


class SigningKeys:
    """The keys of the registry, as this node knows them."""

    def __init__(self, registry: Registry, seal: Seal, clock: Clock, random: Random) -> None:
        self._registry = registry
        self._seal = seal
        self._clock = clock
        self._random = random
        self._keys: list[SigningKey] = []
        self._read_at: datetime | None = None
        self._opened: dict[str, tuple[bytes, ec.EllipticCurvePrivateKey]] = {}

    async def prepare(self) -> None:
        """Make the first keys where there are none.

        Raises:
            SealError: the keys were sealed with another seal key.
        """
        if not await self.all():
            # Another node may be first; its keys are ours too.
            with contextlib.suppress(AlreadyExistsError):
                await self._registry.commit(self._make_first)
        self._read_at = None
        await self.signer()

    async def signer(self) -> Signer:
        """Return what signs now, for whoever commits first and must be able to sign then.

        Raises:
            RegistryUnavailableError: the keys cannot be read.
            SealError: the key was sealed with another seal key.
        """
        key = next(key for key in await self._fresh() if key.state is State.CURRENT)
        return Signer(key, self._open(key))

    async def sign(self, claims: dict[str, Any], token_type: str = "JWT") -> str:  # noqa: S107
        """Sign claims as a compact JWS (RFC 7519)."""
        return (await self.signer()).sign(claims, token_type)

    async def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the public key set (RFC 7517)."""
        now = self._clock()
        published = [key for key in await self._fresh() if key.is_published(now)]
        return {"keys": [jwk for key in published if (jwk := self._authentic_jwk(key))]}

    async def all(self) -> list[SigningKey]:
        """Return every key there is or was, oldest first."""
        return await self._registry.read(_read_all)

    async def authentic_jwks(self) -> list[dict[str, str]]:
        """Return the public part of every key, read out of the seal that no stranger can make.

        A row that somebody else put into the registry is left out, and logged.
        """
        return [jwk for key in await self.all() if (jwk := self._authentic_jwk(key))]

    async def rotate(self, actor: str, *, compromised: bool = False) -> SigningKey:
        """Let the next key sign from now on, and make its successor, in one commit.

        Args:
            actor: Who rotates.
            compromised: Do not wait until the next key is known everywhere, and unpublish the
                current one at once: what it signed verifies no more.

        Raises:
            AlreadyExistsError: another rotation was faster.
            TooEarlyError: the next key has not been published for ten minutes.
        """
        now = self._clock()
        seen = next(key.kid for key in await self.all() if key.state is State.CURRENT)

        def change(tx: Transaction) -> SigningKey:
            keys = {key.state: key for key in _read_all(tx) if key.state is not State.RETIRED}
            current, following = keys[State.CURRENT], keys[State.NEXT]
            # Two operators who found the same key compromised rotate once.
            if current.kid != seen:
                raise AlreadyExistsError("another rotation was faster")
            ready_at = following.created_at + PUBLISHED_BEFORE_USE
            if now < ready_at and not compromised:
                raise TooEarlyError(ready_at)
            retired = now - PUBLISHED_AFTER_USE if compromised else now
            _set_state(tx, current, State.RETIRED, retired)
            _set_state(tx, following, State.CURRENT, None)
            self._insert(tx, State.NEXT)
            tx.record(
                SigningKeyRotated(
                    actor=actor,
                    object=f"signing-key:{following.kid}",
                    evidence={"retired": current.kid, "compromised": compromised},
                )
            )
            return following

        rotated = await self._registry.commit(change)
        self._read_at = None
        return rotated

    def _authentic_jwk(self, key: SigningKey) -> dict[str, str] | None:
        # Who can write to the database cannot seal, so that what opens is ours.
        try:
            return _public_jwk(key.kid, self._open(key))
        except SealError as error:
            _log.error("signing key not ours", kid=key.kid, error=repr(error))
            return None

    def _open(self, key: SigningKey) -> ec.EllipticCurvePrivateKey:
        known = self._opened.get(key.kid)
        if known is not None and known[0] == key.sealed:
            return known[1]
        pem = self._seal.open(f"signing-key:{key.kid}", key.sealed)
        private = serialization.load_pem_private_key(pem, None)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise TypeError("a signing key is not an EC key")
        self._opened[key.kid] = (key.sealed, private)
        return private

    async def _fresh(self) -> list[SigningKey]:
        now = self._clock()
        if self._read_at is None or now - self._read_at >= REFRESH:
            self._keys = await self.all()
            self._read_at = now
        return self._keys

    def _make_first(self, tx: Transaction) -> None:
        self._insert(tx, State.CURRENT)
        self._insert(tx, State.NEXT)

    def _insert(self, tx: Transaction, state: State) -> None:
        kid = new_id(self._random)
        private = ec.generate_private_key(ec.SECP256R1())
        pem = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        tx.run(
            _insert,
            kid=kid,
            algorithm=ALGORITHM,
            sealed=self._seal.close(f"signing-key:{kid}", pem),
            state=state,
            created_at=to_milliseconds(self._clock()),
            retired_at=None,
        )


def _public_jwk(kid: str, private: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    public = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    return {**public, "kid": kid, "alg": ALGORITHM, "use": "sig"}


def signing_key_exists(tx: Query) -> bool:
    """Tell whether there is a signing key, sealed by whichever seal key."""
    return bool(_read_all(tx))


def _read_all(tx: Query) -> list[SigningKey]:
    return [_key(row) for row in tx.all(_columns)]


def _set_state(tx: Transaction, key: SigningKey, state: State, retired: datetime | None) -> None:
    touched = tx.run(
        _move,
        the_kid=key.kid,
        old=key.state,
        new=state,
        retired=None if retired is None else to_milliseconds(retired),
    )
    if touched != 1:
        raise AlreadyExistsError("another rotation was faster")


def _key(row: Row) -> SigningKey:
    retired_at = row["retired_at"]
    return SigningKey(
        kid=row["kid"],
        algorithm=row["algorithm"],
        sealed=row["sealed"],
        state=State(row["state"]),
        created_at=from_milliseconds(row["created_at"]),
        retired_at=None if retired_at is None else from_milliseconds(retired_at),
    )
