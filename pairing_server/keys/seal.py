"""Sealing of what the registry may hold only unreadably: AES-256-GCM under a key from a file."""

import contextlib
import os
from pathlib import Path

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pairing_server.clock import Clock, to_milliseconds
from pairing_server.registry import AlreadyExistsError, Query, Registry, Transaction
from pairing_server.registry.tables import server_secret
from pairing_server.tokens import Random, b64url, b64url_decode

KEY_BYTES = 32
NONCE_BYTES = 12
PRIVATE = 0o600


class SealError(Exception):
    """The seal key is missing, malformed or not the one that sealed this."""


class Seal:
    """Seals and opens; what was sealed under one name opens under no other."""

    def __init__(self, key: bytes, random: Random) -> None:
        self._cipher = AESGCM(key)
        self._random = random

    def close(self, name: str, data: bytes) -> bytes:
        """Seal `data` as `name`."""
        nonce = self._random(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, name.encode())

    def open(self, name: str, sealed: bytes) -> bytes:
        """Open what was sealed as `name`.

        Raises:
            SealError: another key or another name sealed it, or it was changed.
        """
        nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, ciphertext, name.encode())
        except (InvalidTag, ValueError) as error:
            raise SealError(f"{name} was not sealed with this seal key") from error


def read_seal_key(file: Path) -> bytes:
    """Read the seal key.

    Raises:
        SealError: the file is missing, open to others, or does not hold 32 bytes in base64url.
    """
    try:
        if file.stat().st_mode & 0o077:
            raise SealError(f"{file} can be read by others: chmod 600 it")
        key = b64url_decode(file.read_text().strip())
    except (OSError, ValueError) as error:
        raise SealError(f"{file} cannot be read as a seal key") from error
    if len(key) != KEY_BYTES:
        raise SealError(f"{file} does not hold 32 bytes in base64url")
    return key


def make_seal_key(file: Path, random: Random) -> bytes:
    """Make a seal key where there is none; of two who do so at once, both get the first's."""
    key = random(KEY_BYTES)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{b64url(random(8))}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "w") as stream:
        stream.write(b64url(key) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    try:
        file.hardlink_to(draft)
        _sync_directory(file.parent)
    except FileExistsError:
        return read_seal_key(file)
    finally:
        draft.unlink()
    return key


def _sync_directory(directory: Path) -> None:
    # A key that a power cut takes away would leave a registry that nothing opens.
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def derived_key(secret: bytes, purpose: str) -> bytes:
    """Return a key for one purpose, which tells nothing of the secret or of another (RFC 5869)."""
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=purpose.encode()).derive(secret)


_insert = sa.insert(server_secret).values(
    name=sa.bindparam("name"),
    sealed=sa.bindparam("sealed"),
    created_at=sa.bindparam("created_at"),
)
_select = sa.select(server_secret.c.sealed).where(server_secret.c.name == sa.bindparam("name"))


async def server_secret_named(
    name: str, registry: Registry, seal: Seal, clock: Clock, random: Random
) -> bytes:
    """Return the server's own secret of that name, made and sealed when first asked for."""

    def read(tx: Query) -> bytes | None:
        row = tx.one(_select, name=name)
        return None if row is None else row["sealed"]

    def make(tx: Transaction) -> None:
        sealed = seal.close(name, random(KEY_BYTES))
        tx.run(_insert, name=name, sealed=sealed, created_at=to_milliseconds(clock()))

    sealed = await registry.read(read)
    if sealed is None:
        # Another node may be first; its secret is ours too.
        with contextlib.suppress(AlreadyExistsError):
            await registry.commit(make)
        sealed = await registry.read(read)
    if sealed is None:
        raise SealError(f"the secret {name} is not in the registry")
    return seal.open(name, sealed)
