"""Blocking, unblocking and revoking a phone: three acts with three different undos."""

from collections.abc import Awaitable, Callable

from pairing_server.audit.events import (
    AuthenticatorBlocked,
    AuthenticatorRevoked,
    AuthenticatorUnblocked,
    Event,
)
from pairing_server.errors import Conflict, NotFound
from pairing_server.registry import Registry, Transaction, credentials
from pairing_server.registry.credentials import CredentialStatus


class PhoneStatusFlow:
    """Moves a phone between active, blocked and revoked."""

    def __init__(self, registry: Registry, cut_off: Callable[[str], Awaitable[None]]) -> None:
        """Build the flow.

        Args:
            cut_off: Ends the open auth requests of the person whose phone was just cut off.
        """
        self._registry = registry
        self._cut_off = cut_off

    async def block(self, credential_id: str, actor: str) -> None:
        """Block a phone: from the moment this returns it opens nothing.

        Raises:
            Conflict: it is not active.
            NotFound: there is no such phone.
        """
        await self._move(
            credential_id, [CredentialStatus.ACTIVE], CredentialStatus.BLOCKED,
            AuthenticatorBlocked(actor=actor, object=f"credential:{credential_id}"),
        )  # fmt: skip

    async def unblock(self, credential_id: str, actor: str) -> None:
        """Let a blocked phone work again.

        Raises:
            Conflict: it is not blocked.
            NotFound: there is no such phone.
        """
        await self._move(
            credential_id, [CredentialStatus.BLOCKED], CredentialStatus.ACTIVE,
            AuthenticatorUnblocked(actor=actor, object=f"credential:{credential_id}"),
        )  # fmt: skip

    async def revoke(self, credential_id: str, actor: str) -> None:
        """Revoke a phone's key for good.

        Raises:
            Conflict: it is revoked already.
            NotFound: there is no such phone.
        """
        await self._move(
            credential_id, [CredentialStatus.ACTIVE, CredentialStatus.BLOCKED],
            CredentialStatus.REVOKED,
            AuthenticatorRevoked(actor=actor, object=f"credential:{credential_id}"),
        )  # fmt: skip

    async def _move(
        self, credential_id: str, old: list[CredentialStatus], new: CredentialStatus, event: Event
    ) -> None:
        def change(tx: Transaction) -> str:
            while True:
                credential = credentials.get(tx, credential_id)
                if credential is None:
                    raise NotFound
                if credential.status not in old:
                    raise Conflict(status=credential.status)
                # Another node's operator may have moved it since it was read: look again, so that
                # a revocation is never lost to an unblocking beside it.
                if credentials.set_status(tx, credential_id, credential.status, new):
                    tx.record(event)
                    return credential.person_id

        person_id = await self._registry.commit(change)
        if new is not CredentialStatus.ACTIVE:
            await self._cut_off(person_id)
