"""How a client that polls is answered, for whichever grant (CIBA Core 11, RFC 8628 3.5)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pairing_server.approvals.asked import Asked
from pairing_server.approvals.auth_request import AuthRequest, Grant, Status
from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.oidc import pace
from pairing_server.oidc.issuing import Issuer
from pairing_server.oidc.pace import Pace
from pairing_server.oidc.refusals import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    InvalidGrant,
    SlowDown,
)
from pairing_server.ports import Ports
from pairing_server.qr.login import EVENTS_PATH
from pairing_server.registry.clients import Client
from pairing_server.store.shelf import Shelf

#: The reasons that a client is told (design section 7).
_DENIED = {"not_me": "not_me", "wrong_code": "wrong_code", "other": "denied"}


def awaiting(asked: Asked, issuer: str) -> dict[str, Any]:
    """Return how to wait for an answer, whichever grant asked (CIBA Core 7.3, RFC 8628 3.2).

    Besides the members of the standards, in seconds: what the workstation shows.
    """
    return {
        "expires_in": int(asked.lifetime.total_seconds()),
        "interval": int(pace.INTERVAL.total_seconds()),
        "binding_code": asked.code,
        "qr_events_uri": f"{issuer}{EVENTS_PATH}",
    }


class Polling:
    """Answers polls, and slows down who asks too often."""

    def __init__(self, ports: Ports, approvals: ApprovalFlow, issuer: Issuer) -> None:
        self._approvals = approvals
        self._issuer = issuer
        self._paces = Shelf(ports.store, "pace", Pace)
        self._clock = ports.clock

    async def answer(
        self,
        secret: str,
        client: Client,
        grant: Grant,
        wait: timedelta,
        *,
        extra: Mapping[str, Any] | None = None,
        confirmation: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Answer a poll, held for `wait` while nobody has answered.

        Args:
            secret: What the client was given for its request.
            extra: What the grant adds to the ID token.
            confirmation: The key to which the tokens are bound.

        Raises:
            AccessDenied, AuthorizationPending, ExpiredToken, InvalidGrant, SlowDown: as named.
        """
        request = await self._approvals.for_client(secret, client.id, grant, wait)
        if request is None:
            raise InvalidGrant("unknown, foreign or of another grant")
        match request.status_at(self._clock()):
            case Status.APPROVED:
                return await self._issuer.issue(
                    request, client, extra=extra, confirmation=confirmation
                )
            case Status.DENIED:
                raise AccessDenied(_DENIED.get(request.reason or "", "denied"))
            case Status.SUPERSEDED | Status.REVOKED as status:
                raise AccessDenied(status)
            case Status.EXPIRED:
                raise ExpiredToken
            case Status.PENDING:
                await self._keep_pace(request, held=bool(wait))
                hint = request.hint_at(self._clock())
                raise AuthorizationPending(**({"hint": hint} if hint else {}))
            case _:
                raise InvalidGrant("used")

    async def _keep_pace(self, request: AuthRequest, *, held: bool) -> None:
        """Count a poll of a pending request.

        Raises:
            SlowDown: it came too soon after the one before.
        """
        now = self._clock()
        lifetime = request.expires_at - now
        while True:
            stored = await self._paces.get(request.id)
            if stored is None:
                begun = pace.first(now)
                following, too_soon = pace.after_held(begun, now) if held else begun, False
                counted = await self._paces.create(request.id, following, lifetime)
            else:
                following, too_soon = pace.poll(stored.value, now)
                if held:
                    following, too_soon = pace.after_held(stored.value, now), False
                counted = await self._paces.swap(request.id, stored, following)
            if counted and too_soon:
                raise SlowDown
            if counted:
                return
