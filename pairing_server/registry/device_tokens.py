"""Device tokens: the bearer token in use of a phone, and the one announced to follow it.

They are kept as SHA-256 digests.
"""

import sqlalchemy as sa

from pairing_server.registry import AlreadyExistsError, Query, Transaction
from pairing_server.registry.tables import credential

_c = credential.c
_this = _c.id == sa.bindparam("key")
#: Which phone a token stands for, in use or announced.
stands_for = sa.or_(
    _c.device_token_digest == sa.bindparam("digest"),
    _c.next_device_token_digest == sa.bindparam("digest"),
)
_taken = sa.select(_c.id).where(stands_for)
_announce = (
    sa.update(credential).where(_this).values(next_device_token_digest=sa.bindparam("digest"))
)
_adopt = (
    sa.update(credential)
    .where(_this, _c.next_device_token_digest == sa.bindparam("digest"))
    .values(device_token_digest=_c.next_device_token_digest, next_device_token_digest=sa.null())
)
_replace = (
    sa.update(credential)
    .where(_this)
    .values(device_token_digest=sa.bindparam("digest"), next_device_token_digest=sa.null())
)


def check_is_free(tx: Query, digest: str) -> None:
    """Check that no phone has a token.

    Raises:
        AlreadyExistsError: one has.
    """
    # The unique keys see one column each; a token stands for one phone over both of them.
    if tx.one(_taken, digest=digest) is not None:
        raise AlreadyExistsError("device token")


def announce(tx: Transaction, credential_id: str, digest: str) -> None:
    """Let a device token follow the one in use, at its first use.

    Raises:
        AlreadyExistsError: a phone has this token already.
    """
    check_is_free(tx, digest)
    tx.run(_announce, key=credential_id, digest=digest)


def adopt(tx: Transaction, credential_id: str, digest: str) -> bool:
    """Make the announced token the one in use.  Returns whether it was still announced."""
    return tx.run(_adopt, key=credential_id, digest=digest) == 1


def replace(tx: Transaction, credential_id: str, digest: str) -> None:
    """Take a new device token; the one in use and the announced one die.

    Raises:
        AlreadyExistsError: a phone has this token already.
    """
    check_is_free(tx, digest)
    tx.run(_replace, key=credential_id, digest=digest)
